/* The words of notices: texts with {variables}, by language. */
#ifndef OTKLIK_NOTICE_TEMPLATE_H
#define OTKLIK_NOTICE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "core/notification.h"

enum {
	TEMPLATE_SUMMARY = NOTICE_COUNT, /* more than there was room for */
	TEMPLATE_DIGEST,                 /* what was kept for a person until now */
	TEMPLATE_SUMMARY_LINE,
	TEMPLATE_REST,
	TEMPLATE_COUNT
};
enum { TEMPLATE_SUBJECT_MAX = 500, TEMPLATE_BODY_MAX = 8000 };

struct template
{
	const char *subject;
	const char *body;
};

struct language {
	const char *code; /* "ru" */
	struct template templates[TEMPLATE_COUNT];
	const char *clocks[CLOCK_KIND_COUNT]; /* by enum clock_kind */
	const char *kinds[NOTICE_COUNT];      /* for the lines of a summary */
	const char *nobody;                   /* who acted when it was the system */
	const char *none;                     /* a due time that is not promised */
};

/* One that was declared; customer 0: for all of them. */
struct own_template {
	int32_t customer_id;
	const char *language; /* "ru" or "ru-RU" */
	const char *name;
	const char *subject; /* "": the built-in one */
	const char *body;
};

/* "created" … "summary", "digest", "line", "rest"; -1 where there is none of that name. */
const char *template_name(int template);
int template_find(const char *name);

/*
 * The words for a customer's reader with that language: of the declared ones that for the
 * customer comes before that for all, the whole tag before its first part; else the built-in.
 */
struct template template_choose(const struct own_template *own, size_t count,
        int32_t customer_id, const char *language, int template);

/* By tag, also "ru-RU"; English where it is not known. */
const struct language *language_find(const char *tag);

/* The i-th with built-in words; NULL past the last (there are at most three). */
const struct language *language_at(size_t i);

/* Looks a variable up: appends its value. False: there is no such one. */
typedef bool template_lookup(void *context, const char *name, size_t length, struct buf *out);

/* 0; -OTK_INVALID_ARGUMENT for an unknown variable or a brace without its other;
 * -OTK_RESOURCE_EXHAUSTED. */
int template_render(const char *text, template_lookup *lookup, void *context, struct buf *out);

/* One text: 0, or -OTK_INVALID_ARGUMENT with err naming what is wrong with it. */
int template_try(const char *text, struct otk_error *err);

/* Renders every template of every language with nothing in it: to be called at start. 0, or
 * -OTK_INVALID_ARGUMENT with err naming template and variable. */
int template_check(struct otk_error *err);

#endif
