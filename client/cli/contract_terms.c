/* The terms of a contract, by reflection. */
#include "cli/contract_terms.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

/* How elements of lists are named: by these fields, the rest is what they say. */
static const struct {
	const char *field;
	const char *name;
	const char *keys[6];
} LISTS[] = {
        {"targets", "target", {"type", "priority", "service", "team", "clock", NULL}},
        {"pauses", "pause", {"reason", NULL}},
        {"levels", "level", {"clock", "at", NULL}},
        {"credits", "credit", {"type", "priority", "service", "clock", "below", NULL}},
};

struct terms {
	struct arena *arena;
	struct contract_term *items;
	size_t count;
	size_t cap;
};

static void add(struct terms *t, const char *name, const char *value)
{
	if (t->count == t->cap) {
		size_t cap = t->cap == 0 ? 64 : t->cap * 2;
		struct contract_term *items = arena_calloc(t->arena, cap, sizeof *items);

		if (items == NULL)
			return;
		if (t->count > 0)
			memcpy(items, t->items, t->count * sizeof *items);
		t->items = items;
		t->cap = cap;
	}
	t->items[t->count].name = name == NULL ? "" : name;
	t->items[t->count++].value = value == NULL ? "" : value;
}

static const void *member(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *f)
{
	return (const char *)message + f->offset;
}

static const char *scalar(
        struct arena *arena, const ProtobufCFieldDescriptor *f, const void *at)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		return *(char *const *)at;
	case PROTOBUF_C_TYPE_BOOL:
		return *(const protobuf_c_boolean *)at ? "true" : "";
	case PROTOBUF_C_TYPE_INT64:
		return *(const int64_t *)at == 0
		               ? ""
		               : arena_printf(arena, "%" PRId64, *(const int64_t *)at);
	case PROTOBUF_C_TYPE_UINT32:
		return *(const uint32_t *)at == 0
		               ? ""
		               : arena_printf(arena, "%" PRIu32, *(const uint32_t *)at);
	default:
		return "";
	}
}

static size_t count_of(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *f)
{
	return *(const size_t *)(const void *)((const char *)message + f->quantifier_offset);
}

/* A field as one text: values of a list by commas; "" when it is empty. */
static const char *text_of(
        struct arena *arena, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *f)
{
	size_t size = f->type == PROTOBUF_C_TYPE_STRING ? sizeof(char *) : sizeof(uint32_t);
	const char *text = "";

	if (f->label != PROTOBUF_C_LABEL_REPEATED)
		return scalar(arena, f, member(message, f));
	for (size_t i = 0; text != NULL && i < count_of(message, f); i++) {
		const char *values = *(const char *const *)member(message, f);

		text = arena_printf(arena, "%s%s%s", text, i > 0 ? ", " : "",
		        scalar(arena, f, values + i * size));
	}
	return text == NULL ? "" : text;
}

static bool is_key(const char *const keys[], const char *name)
{
	for (size_t i = 0; keys[i] != NULL; i++) {
		if (strcmp(keys[i], name) == 0)
			return true;
	}
	return false;
}

/* "target incident P1 response": what tells the element apart. */
static const char *name_of(struct arena *arena, const char *name, const char *const keys[],
        const ProtobufCMessage *element)
{
	for (size_t i = 0; name != NULL && keys[i] != NULL; i++) {
		const ProtobufCFieldDescriptor *f =
		        protobuf_c_message_descriptor_get_field_by_name(
		                element->descriptor, keys[i]);
		const char *text = f == NULL ? "" : text_of(arena, element, f);

		if (text != NULL && *text != '\0')
			name = arena_printf(arena,
			        strcmp(keys[i], "priority") == 0 ? "%s P%s"
			        : strcmp(keys[i], "team") == 0   ? "%s of %s"
			        : strcmp(keys[i], "below") == 0  ? "%s below %s"
			                                         : "%s %s",
			        name, text);
	}
	return name;
}

/* The other fields: a lone one by its value, several by name and value. */
static const char *value_of(
        struct arena *arena, const char *const keys[], const ProtobufCMessage *element)
{
	const char *text = "";
	size_t count = 0;

	for (unsigned i = 0; text != NULL && i < element->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &element->descriptor->fields[i];
		const char *value = is_key(keys, f->name) ? "" : text_of(arena, element, f);

		if (value == NULL || *value == '\0')
			continue;
		text = count++ == 0 ? value : arena_printf(arena, "%s; %s", text, value);
	}
	return text;
}

static void add_list(
        struct terms *t, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *f)
{
	ProtobufCMessage *const *elements = *(ProtobufCMessage * *const *)member(message, f);
	const char *name = f->name;
	static const char *const NONE[] = {NULL};
	const char *const *keys = NONE;

	for (size_t i = 0; i < sizeof LISTS / sizeof *LISTS; i++) {
		if (strcmp(LISTS[i].field, f->name) == 0) {
			name = LISTS[i].name;
			keys = LISTS[i].keys;
		}
	}
	for (size_t i = 0; i < count_of(message, f); i++)
		add(t, name_of(t->arena, name, keys, elements[i]),
		        value_of(t->arena, keys, elements[i]));
}

size_t contract_terms_of(
        struct arena *arena, const Otklik__V1__Contract *contract, struct contract_term **out)
{
	struct terms t = {.arena = arena};
	const ProtobufCMessage *message = &contract->base;

	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &message->descriptor->fields[i];
		const char *text;

		if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
			if (f->label == PROTOBUF_C_LABEL_REPEATED)
				add_list(&t, message, f);
			continue;
		}
		text = text_of(arena, message, f);
		if (text != NULL && *text != '\0')
			add(&t, f->name, text);
	}
	*out = t.items;
	return t.count;
}
