/*
 * A declared installation as things that can be compared with the stored ones. Everything is
 * checked here first; what is wrong is named by its path ("contracts[1].targets[0].target").
 */
#ifndef OTKLIK_RPC_INSTALLATION_DECLARE_H
#define OTKLIK_RPC_INSTALLATION_DECLARE_H

#include "desk/installation.h"
#include "wire/schema.h"

/*
 * Fills *out, an empty list with its arena. 0; -OTK_INVALID_ARGUMENT with up to eight
 * violations; -OTK_RESOURCE_EXHAUSTED. Texts are borrowed from the message and the arena.
 */
int installation_declare(
        const Otklik__V1__Installation *in, struct thing_list *out, struct otk_error *err);

/*
 * Whether customers may have webhooks and where those lead, which this server's settings
 * decide. 0 or -OTK_INVALID_ARGUMENT with violations.
 */
int declare_webhook_urls(const Otklik__V1__Installation *in, bool enabled, bool allow_private,
        struct otk_error *err);

struct preference;

/* Wishes from outside, and one template: violations are put before the fields' names. */
int wishes_parse(
        const Otklik__V1__Preference *in, struct preference *out, struct otk_error *err);
void template_check_fields(
        const Otklik__V1__Template *in, const char *prefix, struct otk_error *err);

/* What is allowed, but should be known to whoever applies it. */
struct declare_warning {
	const char *field; /* "targets[3].target" */
	const char *text;
};

/*
 * One contract alone, held against the stored installation; paths are those of the contract
 * ("targets[0].target"). Appends it to *out, whose arena also holds the warnings. As above.
 */
int contract_declare(const Otklik__V1__Contract *in, const struct thing_list *stored,
        struct thing_list *out, const struct declare_warning **warnings, size_t *warning_count,
        struct otk_error *err);

/*
 * Contracts that tie: declared ones among themselves (`stored` NULL), or with those stored that
 * stay beside them: all of other codes, of a `whole` installation only those that have files of
 * their own. 0 or a negative status with violations.
 */
int declare_ties(const struct thing_list *declared, const struct thing_list *stored, bool whole,
        struct otk_error *err);

#endif
