/* SQLSTATE → status: one table for what a failure of PostgreSQL means to us. */
#ifndef OTKLIK_DB_SQLSTATE_H
#define OTKLIK_DB_SQLSTATE_H

#include "base/status.h"

/* What the pool does about it. */
enum db_remedy {
	DB_FAIL,    /* tell the caller */
	DB_RETRY,   /* rolled back for certain: run again */
	DB_PREPARE, /* plans are stale: prepare anew, run again */
	DB_FAILOVER /* this server will not do: reconnect */
};

struct db_sqlstate {
	enum otk_status code;
	const char *reason;
	const char *message;
	enum db_remedy remedy;
};

/*
 * The meaning of a five-character state; exact entries win over class entries (first two
 * characters), unknown ones are INTERNAL. Never NULL.
 *
 * Our own SQL functions raise a chosen status by class OT: ERRCODE 'OT005' is status 5,
 * NOT_FOUND; its MESSAGE goes to people and its DETAIL is the constant reason:
 *	RAISE EXCEPTION 'there is no ticket %', id
 *		USING ERRCODE = 'OT005', DETAIL = 'TICKET_NOT_FOUND';
 */
const struct db_sqlstate *db_sqlstate_find(const char *sqlstate);

/*
 * Fills err from what PostgreSQL said (any of the texts may be NULL) and returns the negative
 * code. Its message text passes on only for class OT; constraint names for class 23.
 */
int db_sqlstate_error(struct otk_error *err, const char *sqlstate, const char *message,
        const char *detail, const char *constraint);

#endif
