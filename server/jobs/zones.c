/*
 * The zones of all calendars are read each minute from this machine's files. What nothing is
 * known of is kept; newer data with other transitions are kept too, and become an edition of
 * every calendar in that zone, in one transaction with the new epoch of the reference data:
 * from there on it is an edit like any other.
 */
#include "jobs/zones.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/tz.h"
#include "core/reference.h"
#include "desk/desk.h"
#include "jobs/job.h"
#include "sql/statements.h"

enum {
	UNIT_MS = 30000,
	BUDGET = 8 * 1024 * 1024,
	CHANGES_MAX = 64, /* in one unit; there are some 600 zones */
};

#define FIRST_US INT64_C(500000)
#define IDLE_US (INT64_C(60) * 1000000)

/* Columns of zone_known. */
enum { COL_ZONE, COL_EDITION, COL_VERSION, COL_DATA };

struct zone_change {
	const char *zone; /* borrowed from the arena of the job */
	int64_t edition;
	void *data;
	size_t size;
};

struct zones {
	struct job job;
	struct desk *desk;
	char version[TZ_VERSION_MAX + 1];
	struct zone_change changes[CHANGES_MAX];
	size_t count;
	size_t edits; /* of the changes: those of zones that were known */
};

static void changes_free(struct zones *z)
{
	for (size_t i = 0; i < z->count; i++)
		free(z->changes[i].data);
	z->count = 0;
	z->edits = 0;
}

/* One row of zone_known beside the file of this machine. */
static void compare(struct zones *z, const struct db_rows *rows, size_t i)
{
	const char *zone = db_get_text_or_empty(rows, i, COL_ZONE);
	int64_t edition = db_get_int(rows, i, COL_EDITION);
	struct otk_error err;
	size_t known_size, size;
	const void *known = db_get_bytes(rows, i, COL_DATA, &known_size);
	void *data;

	if (tz_read(zone, &data, &size, &err) != 0)
		return; /* a zone that is gone, or cannot be read, stays as it was */
	if (edition > 0 && !tz_replaces(data, size, z->version, known, known_size,
	                           db_get_text_or_empty(rows, i, COL_VERSION))) {
		free(data);
		return;
	}
	z->changes[z->count++] = (struct zone_change){zone, edition + 1, data, size};
	z->edits += edition > 0;
}

static void kept(void *context, struct db_unit *unit)
{
	struct zones *z = context;
	bool more = z->count == CHANGES_MAX;

	if (!job_succeeded(&z->job)) {
		changes_free(z);
		return;
	}
	for (size_t i = 0; i < z->count; i++) {
		if (z->changes[i].edition > 1)
			log_info("a time zone has changed, its calendars are edited", "zone",
			        z->changes[i].zone, "version", z->version);
	}
	(void)unit;
	changes_free(z);
	job_sleep(&z->job, more ? 0 : IDLE_US);
}

static void put(struct zones *z, struct db_unit *unit)
{
	struct db_array *zones, *editions, *versions, *data;

	db_call(unit, SQL_ZONE_PUT);
	zones = db_put_array(unit, DB_TEXT, z->count);
	editions = db_put_array(unit, DB_INT4, z->count);
	versions = db_put_array(unit, DB_TEXT, z->count);
	data = db_put_array(unit, DB_BYTEA, z->count);
	db_put_time(unit, clock_now(z->job.clock));
	for (size_t i = 0; i < z->count; i++) {
		db_add_text(zones, z->changes[i].zone);
		db_add_int(editions, z->changes[i].edition);
		db_add_text(versions, z->version);
		db_add_bytes(data, z->changes[i].data, z->changes[i].size);
	}
}

static void edit_calendars(struct zones *z, struct db_unit *unit)
{
	struct db_array *zones, *editions;

	db_call(unit, SQL_ZONE_EDIT_CALENDARS);
	zones = db_put_array(unit, DB_TEXT, z->count);
	editions = db_put_array(unit, DB_INT4, z->count);
	db_put_time(unit, clock_now(z->job.clock));
	for (size_t i = 0; i < z->count; i++) {
		db_add_text(zones, z->changes[i].zone);
		db_add_int(editions, z->changes[i].edition);
	}
}

static void known(void *context, struct db_unit *unit)
{
	struct zones *z = context;
	const struct reference *ref = desk_reference(z->desk);
	const struct db_rows *rows = db_unit_rows(unit, 0);

	if (!job_succeeded(&z->job))
		return;
	tz_version(z->version);
	for (size_t i = 0; i < db_rows_count(rows) && z->count < CHANGES_MAX; i++)
		compare(z, rows, i);
	if (z->count == 0 || ref == NULL) {
		changes_free(z);
		job_sleep(&z->job, ref == NULL ? FIRST_US : IDLE_US);
		return;
	}
	unit = job_next(&z->job, DB_WRITE);
	if (unit == NULL) {
		changes_free(z);
		return;
	}
	/* Refuses what others changed meanwhile: then it is looked at again. */
	if (z->edits > 0) {
		db_call(unit, SQL_INSTALLATION_BEGIN);
		db_put_int(unit, ref->epoch);
	}
	put(z, unit);
	if (z->edits > 0)
		edit_calendars(z, unit);
	job_submit(&z->job, UNIT_MS, kept, z);
}

static void run(void *arg)
{
	struct zones *z = arg;

	if (job_begin(&z->job, DB_READ) == NULL)
		return;
	db_call(z->job.unit, SQL_ZONE_KNOWN);
	job_submit(&z->job, UNIT_MS, known, z);
}

struct zones *zones_new(const struct jobs_options *options)
{
	struct zones *z = calloc(1, sizeof *z);

	if (z == NULL)
		return NULL;
	z->desk = options->desk;
	if (job_init(&z->job, "zones", options, BUDGET, run, z) < 0) {
		zones_free(z);
		return NULL;
	}
	job_sleep(&z->job, FIRST_US);
	return z;
}

void zones_free(struct zones *z)
{
	if (z == NULL)
		return;
	job_release(&z->job);
	changes_free(z);
	free(z);
}
