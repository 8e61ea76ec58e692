/* What computations share: one snapshot, one listener, one end. */
#include "compute/run.h"

#include "db/unit.h"
#include "loop/loop.h"
#include "sql/statements.h"

static void over(struct run *run)
{
	run->over = true;
	loop_stop(run->loop);
}

void run_end(struct run *run)
{
	if (!run->over && compute_tell_end(run->answer) == 0)
		over(run);
	over(run);
}

void run_fail(struct run *run, const struct otk_error *err)
{
	if (!run->over)
		(void)compute_tell_error(run->answer, err);
	over(run);
}

void run_no_memory(struct run *run)
{
	struct otk_error err;

	(void)error_set(&err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY",
	        "the computation does not fit into memory; ask for a shorter history");
	run_fail(run, &err);
}

bool run_tell(struct run *run, const ProtobufCMessage *item)
{
	if (!run->over && compute_tell_item(run->answer, item) != 0)
		over(run);
	return !run->over;
}

struct db_unit *run_unit(struct run *run, int statement)
{
	struct db_unit *unit = db_unit_new(run->arena, DB_READ);

	if (unit == NULL)
		return NULL;
	db_unit_scope(unit, run->job->scope);
	db_call(unit, statement);
	return unit;
}

static void row_came(void *context, struct db_stream *stream, const struct db_rows *rows)
{
	struct run *run = context;

	if (!run->over)
		run->row(run, stream, rows);
}

static void query_ended(void *context, struct db_stream *stream, const struct otk_error *err)
{
	struct run *run = context;

	(void)stream;
	if (run->over)
		return;
	if (err->code != OTK_OK)
		run_fail(run, err);
	else
		run->next(run);
}

void run_query(struct run *run, struct db_unit *unit, db_stream_row *row, run_step *next)
{
	if (unit == NULL) {
		run_no_memory(run);
		return;
	}
	run->row = row;
	run->next = next;
	if (db_stream_query(run->stream, sql_statements, unit, row_came, query_ended, run) != 0)
		run_no_memory(run);
}
