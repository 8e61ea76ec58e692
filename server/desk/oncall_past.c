/* Editions of rotas, and overrides, from rows. */
#include "desk/oncall_past.h"

#include <string.h>

#include "core/rota.h"
#include "db/rows.h"
#include "db/unit.h"
#include "sql/statements.h"

void oncall_past_calls(struct db_unit *unit, int32_t team_id, int64_t from, int64_t to)
{
	db_call(unit, SQL_ONCALL_PAST_ROTAS);
	db_put_int(unit, team_id);
	db_put_time(unit, from);
	db_put_time(unit, to);
	db_put_int(unit, ONCALL_PAST_ROTAS + 1);
	db_call(unit, SQL_ONCALL_PAST_OVERRIDES);
	db_put_int(unit, team_id);
	db_put_time(unit, from);
	db_put_time(unit, to);
	db_put_int(unit, ONCALL_PAST_OVERRIDES + 1);
}

static int people_read(
        const struct db_rows *rows, size_t row, struct arena *arena, struct ref_rota *rota)
{
	int64_t *wide;

	if (db_get_ints(rows, row, 4, arena, &wide, &rota->person_count) < 0)
		return -OTK_RESOURCE_EXHAUSTED;
	rota->people = arena_calloc(arena, rota->person_count + 1, sizeof *rota->people);
	if (rota->people == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < rota->person_count; i++)
		rota->people[i] = (int32_t)wide[i];
	return 0;
}

static int rota_read(const struct db_rows *rows, size_t row, struct arena *arena,
        struct ref_rota *rota, struct otk_error *err)
{
	struct rota_text text = {.zone = db_get_text_or_empty(rows, row, 5),
	        .period = db_get_text_or_empty(rows, row, 6),
	        .hand_over = db_get_text_or_empty(rows, row, 7),
	        .start = db_get_text_or_empty(rows, row, 8),
	        .coverage = db_get_text_or_empty(rows, row, 9)};
	struct otk_error why = {0};
	int rc;

	rota->id = (int32_t)db_get_int(rows, row, 0);
	strncpy(rota->code, db_get_text_or_empty(rows, row, 1), CODE_MAX);
	rota->team_id = (int32_t)db_get_int(rows, row, 2);
	rota->layer = (int16_t)db_get_int(rows, row, 3);
	rc = people_read(rows, row, arena, rota);
	if (rc == 0)
		rc = rota_parse(&text, rota, &why);
	if (rc < 0 && rc != -OTK_RESOURCE_EXHAUSTED)
		return error_set(err, OTK_DATA_LOSS, "REFERENCE_DAMAGED",
		        "an edition of rota %s cannot be understood: %s", rota->code,
		        why.message);
	rota->since = db_get_time(rows, row, 10);
	rota->until = db_get_time(rows, row, 11);
	return rc;
}

static int overrides_read(
        const struct db_rows *rows, struct arena *arena, struct reference *out)
{
	size_t count = db_rows_count(rows);

	out->overrides = arena_calloc(arena, count + 1, sizeof *out->overrides);
	if (out->overrides == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < count; i++) {
		out->overrides[i] = (struct ref_override){.id = db_get_int(rows, i, 0),
		        .team_id = (int32_t)db_get_int(rows, i, 1),
		        .layer = (int16_t)db_get_int(rows, i, 2),
		        .person_id = (int32_t)db_get_int(rows, i, 3),
		        .from = db_get_time(rows, i, 4),
		        .to = db_get_time(rows, i, 5),
		        .made_by = (int32_t)db_get_int(rows, i, 7),
		        .in_place_of = (int32_t)db_get_int(rows, i, 8),
		        .reason = arena_strdup(arena, db_get_text_or_empty(rows, i, 6))};
		if (out->overrides[i].reason == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		out->override_count++;
	}
	return 0;
}

int oncall_past_read(const struct db_unit *unit, size_t first, struct arena *arena,
        const struct reference *now, struct reference *out, struct otk_error *err)
{
	const struct db_rows *rotas = db_unit_rows(unit, first);
	const struct db_rows *overrides = db_unit_rows(unit, first + 1);
	struct reference past = *now;
	int rc = 0;

	if (db_rows_count(rotas) > ONCALL_PAST_ROTAS ||
	        db_rows_count(overrides) > ONCALL_PAST_OVERRIDES)
		return error_set(err, OTK_OUT_OF_RANGE, "TOO_MUCH_PAST",
		        "rotas were edited or duties taken over too often in that time: ask "
		        "for one team, or a shorter time");
	past.rota_count = 0;
	past.override_count = 0;
	past.rotas = arena_calloc(arena, db_rows_count(rotas) + 1, sizeof *past.rotas);
	if (past.rotas == NULL)
		rc = -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; rc == 0 && i < db_rows_count(rotas); i++)
		rc = rota_read(rotas, i, arena, &past.rotas[past.rota_count++], err);
	if (rc == 0)
		rc = overrides_read(overrides, arena, &past);
	if (rc < 0) {
		oncall_past_release(&past);
		return rc == -OTK_RESOURCE_EXHAUSTED ? error_set(err, OTK_RESOURCE_EXHAUSTED,
		                                               "NO_MEMORY", "out of memory")
		                                     : rc;
	}
	*out = past;
	return 0;
}

void oncall_past_release(struct reference *past)
{
	for (size_t i = 0; i < past->rota_count; i++)
		rota_release(&past->rotas[i]);
	past->rota_count = 0;
}
