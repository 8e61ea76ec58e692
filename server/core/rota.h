/*
 * On-call rotas: who is on duty for a team at an instant. Pure; instants are microseconds UTC.
 *
 * A rota goes round its people in order. Turns change at the hand-over's local time in the
 * rota's zone, every `period_days` calendar days from its start: a turn over a change of
 * daylight saving is an hour shorter or longer. Outside its coverage, and before its start,
 * nobody of it is on duty. Of several rotas of a team and layer the first by code that covers
 * the instant serves. A rota that was edited is several, each in force for its time. An
 * override of team and layer wins over every rota, also where none covers; of several the one
 * made last.
 */
#ifndef OTKLIK_CORE_ROTA_H
#define OTKLIK_CORE_ROTA_H

#include "base/status.h"
#include "core/reference.h"

struct calendar;
struct tz;

enum {
	ROTA_PEOPLE_MAX = 50,
	ROTA_LAYERS_MAX = 3,
	ROTA_PERIOD_MAX = 366, /* days */
};

/* What is written, each a text of the declaration; "" takes the default. */
struct rota_text {
	const char *zone;      /* UTC */
	const char *period;    /* "1w", "1d", "14d" */
	const char *hand_over; /* "mon 09:00"; a weekday goes with whole weeks only */
	const char *start;     /* "2026-01-05": the date of the first hand-over */
	const char *coverage;  /* "mon-fri 18:00-08:00; sat,sun 00:00-24:00"; always */
};

struct ref_rota {
	int32_t id;
	char code[CODE_MAX + 1];
	int32_t team_id;
	int16_t layer; /* 1: asked first */
	int32_t *people;
	size_t person_count;
	const struct tz *tz;
	int32_t period_days;
	int32_t hand_over_s; /* local seconds from midnight */
	int64_t start_date;  /* days since 1970-01-01 */
	struct calendar *coverage;
	int64_t since; /* it says so in [since, until): another edition does before and after */
	int64_t until;
};

/* [from, to) belongs to one person. */
struct ref_override {
	int64_t id; /* greater: made later */
	int32_t team_id;
	int16_t layer;
	int32_t person_id;
	int64_t from;
	int64_t to;
	char *reason;
	int32_t made_by;     /* for telling */
	int32_t in_place_of; /* 0: of whoever it was */
};

/*
 * Reads the texts into zone, turns and coverage of `out`, in force always; rota_release frees
 * what that made. 0; -OTK_INVALID_ARGUMENT with violations of "zone", "period", "hand_over",
 * "start" or "coverage"; -OTK_RESOURCE_EXHAUSTED.
 */
int rota_parse(const struct rota_text *text, struct ref_rota *out, struct otk_error *err);
void rota_release(struct ref_rota *rota);

/* Who is on duty at an instant, and until when that is so. */
struct duty {
	int32_t person_id;           /* 0: nobody, a gap */
	int64_t until;               /* somebody else then, or the same anew; the limit */
	const struct ref_rota *rota; /* NULL: by override, or nobody */
	const struct ref_override *override; /* NULL: by turn, or nobody */
};

/*
 * Whose duty it is for a team and layer at `at`, looking ahead up to `limit` (> at). 0,
 * -OTK_OUT_OF_RANGE outside of the calendar's years, -OTK_RESOURCE_EXHAUSTED.
 */
int rota_duty(const struct reference *ref, int32_t team_id, int layer, int64_t at,
        int64_t limit, struct duty *out);

/* Who is on duty at an instant alone; 0: nobody, or it could not be told. */
int32_t rota_person(const struct reference *ref, int32_t team_id, int layer, int64_t at);

/* The number of layers that rotas or overrides of the team have: 0, nobody is ever on duty. */
int rota_layers(const struct reference *ref, int32_t team_id);

#endif
