/* One computation: what it reads from and whom it tells. */
#ifndef OTKLIK_COMPUTE_RUN_H
#define OTKLIK_COMPUTE_RUN_H

#include "base/arena.h"
#include "base/status.h"
#include "core/reference.h"
#include "db/stream.h"
#include "rpc/compute_frame.h"

struct loop;
struct db_pool;
struct run;

/* A step of the work: starts a query whose end calls the next, or ends the run. */
typedef void run_step(struct run *run);

struct run {
	struct loop *loop;
	struct db_pool *pool;
	const struct reference *ref;
	const struct compute_job *job;
	struct arena *arena; /* of the whole run */
	int answer;          /* descriptor */
	struct db_stream *stream;
	db_stream_row *row; /* of the query that runs */
	run_step *next;
	void *state; /* of the computation */
	bool over;
};

/* The computations. They end by run_end or run_fail, maybe at once. */
void simulation_begin(struct run *run);
void simulation_free(struct run *run);
void forecast_begin(struct run *run);
void forecast_free(struct run *run);

/*
 * Runs the unit's one statement in the snapshot of the run: `row` for each row, whose context
 * is the run, then `next`. A failure ends the run.
 */
struct db_unit *run_unit(struct run *run, int statement);
void run_query(struct run *run, struct db_unit *unit, db_stream_row *row, run_step *next);

/* Tells an item; somebody who does not listen any more ends the run. False: it is over. */
bool run_tell(struct run *run, const ProtobufCMessage *item);
void run_end(struct run *run);
void run_fail(struct run *run, const struct otk_error *err);
void run_no_memory(struct run *run);

#endif
