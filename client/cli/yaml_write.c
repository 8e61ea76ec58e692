/* Messages written as YAML by reflection. */
#include "cli/yaml_write.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/clean.h"
#include "cli/cli.h"
#include "cli/json.h"

enum { LINE_MAX_BYTES = 96, DEPTH_MAX = 8 };

/* Words and numbers that YAML readers take for a text that they are. */
static bool is_plain(const char *text)
{
	static const char *const WORDS[] = {
	        "true", "false", "yes", "no", "on", "off", "null", "y", "n"};
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                             "0123456789._/+-% ");

	if (*text == '\0' || text[length] != '\0' || strchr(" -%+.", *text) != NULL ||
	        text[length - 1] == ' ')
		return false;
	for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
		if (strcmp(WORDS[i], text) == 0)
			return false;
	}
	return true;
}

/* Bytes of the character that begins here; what is no UTF-8 is told by clean_bad(). */
static size_t whole(const char *at)
{
	size_t length = 1;

	while (((unsigned char)at[length] & 0xc0) == 0x80)
		length++;
	return length;
}

/* Double quotes; what could steer a terminal is escaped. */
static void put_text(struct buf *out, const char *text)
{
	if (is_plain(text)) {
		buf_puts(out, text);
		return;
	}
	buf_putc(out, '"');
	for (const char *at = text; *at != '\0';) {
		unsigned point;
		size_t bad = clean_bad(at, strlen(at), &point);

		if (bad > 0)
			buf_printf(out, "\\U%08x", point);
		else if (*at == '"' || *at == '\\')
			buf_printf(out, "\\%c", *at);
		else
			buf_append(out, at, whole(at));
		at += bad > 0 ? bad : whole(at);
	}
	buf_putc(out, '"');
}

static const void *member(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *f)
{
	return (const char *)message + f->offset;
}

static size_t count_of(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *f)
{
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const size_t *)(const void *)((const char *)message +
		                                       f->quantifier_offset);
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		return **(char *const *)member(message, f) != '\0';
	case PROTOBUF_C_TYPE_MESSAGE:
		return *(ProtobufCMessage *const *)member(message, f) != NULL;
	case PROTOBUF_C_TYPE_INT64:
		return *(const int64_t *)member(message, f) != 0;
	default:
		return *(const uint32_t *)member(message, f) != 0;
	}
}

/* The i-th value of a field, of a scalar type. */
static void put_scalar(struct buf *out, const ProtobufCMessage *message,
        const ProtobufCFieldDescriptor *f, size_t i)
{
	const void *at = member(message, f);
	char word[64];

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		at = *(void *const *)at;
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		put_text(out, ((char *const *)at)[i]);
		break;
	case PROTOBUF_C_TYPE_INT64:
		buf_printf(out, "%" PRId64, ((const int64_t *)at)[i]);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		buf_puts(out, ((const protobuf_c_boolean *)at)[i] ? "true" : "false");
		break;
	case PROTOBUF_C_TYPE_ENUM:
		json_enum_word(f->descriptor, ((const int *)at)[i], word, sizeof word);
		put_text(out, word);
		break;
	default:
		buf_printf(out, "%" PRIu32, ((const uint32_t *)at)[i]);
		break;
	}
}

static bool is_message(const ProtobufCFieldDescriptor *f)
{
	return f->type == PROTOBUF_C_TYPE_MESSAGE;
}

static void put_list(
        struct buf *out, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *f)
{
	buf_putc(out, '[');
	for (size_t i = 0; i < count_of(message, f); i++) {
		buf_puts(out, i > 0 ? ", " : "");
		put_scalar(out, message, f, i);
	}
	buf_putc(out, ']');
}

/* "{key: value, …}"; false where a part of it is a message itself. */
static bool put_flow(struct buf *out, const ProtobufCMessage *message)
{
	bool first = true;

	buf_putc(out, '{');
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &message->descriptor->fields[i];

		if (count_of(message, f) == 0)
			continue;
		if (is_message(f))
			return false;
		buf_printf(out, "%s%s: ", first ? "" : ", ", f->name);
		first = false;
		if (f->label == PROTOBUF_C_LABEL_REPEATED)
			put_list(out, message, f);
		else
			put_scalar(out, message, f, 0);
	}
	buf_putc(out, '}');
	return true;
}

static void put_message(struct buf *out, const ProtobufCMessage *message, int indent);

static void put_messages(struct buf *out, const ProtobufCMessage *message,
        const ProtobufCFieldDescriptor *f, int indent)
{
	ProtobufCMessage *const *items = *(ProtobufCMessage * *const *)member(message, f);

	for (size_t i = 0; i < count_of(message, f); i++) {
		size_t before = out->len;

		buf_printf(out, "%*s- ", indent, "");
		if (put_flow(out, items[i]) && out->len - before <= LINE_MAX_BYTES) {
			buf_putc(out, '\n');
			continue;
		}
		/* As a block, whose first line stands behind the dash. */
		out->len = before;
		put_message(out, items[i], indent + 2);
		if (!out->failed && out->len > before + (size_t)indent)
			out->data[before + (size_t)indent] = '-';
	}
}

static void put_message(struct buf *out, const ProtobufCMessage *message, int indent)
{
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &message->descriptor->fields[i];

		if (count_of(message, f) == 0 || indent > 2 * DEPTH_MAX)
			continue;
		buf_printf(out, "%*s%s:", indent, "", f->name);
		if (is_message(f) && f->label == PROTOBUF_C_LABEL_REPEATED) {
			buf_putc(out, '\n');
			put_messages(out, message, f, indent + 2);
			continue;
		}
		if (is_message(f)) {
			buf_putc(out, '\n');
			put_message(out, *(ProtobufCMessage *const *)member(message, f),
			        indent + 2);
			continue;
		}
		buf_putc(out, ' ');
		if (f->label == PROTOBUF_C_LABEL_REPEATED)
			put_list(out, message, f);
		else
			put_scalar(out, message, f, 0);
		buf_putc(out, '\n');
	}
}

int yaml_write_message(const ProtobufCMessage *message, FILE *out)
{
	struct buf text = {0};

	put_message(&text, message, 0);
	if (text.failed) {
		buf_free(&text);
		(void)fputs("otklik: out of memory\n", stderr);
		return EXIT_SOFTWARE;
	}
	if (text.len > 0)
		(void)fwrite(text.data, 1, text.len, out);
	buf_free(&text);
	return output_check(out);
}
