/*
 * A YAML file read into a protobuf message by reflection. libyaml composes the document, this
 * walks it beside the message's descriptor.
 */
#include "cli/yaml_message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <yaml.h>

#include "base/text.h"
#include "cli/json.h"
#include "cli/message.h"

enum { PATH_SIZE = 256 };

struct yaml_line {
	struct yaml_line *next;
	char *path;
	unsigned line;
};

struct yaml_lines {
	struct yaml_line *first;
};

struct reader {
	struct arena *arena;
	const char *file;
	const char *text;
	yaml_document_t *document;
	struct yaml_lines *lines;
	struct otk_error *err;
	size_t nodes;
	char path[PATH_SIZE];
};

static int bad(struct reader *r, const yaml_node_t *node, const char *what, const char *right)
{
	return error_set(r->err, OTK_INVALID_ARGUMENT, "BAD_FILE", "%s:%lu: %s%s%s%s%s",
	        r->file, (unsigned long)node->start_mark.line + 1, r->path,
	        r->path[0] != '\0' ? ": " : "", what, right[0] != '\0' ? "; " : "", right);
}

static int no_memory(struct reader *r)
{
	return error_set(r->err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY",
	        "%s: does not fit into memory", r->file);
}

static int line_note(struct reader *r, const yaml_node_t *node)
{
	struct yaml_line *line = arena_alloc(r->arena, sizeof *line);

	if (line == NULL)
		return no_memory(r);
	line->path = arena_strdup(r->arena, r->path);
	line->line = (unsigned)node->start_mark.line + 1;
	line->next = r->lines->first;
	r->lines->first = line;
	return line->path == NULL ? no_memory(r) : 0;
}

static const char *scalar(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

/* Names of the fields that a message may have, for errors. */
static void names_of(const ProtobufCMessageDescriptor *type, char *out, size_t size)
{
	size_t used = (size_t)snprintf(out, size, "it may be ");

	for (unsigned i = 0; i < type->n_fields && used < size; i++) {
		int n = snprintf(out + used, size - used, "%s%s", i == 0 ? "" : ", ",
		        type->fields[i].name);

		if (n < 0)
			return;
		used += (size_t)n;
	}
	out[size - 1] = '\0';
}

static int message_fill(
        struct reader *r, const yaml_node_t *node, ProtobufCMessage *message, unsigned depth);

static int number_read(
        struct reader *r, const yaml_node_t *node, int64_t min, int64_t max, int64_t *out)
{
	char right[96];

	if (text_to_i64(scalar(node), min, max, out) == 0)
		return 0;
	(void)snprintf(right, sizeof right, "it must be a whole number from %lld to %lld",
	        (long long)min, (long long)max);
	return bad(r, node, "is no such number", right);
}

static int bool_read(struct reader *r, const yaml_node_t *node, protobuf_c_boolean *out)
{
	const char *text = scalar(node);

	if (strcmp(text, "true") == 0 || strcmp(text, "yes") == 0)
		*out = 1;
	else if (strcmp(text, "false") == 0 || strcmp(text, "no") == 0)
		*out = 0;
	else
		return bad(r, node, "is neither true nor false", "");
	return 0;
}

static int enum_read(
        struct reader *r, const yaml_node_t *node, const ProtobufCFieldDescriptor *f, int *out)
{
	const ProtobufCEnumDescriptor *type = f->descriptor;
	int value = json_enum_value(type, scalar(node));
	char right[256] = "it must be one of";
	size_t used = strlen(right);

	if (value >= 0) {
		*out = value;
		return 0;
	}
	for (unsigned i = 0; i < type->n_values && used < sizeof right - 1; i++) {
		char word[64];
		int n;

		json_enum_word(type, type->values[i].value, word, sizeof word);
		if (word[0] == '\0')
			continue;
		n = snprintf(right + used, sizeof right - used, " %s", word);
		used += n < 0 ? 0 : (size_t)n;
	}
	return bad(r, node, "is none of its words", right);
}

/* One value, repeated or not, into its place. */
static int value_fill(struct reader *r, const yaml_node_t *node,
        const ProtobufCFieldDescriptor *f, void *at, unsigned depth)
{
	int64_t number = 0;
	int rc;

	if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
		ProtobufCMessage *inner = message_new(r->arena, f->descriptor);

		if (inner == NULL)
			return no_memory(r);
		*(ProtobufCMessage **)at = inner;
		return message_fill(r, node, inner, depth + 1);
	}
	if (node->type != YAML_SCALAR_NODE)
		return bad(r, node, "must be a single value, not a list or a mapping", "");
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		if (node->data.scalar.length != strlen(scalar(node)))
			return bad(r, node, "has a NUL character", "");
		*(char **)at = arena_strdup(r->arena, scalar(node));
		return *(char **)at == NULL ? no_memory(r) : 0;
	case PROTOBUF_C_TYPE_UINT32:
		rc = number_read(r, node, 0, UINT32_MAX, &number);
		*(uint32_t *)at = (uint32_t)number;
		return rc;
	case PROTOBUF_C_TYPE_INT64:
		return number_read(r, node, INT64_MIN, INT64_MAX, at);
	case PROTOBUF_C_TYPE_BOOL:
		return bool_read(r, node, at);
	case PROTOBUF_C_TYPE_ENUM:
		return enum_read(r, node, f, at);
	default:
		return bad(r, node, "has a type that files cannot give", "");
	}
}

static size_t element_size(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_INT64:
		return sizeof(int64_t);
	default:
		return sizeof(uint32_t);
	}
}

static void path_index(struct reader *r, size_t length, size_t index)
{
	(void)snprintf(r->path + length, sizeof r->path - length, "[%zu]", index);
}

static int repeated_fill(struct reader *r, const yaml_node_t *node,
        const ProtobufCFieldDescriptor *f, ProtobufCMessage *message, unsigned depth)
{
	size_t *count = (size_t *)(void *)((char *)message + f->quantifier_offset);
	void **items = (void **)(void *)((char *)message + f->offset);
	bool list = node->type == YAML_SEQUENCE_NODE;
	size_t n =
	        list ? (size_t)(node->data.sequence.items.top - node->data.sequence.items.start)
	             : 1;
	size_t length = strlen(r->path);
	char *values = arena_calloc(r->arena, n == 0 ? 1 : n, element_size(f));
	int rc = 0;

	if (values == NULL)
		return no_memory(r);
	*items = values;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		const yaml_node_t *item = list ? yaml_document_get_node(r->document,
		                                         node->data.sequence.items.start[i])
		                               : node;

		path_index(r, length, i);
		rc = line_note(r, item);
		if (rc == 0)
			rc = value_fill(r, item, f, values + i * element_size(f), depth);
		*count = i + 1;
	}
	if (rc == 0)
		r->path[length] = '\0';
	return rc;
}

static int field_fill(struct reader *r, const yaml_node_t *key, const yaml_node_t *value,
        ProtobufCMessage *message, bool *seen, unsigned depth)
{
	const ProtobufCFieldDescriptor *f;
	size_t length = strlen(r->path);
	char right[OTK_MESSAGE_SIZE / 2];
	int rc;

	if (key->type != YAML_SCALAR_NODE)
		return bad(r, key, "a key must be a word", "");
	f = protobuf_c_message_descriptor_get_field_by_name(message->descriptor, scalar(key));
	(void)snprintf(r->path + length, sizeof r->path - length, "%s%.60s",
	        length > 0 ? "." : "", scalar(key));
	if (f == NULL) {
		names_of(message->descriptor, right, sizeof right);
		return bad(r, key, "there is no such key here", right);
	}
	if (seen[f - message->descriptor->fields])
		return bad(r, key, "is given twice", "keep one");
	seen[f - message->descriptor->fields] = true;
	rc = line_note(r, key);
	if (rc == 0)
		rc = f->label == PROTOBUF_C_LABEL_REPEATED
		             ? repeated_fill(r, value, f, message, depth)
		             : value_fill(r, value, f, (char *)message + f->offset, depth);
	if (rc == 0)
		r->path[length] = '\0';
	return rc;
}

static int message_fill(
        struct reader *r, const yaml_node_t *node, ProtobufCMessage *message, unsigned depth)
{
	bool *seen;
	int rc = 0;

	if (depth > YAML_DEPTH_MAX || ++r->nodes > YAML_NODES_MAX)
		return bad(r, node, "is nested too deep or too long", "");
	if (node->type != YAML_MAPPING_NODE)
		return bad(r, node, "must be a mapping of `key: value`", "");
	seen = arena_calloc(r->arena, message->descriptor->n_fields + 1, sizeof *seen);
	if (seen == NULL)
		return no_memory(r);
	for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
	        rc == 0 && p < node->data.mapping.pairs.top; p++)
		rc = field_fill(r, yaml_document_get_node(r->document, p->key),
		        yaml_document_get_node(r->document, p->value), message, seen, depth);
	return rc;
}

/* The line of the first alias, 0: there is none. They can blow a small file up: refused. */
static unsigned long alias_line(const char *text, size_t size)
{
	yaml_parser_t parser;
	yaml_event_t event;
	unsigned long line = 0;
	bool more = true;

	if (yaml_parser_initialize(&parser) == 0)
		return 0;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	while (line == 0 && more && yaml_parser_parse(&parser, &event) != 0) {
		if (event.type == YAML_ALIAS_EVENT)
			line = (unsigned long)event.start_mark.line + 1;
		more = event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return line;
}

static unsigned long line_at(const char *text, size_t offset)
{
	unsigned long line = 1;

	for (size_t i = 0; i < offset; i++)
		line += text[i] == '\n';
	return line;
}

static int file_read(
        struct arena *arena, const char *path, char **text, size_t *size, struct otk_error *err)
{
	FILE *file = fopen(path, "re");
	struct stat st;

	if (file == NULL)
		return error_set(
		        err, OTK_NOT_FOUND, "UNREADABLE", "%s: %s", path, strerror(errno));
	if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode) ||
	        st.st_size > YAML_FILE_MAX) {
		(void)fclose(file);
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_FILE",
		        "%s: must be a file of at most %d bytes", path, YAML_FILE_MAX);
	}
	*text = arena_alloc(arena, (size_t)st.st_size + 1);
	*size = *text == NULL ? 0 : fread(*text, 1, (size_t)st.st_size, file);
	(void)fclose(file);
	if (*text == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	if (memchr(*text, '\0', *size) != NULL)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_FILE",
		        "%s:%lu: has a NUL character", path,
		        line_at(*text, strnlen(*text, *size)));
	if (!text_is_utf8(*text, *size))
		return error_set(
		        err, OTK_INVALID_ARGUMENT, "BAD_FILE", "%s: is not UTF-8 text", path);
	return 0;
}

static int yaml_error(struct reader *r, const yaml_parser_t *parser)
{
	/* Of a character that YAML does not allow there is only its place in the bytes. */
	unsigned long line = parser->error == YAML_READER_ERROR
	                             ? line_at(r->text, parser->problem_offset)
	                             : (unsigned long)parser->problem_mark.line + 1;

	return error_set(r->err, OTK_INVALID_ARGUMENT, "BAD_FILE", "%s:%lu: %s", r->file, line,
	        parser->problem != NULL ? parser->problem : "is no YAML");
}

/* A second document would be read by nobody: told, not passed over. */
static int end_check(struct reader *r, yaml_parser_t *parser)
{
	yaml_document_t document;
	const yaml_node_t *root;
	int rc = 0;

	if (yaml_parser_load(parser, &document) == 0)
		return yaml_error(r, parser);
	root = yaml_document_get_root_node(&document);
	if (root != NULL)
		rc = bad(r, root, "a second document begins", "one file is one document");
	yaml_document_delete(&document);
	return rc;
}

static int document_read(struct reader *r, yaml_parser_t *parser,
        const ProtobufCMessageDescriptor *type, ProtobufCMessage **message)
{
	yaml_document_t document;
	const yaml_node_t *root;
	int rc;

	if (yaml_parser_load(parser, &document) == 0)
		return yaml_error(r, parser);
	r->document = &document;
	*message = message_new(r->arena, type);
	root = yaml_document_get_root_node(&document);
	if (*message == NULL)
		rc = no_memory(r);
	else if (root == NULL)
		rc = error_set(
		        r->err, OTK_INVALID_ARGUMENT, "BAD_FILE", "%s: is empty", r->file);
	else
		rc = message_fill(r, root, *message, 0);
	yaml_document_delete(&document);
	if (rc == 0)
		rc = end_check(r, parser);
	return rc;
}

int yaml_message_read(struct arena *arena, const char *path,
        const ProtobufCMessageDescriptor *type, ProtobufCMessage **message,
        struct yaml_lines **lines, struct otk_error *err)
{
	struct reader r = {.arena = arena, .file = path, .err = err};
	yaml_parser_t parser;
	unsigned long alias;
	char *text = NULL;
	size_t size = 0;
	int rc = file_read(arena, path, &text, &size, err);

	if (rc != 0)
		return rc;
	alias = alias_line(text, size);
	if (alias != 0)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_FILE",
		        "%s:%lu: aliases (*name) are not taken; write the value out", path,
		        alias);
	r.text = text;
	r.lines = arena_calloc(arena, 1, sizeof *r.lines);
	if (r.lines == NULL || yaml_parser_initialize(&parser) == 0)
		return no_memory(&r);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	rc = document_read(&r, &parser, type, message);
	yaml_parser_delete(&parser);
	if (rc == 0 && lines != NULL)
		*lines = r.lines;
	return rc;
}

unsigned yaml_line_of(const struct yaml_lines *lines, const char *path)
{
	size_t best = 0;
	unsigned line = 1;

	for (const struct yaml_line *l = lines->first; l != NULL; l = l->next) {
		size_t n = strlen(l->path);

		/* A whole path or a parent: what follows begins a member or an index. */
		if (n >= best && strncmp(l->path, path, n) == 0 &&
		        (path[n] == '\0' || path[n] == '.' || path[n] == '[')) {
			best = n;
			line = l->line;
		}
	}
	return line;
}
