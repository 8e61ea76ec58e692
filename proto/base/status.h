/* Status codes of the wire and of every internal function, and the error that explains one. */
#ifndef OTKLIK_BASE_STATUS_H
#define OTKLIK_BASE_STATUS_H

#include <stddef.h>
#include <stdint.h>

/* The canonical codes of google.rpc.Code. Functions return OTK_OK or the negative value. */
enum otk_status {
	OTK_OK = 0,
	OTK_CANCELLED = 1,
	OTK_UNKNOWN = 2,
	OTK_INVALID_ARGUMENT = 3,
	OTK_DEADLINE_EXCEEDED = 4,
	OTK_NOT_FOUND = 5,
	OTK_ALREADY_EXISTS = 6,
	OTK_PERMISSION_DENIED = 7,
	OTK_RESOURCE_EXHAUSTED = 8,
	OTK_FAILED_PRECONDITION = 9,
	OTK_ABORTED = 10,
	OTK_OUT_OF_RANGE = 11,
	OTK_UNIMPLEMENTED = 12,
	OTK_INTERNAL = 13,
	OTK_UNAVAILABLE = 14,
	OTK_DATA_LOSS = 15,
	OTK_UNAUTHENTICATED = 16,
};

enum { OTK_STATUS_COUNT = 17 };

enum {
	OTK_REASON_SIZE = 48,
	OTK_MESSAGE_SIZE = 512,
	OTK_FIELD_SIZE = 96,
	OTK_VIOLATION_SIZE = 256,
	OTK_VIOLATIONS_MAX = 8
};

/* One field that is wrong: its path ("ticket.title", "week") and what would be right. */
struct otk_violation {
	char field[OTK_FIELD_SIZE];
	char description[OTK_VIOLATION_SIZE];
};

/* A whole error. Plain data: lives on the stack or in a request; needs no freeing. */
struct otk_error {
	enum otk_status code;
	char reason[OTK_REASON_SIZE];   /* constant upper-case word, for programs */
	char message[OTK_MESSAGE_SIZE]; /* for people: what is wrong and what to do */
	uint32_t retry_after_ms;        /* 0: not stated */
	size_t violation_count;
	struct otk_violation violations[OTK_VIOLATIONS_MAX];
};

/* "INVALID_ARGUMENT" and so on; "UNKNOWN" for anything out of range. Static storage. */
const char *status_name(enum otk_status code);

/* Clears err to OTK_OK. */
void error_clear(struct otk_error *err);

/*
 * Fills err (may be NULL) and returns the negative code, so that a caller can write
 * `return error_set(err, OTK_NOT_FOUND, "TICKET_NOT_FOUND", "there is no ticket %ld", id);`
 * Text that does not fit is cut at a UTF-8 character boundary.
 */
int error_set(struct otk_error *err, enum otk_status code, const char *reason,
        const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * Adds a violation; sets code INVALID_ARGUMENT, reason "INVALID_FIELD" and the message from
 * it if err is clear. Violations past OTK_VIOLATIONS_MAX are dropped. Returns
 * -OTK_INVALID_ARGUMENT.
 */
int error_field(struct otk_error *err, const char *field, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

#endif
