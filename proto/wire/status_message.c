/* Status and struct otk_error. */
#include "wire/status_message.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static Otklik__V1__FieldViolation *violation_new(
        struct arena *arena, const struct otk_violation *from)
{
	Otklik__V1__FieldViolation *violation = arena_alloc(arena, sizeof *violation);

	if (violation == NULL)
		return NULL;
	otklik__v1__field_violation__init(violation);
	violation->field = arena_strdup(arena, from->field);
	violation->description = arena_strdup(arena, from->description);
	return violation->field == NULL || violation->description == NULL ? NULL : violation;
}

Otklik__V1__Status *status_message_new(struct arena *arena, const struct otk_error *err)
{
	Otklik__V1__Status *message = arena_alloc(arena, sizeof *message);

	if (message == NULL)
		return NULL;
	otklik__v1__status__init(message);
	message->code = (uint32_t)err->code;
	message->reason = arena_strdup(arena, err->reason);
	message->message = arena_strdup(arena, err->message);
	message->retry_after_ms = err->retry_after_ms;
	if (message->reason == NULL || message->message == NULL)
		return NULL;
	if (err->violation_count == 0)
		return message;
	message->violations =
	        arena_calloc(arena, err->violation_count, sizeof message->violations[0]);
	if (message->violations == NULL)
		return NULL;
	for (size_t i = 0; i < err->violation_count; i++) {
		message->violations[i] = violation_new(arena, &err->violations[i]);
		if (message->violations[i] == NULL)
			return NULL;
	}
	message->n_violations = err->violation_count;
	return message;
}

static void copy_cut(char *out, size_t size, const char *text)
{
	if (strlen(text) < size) {
		memcpy(out, text, strlen(text) + 1);
		return;
	}
	memcpy(out, text, size - 1);
	out[size - 1] = '\0';
	text_cut_utf8(out, size - 1);
}

/* A stale version: what happened since, as far as the message has room. */
static void changes_add(struct otk_error *err, const Otklik__V1__Status *message)
{
	char text[2 * OTK_MESSAGE_SIZE];
	size_t used = strlen(err->message);

	memcpy(text, err->message, used);
	for (size_t i = 0; i < message->n_changes && used < sizeof text - 1; i++) {
		int n = snprintf(text + used, sizeof text - used, "%s%s",
		        i == 0 ? "; since then: " : "; ", message->changes[i]);

		used += n < 0 ? 0 : (size_t)n;
	}
	text[used < sizeof text ? used : sizeof text - 1] = '\0';
	copy_cut(err->message, sizeof err->message, text);
}

int status_message_read(const Otklik__V1__Status *message, struct otk_error *err)
{
	error_clear(err);
	err->code =
	        message->code < OTK_STATUS_COUNT ? (enum otk_status)message->code : OTK_UNKNOWN;
	copy_cut(err->reason, sizeof err->reason, message->reason);
	copy_cut(err->message, sizeof err->message, message->message);
	if (message->n_changes > 0)
		changes_add(err, message);
	err->retry_after_ms = message->retry_after_ms;
	for (size_t i = 0; i < message->n_violations && i < OTK_VIOLATIONS_MAX; i++) {
		struct otk_violation *to = &err->violations[err->violation_count++];

		copy_cut(to->field, sizeof to->field, message->violations[i]->field);
		copy_cut(to->description, sizeof to->description,
		        message->violations[i]->description);
	}
	return -(int)err->code;
}
