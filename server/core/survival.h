/*
 * How long like things took, counting also those that are not over yet: the Kaplan–Meier
 * estimate, and from it the probability that one which has lasted `consumed` passes `target`.
 */
#ifndef OTKLIK_CORE_SURVIVAL_H
#define OTKLIK_CORE_SURVIVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct survival_time {
	int64_t us;
	bool ended; /* false: it had lasted so long when last seen, and was not over */
};

/* One step of the estimate: S(t) from `us` on, until the next step. */
struct survival_step {
	int64_t us;
	int64_t at_risk; /* just before it */
	int64_t ended;   /* at it */
	double survival;
	double variance_sum; /* Greenwood's: sum of d / (n (n − d)) up to here */
};

struct survival {
	struct survival_step *steps;
	size_t count;
	int64_t *times; /* all it was made of, ascending */
	size_t n;
};

/* Sorts the times in place. 0 or -OTK_RESOURCE_EXHAUSTED; free with survival_free. */
int survival_make(struct survival_time *times, size_t count, struct survival *out);
void survival_free(struct survival *s);

/* The share that lasts longer than `us`. */
double survival_at(const struct survival *s, int64_t us);

/*
 * The first time by which at least `percent` of a hundred have ended. False where those that
 * were last seen before leave it open.
 */
bool survival_quantile(const struct survival *s, int percent, int64_t *us);

/* What is known of passing `target` once `consumed` is passed. */
struct survival_forecast {
	double probability;
	double low; /* of 95 %, by Greenwood's variance of log(−log S) */
	double high;
	size_t at_risk; /* like ones that lasted longer than `consumed` */
	bool beyond;    /* none lasted so long: nothing can be said but what is told */
};

/*
 * P(T > target | T > consumed). Of none that lasted longer than `consumed` nothing is known:
 * probability 0.5 within [0, 1], `beyond` set. 1 exactly where consumed >= target.
 */
struct survival_forecast survival_forecast(
        const struct survival *s, int64_t consumed_us, int64_t target_us);

#endif
