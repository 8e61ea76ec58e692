/* Soft and hard states, flapping. */
#include "agent/check_state.h"

#include <string.h>

const char *check_state_name(enum check_state state)
{
	static const char *const NAMES[CHECK_STATES] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

	return (unsigned)state < CHECK_STATES ? NAMES[state] : "UNKNOWN";
}

double flap_percent(const uint8_t ring[CHECK_RING])
{
	double sum = 0;

	for (int x = 1; x < CHECK_RING; x++) {
		if (ring[x] != ring[x - 1])
			sum += 0.75 + (x - 1) * 0.5 / (CHECK_RING - 2);
	}
	return sum * 100.0 / (CHECK_RING - 1);
}

/* The first state fills the ring, so that a young check needs real changes to flap. */
static void ring_push(struct check_life *life, enum check_state state)
{
	if (life->ring_count == 0) {
		memset(life->ring, (uint8_t)state, CHECK_RING);
	} else {
		memmove(life->ring, life->ring + 1, CHECK_RING - 1);
		life->ring[CHECK_RING - 1] = (uint8_t)state;
	}
	if (life->ring_count < CHECK_RING)
		life->ring_count++;
}

static void flap_apply(
        struct check_life *life, const struct check_rules *rules, struct check_change *change)
{
	/* A tenth of a percent of tolerance for binary fractions: 30 means 30. */
	double permil = flap_percent(life->ring) * 10 + 1e-6;

	if (!life->flapping && permil >= rules->flap_start_permil) {
		life->flapping = true;
		change->flap_started = true;
	} else if (life->flapping && permil - 2e-6 <= rules->flap_stop_permil) {
		life->flapping = false;
		change->flap_stopped = true;
	}
}

static void problem_apply(struct check_life *life, const struct check_rules *rules)
{
	bool was_problem = life->ran && life->state != CHECK_OK;

	if (was_problem && life->hard)
		return; /* stays hard, at its last attempt */
	life->attempt = was_problem ? life->attempt + 1 : 1;
	life->hard = life->attempt >= rules->max_attempts;
	if (life->hard)
		life->attempt = rules->max_attempts;
}

struct check_change check_life_apply(
        struct check_life *life, const struct check_rules *rules, enum check_state result)
{
	struct check_life old = *life;
	struct check_change change = {.before = life->known ? life->hard_state : CHECK_OK};

	if (result == CHECK_OK) {
		change.soft_recovery = life->ran && life->state != CHECK_OK && !life->hard;
		life->hard = true;
		life->attempt = 1;
	} else {
		problem_apply(life, rules);
	}
	life->state = result;
	life->ran = true;
	if (life->hard) {
		change.hard_changed = !life->known || life->hard_state != result;
		life->known = true;
		life->hard_state = result;
		ring_push(life, result);
		flap_apply(life, rules, &change);
	}
	change.moved = !old.ran || old.state != life->state || old.hard != life->hard ||
	               old.attempt != life->attempt || old.flapping != life->flapping ||
	               change.hard_changed;
	return change;
}

int64_t check_life_interval(const struct check_life *life, const struct check_rules *rules)
{
	return life->ran && !life->hard ? rules->retry_interval : rules->check_interval;
}
