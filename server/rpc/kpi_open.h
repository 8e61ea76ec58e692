/*
 * The clocks that are open now, added up into cells of the measures that no rollup stores: how
 * many there are, how many are past their target, near it, and by how much over it. What a
 * clock has consumed follows from its calendar, so each is looked at; they come by a stream of
 * their own, and the loop runs on in between.
 *
 *	kpi_open_start → request_wait → … → kpi_open_put → kpi_open_end
 */
#ifndef OTKLIK_RPC_KPI_OPEN_H
#define OTKLIK_RPC_KPI_OPEN_H

#include "base/status.h"
#include "core/kpi_cells.h"
#include "core/reference.h"
#include "rpc/request.h"

struct db_stream;

/* Zero-initialise. */
struct kpi_open {
	struct request *r;
	const struct reference *ref;
	struct db_stream *stream;
	struct db_unit *unit;
	struct kpi_cells *cells;
	bool by_quarter;      /* periods are quarter-hours, not days of the ticket's zone */
	struct otk_error err; /* code OTK_OK: all was read */
};

/*
 * Reads by the unit, a call of kpi_open_clocks; request_wake(r) when that has ended, well or
 * not. 0, or negative with o->err set, without a wake.
 */
int kpi_open_start(struct kpi_open *o, struct request *r, const struct reference *ref,
        struct db_unit *unit);

/* Frees what was read and stops reading; harmless where nothing was started. */
void kpi_open_end(struct kpi_open *o);

/* Nine parameters of kpi_by_day or kpi_by_hour: the cells as arrays, empty without any. */
void kpi_open_put(const struct kpi_open *o, struct db_unit *unit);

#endif
