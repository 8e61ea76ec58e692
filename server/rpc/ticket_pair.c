/* Reading and saving of two tickets at once; see ticket_pair.h. */
#include "rpc/ticket_pair.h"

#include <string.h>

#include "db/rows.h"
#include "desk/load.h"
#include "rpc/caller.h"
#include "rpc/service.h"
#include "sql/statements.h"

enum { CALL_KEY = LOAD_CALLS };

enum step ticket_pair_read(
        struct request *r, struct ticket_pair *pair, enum permission scope, request_step *next)
{
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);
	const char *customers = desk_scope(r->arena, &r->principal->access, scope);
	int64_t ids[2];
	size_t count = 0;

	if (desk_reference(r->service->desk) == NULL)
		return caller_no_reference(r);
	if (unit == NULL || customers == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < 2; i++) {
		if (pair->ids[i] != 0)
			ids[count++] = pair->ids[i];
	}
	db_unit_scope(unit, customers);
	load_calls(unit, ids, count);
	db_call(unit, SQL_IDEMPOTENCY_OF_TICKET);
	db_put_int(unit, ids[0]);
	db_put_int(unit, r->principal->id);
	db_put_uuid(unit, &r->key);
	return request_query(r, unit, next);
}

int ticket_pair_loaded(const struct request *r, struct ticket_pair *pair, int64_t *done)
{
	const struct reference *ref = desk_reference(r->service->desk);
	const struct db_rows *keys = db_unit_rows(r->unit, CALL_KEY);
	struct load_cursor rows = load_rows(r->unit, 0);
	struct change change;
	const void *hash;
	size_t size;
	int rc;

	pair->there[0] = pair->there[1] = false;
	while ((rc = load_next(&rows, r->arena, ref, &change)) == 1) {
		for (size_t i = 0; i < 2; i++) {
			if (change.ticket.ticket_id != pair->ids[i])
				continue;
			pair->changes[i] = change;
			pair->there[i] = true;
		}
	}
	if (rc < 0)
		return rc;
	if (db_rows_count(keys) == 0)
		return 1;
	hash = db_get_bytes(keys, 0, 0, &size);
	*done = db_get_int(keys, 0, 1);
	return size == sizeof r->hash && memcmp(hash, r->hash, size) == 0
	               ? 0
	               : -OTK_FAILED_PRECONDITION;
}

enum step ticket_pair_save(
        struct request *r, struct ticket_pair *pair, enum permission scope, request_step *next)
{
	struct db_unit *unit = db_unit_new(r->arena, DB_REPLAY);
	struct save *const saves[2] = {&pair->saves[0], &pair->saves[1]};

	if (unit == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < 2; i++)
		pair->saves[i] = (struct save){
		        .change = &pair->changes[i], .principal_id = r->principal->id};
	pair->saves[0].has_key = r->has_key;
	pair->saves[0].key = r->key;
	memcpy(pair->saves[0].hash, r->hash, sizeof pair->saves[0].hash);
	db_unit_scope(unit, desk_scope(r->arena, &r->principal->access, scope));
	if (save_call(unit, saves, 2, true) < 0)
		return request_no_memory(r);
	return request_query_any(r, unit, next);
}

bool ticket_pair_saved(
        struct request *r, struct ticket_pair *pair, request_step *again, enum step *out)
{
	const struct otk_error *err = db_unit_error(r->unit);

	if (err->code == OTK_OK)
		return true;
	if (err->code != OTK_ABORTED) {
		*out = request_fail(r, err);
		return false;
	}
	pair->write.save.outcome = strcmp(err->reason, "STALE_REFERENCE") == 0
	                                   ? SAVE_STALE_REFERENCE
	                                   : SAVE_CONFLICT;
	*out = ticket_write_again(r, &pair->write, again);
	return false;
}
