/* Protobuf messages as JSON, by reflection. */
#include "cli/json.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/time_text.h"
#include "cli/clean.h"
#include "cli/cli.h"

/* Length of the prefix that all values of the enum share: that of the UNSPECIFIED one. */
static size_t enum_prefix(const ProtobufCEnumDescriptor *type)
{
	for (unsigned i = 0; i < type->n_values; i++) {
		const char *found = strstr(type->values[i].name, "UNSPECIFIED");

		if (found != NULL)
			return (size_t)(found - type->values[i].name);
	}
	return 0;
}

void json_enum_word(const ProtobufCEnumDescriptor *type, int value, char *out, size_t size)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(type, value);
	size_t i = 0;

	if (v != NULL && value != 0) {
		const char *name = v->name + enum_prefix(type);

		for (; name[i] != '\0' && i < size - 1; i++)
			out[i] = (char)tolower((unsigned char)name[i]);
	}
	out[i] = '\0';
}

int json_enum_value(const ProtobufCEnumDescriptor *type, const char *word)
{
	char name[64];

	for (unsigned i = 0; i < type->n_values; i++) {
		json_enum_word(type, type->values[i].value, name, sizeof name);
		if (name[0] != '\0' && strcmp(name, word) == 0)
			return type->values[i].value;
	}
	return -1;
}

static bool is_duration(const char *name)
{
	static const char *const NAMES[] = {
	        "consumed_us", "target_us", "age_us", "lead_us", "notice_us", "median_slip_us"};

	for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
		if (strcmp(name, NAMES[i]) == 0)
			return true;
	}
	return false;
}

static bool ends_in_us(const char *name)
{
	size_t n = strlen(name);

	return n > 3 && strcmp(name + n - 3, "_us") == 0;
}

static json_t *hex(const ProtobufCBinaryData *bytes)
{
	static const char HEX[] = "0123456789abcdef";
	char text[129];
	size_t n = bytes->len < 64 ? bytes->len : 64;

	for (size_t i = 0; i < n; i++) {
		text[2 * i] = HEX[bytes->data[i] >> 4];
		text[2 * i + 1] = HEX[bytes->data[i] & 15];
	}
	text[2 * n] = '\0';
	return json_string(text);
}

static json_t *instant(int64_t us)
{
	char text[TIME_TEXT_SIZE];

	return us == 0 ? json_null() : json_string(time_format_utc(us, text));
}

static json_t *value_of(const ProtobufCFieldDescriptor *f, const void *at)
{
	char word[64];

	switch (f->type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		if (is_duration(f->name))
			return json_real((double)*(const int64_t *)at / (double)CLOCK_SECOND);
		if (ends_in_us(f->name))
			return instant(*(const int64_t *)at);
		return json_integer(*(const int64_t *)at);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return json_integer((json_int_t) * (const uint64_t *)at);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return json_integer(*(const int32_t *)at);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return json_integer(*(const uint32_t *)at);
	case PROTOBUF_C_TYPE_ENUM:
		json_enum_word(f->descriptor, *(const int *)at, word, sizeof word);
		return word[0] == '\0' ? json_null() : json_string(word);
	case PROTOBUF_C_TYPE_BOOL:
		return json_boolean(*(const protobuf_c_boolean *)at);
	case PROTOBUF_C_TYPE_DOUBLE:
		return json_real(*(const double *)at);
	case PROTOBUF_C_TYPE_FLOAT:
		return json_real((double)*(const float *)at);
	case PROTOBUF_C_TYPE_STRING: {
		const char *text = *(const char *const *)at;

		return json_string(text == NULL ? "" : text);
	}
	case PROTOBUF_C_TYPE_BYTES:
		return hex(at);
	case PROTOBUF_C_TYPE_MESSAGE: {
		const ProtobufCMessage *m = *(const ProtobufCMessage *const *)at;

		return m == NULL ? json_null() : json_of_message(m);
	}
	}
	return json_null();
}

static size_t element_size(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	default:
		return 4;
	}
}

static json_t *list_of(const ProtobufCFieldDescriptor *f, const ProtobufCMessage *message)
{
	size_t count =
	        *(const size_t *)(const void *)((const char *)message + f->quantifier_offset);
	const char *items =
	        *(const char *const *)(const void *)((const char *)message + f->offset);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(list, value_of(f, items + i * element_size(f)));
	return list;
}

/* The key in JSON: instants and durations lose or change their unit. */
static void key_of(const ProtobufCFieldDescriptor *f, char *out, size_t size)
{
	(void)snprintf(out, size, "%s", f->name);
	if (f->type != PROTOBUF_C_TYPE_INT64 || !ends_in_us(out))
		return;
	out[strlen(out) - (is_duration(out) ? 2 : 3)] = '\0';
	if (out[strlen(out) - 1] == '_')
		(void)strcat(out, "s");
}

json_t *json_of_message(const ProtobufCMessage *message)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &message->descriptor->fields[i];
		char key[64];
		json_t *value;

		/* Of a oneof only the member that is set. */
		if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
		        *(const uint32_t *)(const void *)((const char *)message +
		                                          f->quantifier_offset) != f->id)
			continue;
		key_of(f, key, sizeof key);
		value = f->label == PROTOBUF_C_LABEL_REPEATED
		                ? list_of(f, message)
		                : value_of(f, (const char *)message + f->offset);
		/* Not a number, or no UTF-8: jansson has no value for it. */
		(void)json_object_set_new(object, key, value == NULL ? json_null() : value);
	}
	return object;
}

/* jansson gives whole characters; what a terminal must not get becomes an escape, a UTF-16 pair
 * never being needed. */
static int put_escaped(const char *text, size_t size, void *out)
{
	size_t done = 0;

	for (size_t i = 0; i < size;) {
		unsigned point;
		size_t bad = (unsigned char)text[i] < 0x20
		                     ? 0 /* layout: inside strings they are escaped already */
		                     : clean_bad(text + i, size - i, &point);

		if (bad == 0) {
			i++;
			while (i < size && ((unsigned char)text[i] & 0xC0) == 0x80)
				i++;
			continue;
		}
		if (fwrite(text + done, 1, i - done, out) != i - done ||
		        fprintf(out, "\\u%04x", point) < 0)
			return -1;
		i += bad;
		done = i;
	}
	return fwrite(text + done, 1, size - done, out) == size - done ? 0 : -1;
}

int json_put(json_t *value, bool pretty, FILE *out)
{
	int rc = value == NULL || json_dump_callback(value, put_escaped, out,
	                                  JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) |
	                                          (pretty ? JSON_INDENT(2) : 0)) != 0;

	json_decref(value);
	return rc != 0 ? EXIT_IO : 0;
}

void json_list_add(struct json_list *list, json_t *value)
{
	(void)fputs(list->any ? ",\n" : "[\n", list->out);
	list->any = true;
	(void)json_put(value, false, list->out);
}

void json_list_end(struct json_list *list)
{
	(void)fputs(list->any ? "\n]\n" : "[]\n", list->out);
}

int output_check(FILE *out)
{
	if (fflush(out) == 0 && !ferror(out))
		return 0;
	(void)fprintf(stderr, "otklik: the output cannot be written: %s\n",
	        errno != 0 ? strerror(errno) : "the target is full or gone");
	return EXIT_IO;
}

int json_print_message(const ProtobufCMessage *message, FILE *out)
{
	(void)json_put(json_of_message(message), true, out);
	(void)fputc('\n', out);
	return output_check(out);
}
