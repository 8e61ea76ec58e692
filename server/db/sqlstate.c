/* The table of states; codes are of PostgreSQL 15, appendix A. */
#include "db/sqlstate.h"

#include <ctype.h>
#include <string.h>

struct entry {
	const char *state; /* five characters, or the two of a class */
	struct db_sqlstate meaning;
};

static const char busy[] = "the database is short of resources; try again later";
static const char away[] = "the database is not available; try again";
static const char broken[] =
        "the database refused the request; the server's log has the details";
static const char wrong[] = "a value does not fit its field";

static const struct entry exact[] = {
        {"0A000", {OTK_INTERNAL, "DB_STALE_PLAN", broken, DB_PREPARE}},
        {"22P03", {OTK_INTERNAL, "DB_WRONG_FORMAT", broken, DB_FAIL}},
        {"23502", {OTK_INVALID_ARGUMENT, "VALUE_MISSING", "a required value is missing",
                          DB_FAIL}},
        {"23503", {OTK_FAILED_PRECONDITION, "REFERENCE_MISSING",
                          "something this refers to does not exist, or is still referred to",
                          DB_FAIL}},
        {"23505", {OTK_ALREADY_EXISTS, "ALREADY_EXISTS", "this exists already", DB_FAIL}},
        {"23P01", {OTK_ALREADY_EXISTS, "OVERLAP", "this overlaps with what exists", DB_FAIL}},
        {"25006", {OTK_UNAVAILABLE, "DB_READ_ONLY", away, DB_FAILOVER}},
        {"26000", {OTK_INTERNAL, "DB_NOT_PREPARED", broken, DB_PREPARE}},
        {"40001", {OTK_ABORTED, "SERIALIZATION_FAILURE", "a concurrent change won; try again",
                          DB_RETRY}},
        {"40P01", {OTK_ABORTED, "DEADLOCK", "a concurrent change won; try again", DB_RETRY}},
        {"42501", {OTK_PERMISSION_DENIED, "DB_PERMISSION", "this is not permitted", DB_FAIL}},
        {"53300", {OTK_UNAVAILABLE, "DB_CONNECTIONS", away, DB_FAILOVER}},
        {"55P03", {OTK_ABORTED, "LOCKED", "another operation holds this; try again", DB_FAIL}},
        {"57014", {OTK_DEADLINE_EXCEEDED, "DB_STATEMENT_TIMEOUT", "the database took too long",
                          DB_FAIL}},
        {"57P01", {OTK_UNAVAILABLE, "DB_SHUTDOWN", away, DB_FAILOVER}},
        {"57P02", {OTK_UNAVAILABLE, "DB_CRASH", away, DB_FAILOVER}},
        {"57P03", {OTK_UNAVAILABLE, "DB_STARTING", away, DB_FAILOVER}},
        {"57P04", {OTK_UNAVAILABLE, "DB_DROPPED", away, DB_FAILOVER}},
        {"57P05", {OTK_UNAVAILABLE, "DB_IDLE_TIMEOUT", away, DB_FAILOVER}},
        {"P0002", {OTK_NOT_FOUND, "NO_ROW", "there is no such thing", DB_FAIL}},
        {"XX001",
                {OTK_DATA_LOSS, "DB_CORRUPTED", "the database reports damaged data", DB_FAIL}},
        {"XX002",
                {OTK_DATA_LOSS, "DB_CORRUPTED", "the database reports damaged data", DB_FAIL}},
};

static const struct entry classes[] = {
        {"08", {OTK_UNAVAILABLE, "DB_CONNECTION", away, DB_FAILOVER}},
        {"22", {OTK_INVALID_ARGUMENT, "VALUE_INVALID", wrong, DB_FAIL}},
        {"23", {OTK_INVALID_ARGUMENT, "VALUE_REFUSED", wrong, DB_FAIL}},
        {"28", {OTK_UNAVAILABLE, "DB_LOGIN", away, DB_FAILOVER}},
        {"40", {OTK_ABORTED, "ROLLED_BACK", "a concurrent change won; try again", DB_RETRY}},
        {"53", {OTK_RESOURCE_EXHAUSTED, "DB_RESOURCES", busy, DB_FAIL}},
        {"54", {OTK_OUT_OF_RANGE, "DB_LIMIT", "this is more than the database can take",
                       DB_FAIL}},
        {"58", {OTK_UNAVAILABLE, "DB_SYSTEM", away, DB_FAIL}},
};

static const struct db_sqlstate unknown = {OTK_INTERNAL, "DB_ERROR", broken, DB_FAIL};

/* Class OT: our own functions chose the status. */
static const struct db_sqlstate ours[OTK_STATUS_COUNT] = {
        [OTK_OK] = {OTK_INTERNAL, "DB_ERROR", broken, DB_FAIL},
        [OTK_CANCELLED] = {OTK_CANCELLED, "CANCELLED", "cancelled", DB_FAIL},
        [OTK_UNKNOWN] = {OTK_UNKNOWN, "UNKNOWN", "unknown failure", DB_FAIL},
        [OTK_INVALID_ARGUMENT] = {OTK_INVALID_ARGUMENT, "VALUE_INVALID", wrong, DB_FAIL},
        [OTK_DEADLINE_EXCEEDED] = {OTK_DEADLINE_EXCEEDED, "DEADLINE", "too late", DB_FAIL},
        [OTK_NOT_FOUND] = {OTK_NOT_FOUND, "NOT_FOUND", "there is no such thing", DB_FAIL},
        [OTK_ALREADY_EXISTS] = {OTK_ALREADY_EXISTS, "ALREADY_EXISTS", "this exists already",
                DB_FAIL},
        [OTK_PERMISSION_DENIED] = {OTK_PERMISSION_DENIED, "PERMISSION_DENIED",
                "this is not permitted", DB_FAIL},
        [OTK_RESOURCE_EXHAUSTED] = {OTK_RESOURCE_EXHAUSTED, "EXHAUSTED", busy, DB_FAIL},
        [OTK_FAILED_PRECONDITION] = {OTK_FAILED_PRECONDITION, "FAILED_PRECONDITION",
                "the state of things does not allow this", DB_FAIL},
        [OTK_ABORTED] = {OTK_ABORTED, "ABORTED", "a concurrent change won; try again", DB_FAIL},
        [OTK_OUT_OF_RANGE] = {OTK_OUT_OF_RANGE, "OUT_OF_RANGE", wrong, DB_FAIL},
        [OTK_UNIMPLEMENTED] = {OTK_UNIMPLEMENTED, "UNIMPLEMENTED", "not supported", DB_FAIL},
        [OTK_INTERNAL] = {OTK_INTERNAL, "DB_ERROR", broken, DB_FAIL},
        [OTK_UNAVAILABLE] = {OTK_UNAVAILABLE, "UNAVAILABLE", away, DB_FAIL},
        [OTK_DATA_LOSS] = {OTK_DATA_LOSS, "DATA_LOSS", "data is damaged", DB_FAIL},
        [OTK_UNAUTHENTICATED] = {OTK_UNAUTHENTICATED, "UNAUTHENTICATED", "unknown principal",
                DB_FAIL},
};

static const struct db_sqlstate *find_ours(const char *digits)
{
	int code = 0;

	for (int i = 0; i < 3; i++) {
		if (!isdigit((unsigned char)digits[i]))
			return &unknown;
		code = code * 10 + (digits[i] - '0');
	}
	return code < OTK_STATUS_COUNT ? &ours[code] : &unknown;
}

const struct db_sqlstate *db_sqlstate_find(const char *sqlstate)
{
	if (sqlstate == NULL || strlen(sqlstate) != 5)
		return &unknown;
	if (strncmp(sqlstate, "OT", 2) == 0)
		return find_ours(sqlstate + 2);
	for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++)
		if (strcmp(exact[i].state, sqlstate) == 0)
			return &exact[i].meaning;
	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
		if (strncmp(classes[i].state, sqlstate, 2) == 0)
			return &classes[i].meaning;
	return &unknown;
}

int db_sqlstate_error(struct otk_error *err, const char *sqlstate, const char *message,
        const char *detail, const char *constraint)
{
	const struct db_sqlstate *meaning = db_sqlstate_find(sqlstate);
	int status;

	if (sqlstate != NULL && strncmp(sqlstate, "OT", 2) == 0 && meaning != &unknown)
		return error_set(err, meaning->code,
		        detail != NULL && *detail != '\0' ? detail : meaning->reason, "%s",
		        message != NULL && *message != '\0' ? message : meaning->message);
	if (sqlstate != NULL && strncmp(sqlstate, "23", 2) == 0 && constraint != NULL &&
	        *constraint != '\0')
		return error_set(err, meaning->code, meaning->reason, "%s (%s)",
		        meaning->message, constraint);
	status = error_set(err, meaning->code, meaning->reason, "%s", meaning->message);
	if (err != NULL &&
	        (meaning->code == OTK_UNAVAILABLE || meaning->code == OTK_RESOURCE_EXHAUSTED))
		err->retry_after_ms = 200;
	return status;
}
