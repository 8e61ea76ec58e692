/* Checks from YAML: a table of keys, errors with file and line. */
#include "agent/check_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "agent/queue.h"
#include "base/clock.h"
#include "base/text.h"

enum { FILE_MAX = 4 * 1024 * 1024 };

struct reader {
	const char *path;
	yaml_document_t *document;
	struct otk_error *err;
};

enum key_kind { KEY_TEXT, KEY_COMMAND, KEY_NUMBER, KEY_DURATION, KEY_SECONDS };

struct key {
	const char *name;
	enum key_kind kind;
	bool required;
	size_t offset;
	int64_t min; /* of the number; durations in seconds */
	int64_t max; /* of the number; texts: greatest length */
	const char *right;
};

#define AT(field) offsetof(struct check_spec, field)

static const struct key KEYS[] = {
        {"name", KEY_TEXT, true, AT(name), 0, QUEUE_NAME_SIZE - 1, "1 to 127 bytes of text"},
        {"host", KEY_TEXT, true, AT(host), 0, QUEUE_NAME_SIZE - 1, "1 to 127 bytes of text"},
        {"service", KEY_TEXT, false, AT(service), 0, 127, "1 to 127 bytes of text"},
        {"category", KEY_TEXT, false, AT(category), 0, 127, "1 to 127 bytes of text"},
        {"command", KEY_COMMAND, true, AT(argv), 0, 0,
                "a list: the absolute path of a plugin, then its arguments"},
        {"impact", KEY_NUMBER, false, AT(impact), 1, 3, "1 (greatest) to 3"},
        {"urgency", KEY_NUMBER, false, AT(urgency), 1, 3, "1 (greatest) to 3"},
        {"max_attempts", KEY_NUMBER, false, AT(rules.max_attempts), 1, 100, "1 to 100"},
        {"check_interval", KEY_DURATION, false, AT(rules.check_interval), 1, 604800,
                "1s to 168h, such as 30s, 5m or 1h"},
        {"retry_interval", KEY_DURATION, false, AT(rules.retry_interval), 1, 604800,
                "1s to 168h, such as 30s, 5m or 1h"},
        {"timeout", KEY_SECONDS, false, AT(timeout_s), 1, 3600, "1s to 1h, such as 10s"},
};

enum { KEY_COUNT = sizeof KEYS / sizeof KEYS[0] };

static int node_error(const struct reader *in, const yaml_node_t *node, const char *reason,
        const char *what, const char *right)
{
	return error_set(in->err, OTK_INVALID_ARGUMENT, reason, "%s:%zu: %.150s: must be %s",
	        in->path, node->start_mark.line + 1, what, right);
}

/* The text of a scalar without NUL; NULL if it is none. */
static const char *scalar_text(const yaml_node_t *node)
{
	const char *text;

	if (node == NULL || node->type != YAML_SCALAR_NODE)
		return NULL;
	text = (const char *)node->data.scalar.value;
	return strlen(text) == node->data.scalar.length ? text : NULL;
}

/* "90", "90s", "5m", "1h" in seconds. */
static int duration_parse(const char *text, int64_t min, int64_t max, int64_t *out)
{
	char digits[16];
	size_t n = strspn(text, "0123456789");
	int64_t unit = 1;
	int64_t value;

	if (n == 0 || n >= sizeof digits - 4)
		return -OTK_INVALID_ARGUMENT;
	memcpy(digits, text, n);
	digits[n] = '\0';
	if (strcmp(text + n, "m") == 0)
		unit = 60;
	else if (strcmp(text + n, "h") == 0)
		unit = 3600;
	else if (text[n] != '\0' && strcmp(text + n, "s") != 0)
		return -OTK_INVALID_ARGUMENT;
	if (text_to_i64(digits, 0, max, &value) != 0 || value * unit < min ||
	        value * unit > max)
		return -OTK_INVALID_ARGUMENT;
	*out = value * unit;
	return 0;
}

static int memory_error(struct reader *in)
{
	return error_set(in->err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory");
}

static int command_read(struct reader *in, const yaml_node_t *node, char ***out)
{
	yaml_node_item_t *item;
	size_t count = 0;
	char **argv;

	if (node->type != YAML_SEQUENCE_NODE)
		return -OTK_INVALID_ARGUMENT;
	count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (count == 0 || count > CHECK_ARGS_MAX)
		return -OTK_INVALID_ARGUMENT;
	argv = calloc(count + 1, sizeof *argv);
	if (argv == NULL)
		return memory_error(in);
	*out = argv; /* freed with the check, complete or not */
	for (item = node->data.sequence.items.start; item < node->data.sequence.items.top;
	        item++) {
		const char *text = scalar_text(yaml_document_get_node(in->document, *item));

		if (text == NULL || (argv == *out && text[0] != '/'))
			return -OTK_INVALID_ARGUMENT;
		*argv = strdup(text);
		if (*argv++ == NULL)
			return memory_error(in);
	}
	return 0;
}

static int text_read(struct reader *in, const struct key *key, const char *text, char **out)
{
	if (text == NULL || *text == '\0' || strlen(text) > (size_t)key->max)
		return -OTK_INVALID_ARGUMENT;
	free(*out);
	*out = strdup(text);
	return *out == NULL ? memory_error(in) : 0;
}

static int value_read(struct reader *in, const struct key *key, const yaml_node_t *node,
        struct check_spec *check)
{
	void *field = (char *)check + key->offset;
	const char *text = scalar_text(node);
	int64_t number = 0;

	switch (key->kind) {
	case KEY_COMMAND:
		return command_read(in, node, field);
	case KEY_TEXT:
		return text_read(in, key, text, field);
	case KEY_NUMBER:
		if (text == NULL || text_to_i64(text, key->min, key->max, &number) != 0)
			return -OTK_INVALID_ARGUMENT;
		*(uint32_t *)field = (uint32_t)number;
		return 0;
	case KEY_DURATION:
	case KEY_SECONDS:
		break;
	}
	if (text == NULL || duration_parse(text, key->min, key->max, &number) != 0)
		return -OTK_INVALID_ARGUMENT;
	if (key->kind == KEY_SECONDS)
		*(long *)field = (long)number;
	else
		*(int64_t *)field = number * CLOCK_SECOND;
	return 0;
}

static int pair_read(struct reader *in, const yaml_node_pair_t *pair, bool seen[KEY_COUNT],
        struct check_spec *check)
{
	const yaml_node_t *name = yaml_document_get_node(in->document, pair->key);
	const yaml_node_t *value = yaml_document_get_node(in->document, pair->value);
	const char *text = scalar_text(name);

	for (size_t i = 0; text != NULL && i < KEY_COUNT; i++) {
		int rc;

		if (strcmp(KEYS[i].name, text) != 0)
			continue;
		if (seen[i])
			return node_error(in, name, "REPEATED_KEY", text, "given once");
		seen[i] = true;
		rc = value_read(in, &KEYS[i], value, check);
		return rc == -OTK_INVALID_ARGUMENT
		               ? node_error(in, value, "BAD_VALUE", text, KEYS[i].right)
		               : rc;
	}
	return node_error(in, name, "UNKNOWN_KEY", text == NULL ? "a key" : text,
	        "one of name, host, command, service, category, impact, urgency, max_attempts, "
	        "check_interval, retry_interval, timeout");
}

static int check_read(struct reader *in, const yaml_node_t *node, struct check_spec *check)
{
	bool seen[KEY_COUNT] = {false};

	*check = (struct check_spec){
	        .impact = 2,
	        .urgency = 2,
	        .timeout_s = 60,
	        .rules = {.max_attempts = 3,
	                .check_interval = 300 * CLOCK_SECOND,
	                .retry_interval = 60 * CLOCK_SECOND,
	                .flap_start_permil = 300,
	                .flap_stop_permil = 200},
	};
	if (node->type != YAML_MAPPING_NODE)
		return node_error(in, node, "BAD_CHECK", "a check",
		        "a mapping with at least name, host and command");
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	        pair < node->data.mapping.pairs.top; pair++) {
		int rc = pair_read(in, pair, seen, check);

		if (rc != 0)
			return rc;
	}
	for (size_t i = 0; i < KEY_COUNT; i++) {
		char **field = (char **)(void *)((char *)check + KEYS[i].offset);

		if (seen[i])
			continue;
		if (KEYS[i].required)
			return node_error(in, node, "MISSING_KEY", KEYS[i].name, KEYS[i].right);
		if (KEYS[i].kind != KEY_TEXT)
			continue;
		*field = strdup("");
		if (*field == NULL)
			return memory_error(in);
	}
	return 0;
}

static int name_check(struct reader *in, const yaml_node_t *node, const struct check_list *list)
{
	const struct check_spec *last = &list->checks[list->count - 1];

	for (size_t i = 0; i + 1 < list->count; i++) {
		if (strcmp(list->checks[i].name, last->name) == 0 &&
		        strcmp(list->checks[i].host, last->host) == 0)
			return node_error(in, node, "REPEATED_CHECK", last->name,
			        "a name used once for each host");
	}
	return 0;
}

static int list_read(struct reader *in, const yaml_node_t *node, struct check_list *list)
{
	size_t count;

	if (node->type != YAML_SEQUENCE_NODE)
		return node_error(in, node, "BAD_FILE", "checks", "a list of checks");
	count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (count > CHECK_COUNT_MAX)
		return node_error(in, node, "TOO_MANY", "checks", "at most 10000");
	list->checks = calloc(count + 1, sizeof *list->checks);
	if (list->checks == NULL)
		return memory_error(in);
	for (size_t i = 0; i < count; i++) {
		const yaml_node_t *item = yaml_document_get_node(
		        in->document, node->data.sequence.items.start[i]);
		int rc = check_read(in, item, &list->checks[list->count++]);

		if (rc == 0)
			rc = name_check(in, item, list);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* The file is a mapping with the one key `checks`. */
static int root_read(struct reader *in, struct check_list *list)
{
	const yaml_node_t *root = yaml_document_get_root_node(in->document);
	const yaml_node_pair_t *pair;
	const char *key;

	if (root == NULL)
		return error_set(in->err, OTK_INVALID_ARGUMENT, "BAD_FILE",
		        "%s:1: the file is empty: must be `checks:` and a list", in->path);
	if (root->type != YAML_MAPPING_NODE ||
	        root->data.mapping.pairs.top - root->data.mapping.pairs.start != 1)
		return node_error(in, root, "BAD_FILE", "the file", "`checks:` and a list");
	pair = root->data.mapping.pairs.start;
	key = scalar_text(yaml_document_get_node(in->document, pair->key));
	if (key == NULL || strcmp(key, "checks") != 0)
		return node_error(in, root, "BAD_FILE", "the file", "`checks:` and a list");
	return list_read(in, yaml_document_get_node(in->document, pair->value), list);
}

static int document_read(
        const char *path, FILE *file, struct check_list *list, struct otk_error *err)
{
	yaml_parser_t parser;
	yaml_document_t document;
	struct reader in = {.path = path, .document = &document, .err = err};
	int rc;

	if (!yaml_parser_initialize(&parser))
		return memory_error(&in);
	yaml_parser_set_input_file(&parser, file);
	if (yaml_parser_load(&parser, &document)) {
		rc = root_read(&in, list);
		yaml_document_delete(&document);
	} else {
		rc = error_set(err, OTK_INVALID_ARGUMENT, "BAD_YAML", "%s:%zu: not YAML: %s",
		        path, parser.problem_mark.line + 1,
		        parser.problem != NULL ? parser.problem : "unreadable");
	}
	yaml_parser_delete(&parser);
	return rc;
}

int check_list_load(const char *path, struct check_list *out, struct otk_error *err)
{
	struct check_list list = {0};
	FILE *file = fopen(path, "re");
	int rc;

	*out = list;
	if (file == NULL)
		return error_set(
		        err, OTK_NOT_FOUND, "NO_FILE", "%.300s: %s", path, strerror(errno));
	if (fseek(file, 0, SEEK_END) != 0 || ftell(file) > FILE_MAX ||
	        fseek(file, 0, SEEK_SET) != 0)
		rc = error_set(err, OTK_INVALID_ARGUMENT, "BAD_FILE",
		        "%.300s: must be a file of at most 4 MiB", path);
	else
		rc = document_read(path, file, &list, err);
	(void)fclose(file);
	if (rc != 0)
		check_list_free(&list);
	else
		*out = list;
	return rc;
}

void check_list_free(struct check_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct check_spec *check = &list->checks[i];

		free(check->name);
		free(check->host);
		free(check->service);
		free(check->category);
		for (char **arg = check->argv; arg != NULL && *arg != NULL; arg++)
			free(*arg);
		free(check->argv);
	}
	free(list->checks);
	*list = (struct check_list){0};
}

const struct check_spec *check_list_find(const struct check_list *list, const char *name)
{
	const char *slash = strchr(name, '/');
	const struct check_spec *found = NULL;

	for (size_t i = 0; i < list->count; i++) {
		const struct check_spec *check = &list->checks[i];
		size_t host = strlen(check->host);

		if (strncmp(name, check->host, host) == 0 && name[host] == '/' &&
		        strcmp(name + host + 1, check->name) == 0)
			return check;
		if (slash == NULL && strcmp(name, check->name) == 0) {
			if (found != NULL)
				return NULL;
			found = check;
		}
	}
	return found;
}
