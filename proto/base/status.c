/* Status codes and errors. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char *const STATUS_NAMES[OTK_STATUS_COUNT] = {
        [OTK_OK] = "OK",
        [OTK_CANCELLED] = "CANCELLED",
        [OTK_UNKNOWN] = "UNKNOWN",
        [OTK_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
        [OTK_DEADLINE_EXCEEDED] = "DEADLINE_EXCEEDED",
        [OTK_NOT_FOUND] = "NOT_FOUND",
        [OTK_ALREADY_EXISTS] = "ALREADY_EXISTS",
        [OTK_PERMISSION_DENIED] = "PERMISSION_DENIED",
        [OTK_RESOURCE_EXHAUSTED] = "RESOURCE_EXHAUSTED",
        [OTK_FAILED_PRECONDITION] = "FAILED_PRECONDITION",
        [OTK_ABORTED] = "ABORTED",
        [OTK_OUT_OF_RANGE] = "OUT_OF_RANGE",
        [OTK_UNIMPLEMENTED] = "UNIMPLEMENTED",
        [OTK_INTERNAL] = "INTERNAL",
        [OTK_UNAVAILABLE] = "UNAVAILABLE",
        [OTK_DATA_LOSS] = "DATA_LOSS",
        [OTK_UNAUTHENTICATED] = "UNAUTHENTICATED",
};

const char *status_name(enum otk_status code)
{
	if ((unsigned)code >= OTK_STATUS_COUNT)
		return "UNKNOWN";
	return STATUS_NAMES[code];
}

void error_clear(struct otk_error *err)
{
	err->code = OTK_OK;
	err->reason[0] = '\0';
	err->message[0] = '\0';
	err->retry_after_ms = 0;
	err->violation_count = 0;
}

static void format_cut(char *out, size_t size, const char *format, va_list args)
{
	int n = vsnprintf(out, size, format, args);

	if (n < 0)
		out[0] = '\0';
	/* the buffer's end, and a precision as in "%.40s", part characters: no client reads
	 * that */
	text_drop_broken(out);
}

int error_set(struct otk_error *err, enum otk_status code, const char *reason,
        const char *format, ...)
{
	if (err != NULL) {
		va_list args;

		error_clear(err);
		err->code = code;
		(void)snprintf(err->reason, sizeof err->reason, "%s", reason);
		va_start(args, format);
		format_cut(err->message, sizeof err->message, format, args);
		va_end(args);
	}
	return -(int)code;
}

int error_field(struct otk_error *err, const char *field, const char *format, ...)
{
	va_list args;
	char text[OTK_VIOLATION_SIZE];

	if (err == NULL)
		return -OTK_INVALID_ARGUMENT;
	va_start(args, format);
	format_cut(text, sizeof text, format, args);
	va_end(args);
	if (err->code == OTK_OK)
		(void)error_set(
		        err, OTK_INVALID_ARGUMENT, "INVALID_FIELD", "%s: %s", field, text);
	if (err->violation_count < OTK_VIOLATIONS_MAX) {
		struct otk_violation *v = &err->violations[err->violation_count++];

		(void)snprintf(v->field, sizeof v->field, "%s", field);
		memcpy(v->description, text, sizeof text);
	}
	return -OTK_INVALID_ARGUMENT;
}
