/* The YAML file of checks. */
#ifndef OTKLIK_AGENT_CHECK_FILE_H
#define OTKLIK_AGENT_CHECK_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "agent/check_state.h"
#include "base/status.h"

enum { CHECK_ARGS_MAX = 64, CHECK_COUNT_MAX = 10000 };

/* One check. Texts belong to the list; "" where the file says nothing. */
struct check_spec {
	char *name;
	char *host;
	char *service;
	char *category;
	char **argv; /* NULL-terminated */
	uint32_t impact;
	uint32_t urgency;
	long timeout_s;
	struct check_rules rules; /* flapping thresholds are the caller's to set */
};

struct check_list {
	size_t count;
	struct check_spec *checks;
};

/*
 * Reads the file. An error names file, line, and what would be right: unknown or repeated
 * keys, missing ones, values out of range, two checks of one name on one host. On failure
 * *out is empty.
 */
int check_list_load(const char *path, struct check_list *out, struct otk_error *err);
void check_list_free(struct check_list *list);

/* The check called `name`, or "host/name"; NULL if none or, for a bare name, several are. */
const struct check_spec *check_list_find(const struct check_list *list, const char *name);

#endif
