/* What channels share: outcomes, and how long to wait after a failure. */
#ifndef OTKLIK_NOTIFY_DELIVERY_H
#define OTKLIK_NOTIFY_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

enum channel { CHANNEL_MAIL = 1, CHANNEL_WEBHOOK = 2 };

enum outcome {
	DELIVERED,
	TRY_LATER,    /* this message was not taken now */
	CHANNEL_DOWN, /* nobody there: others would fare the same */
	REFUSED,      /* for good */
};

enum { DELIVERY_ERROR_SIZE = 256 };

struct delivery {
	enum outcome outcome;
	char error[DELIVERY_ERROR_SIZE]; /* "" when delivered */
};

/* Seconds that one attempt may take in all, and how long a lease must last beyond it. */
enum { DELIVERY_TIMEOUT_S = 30, DELIVERY_LEASE_S = 120 };

/*
 * Microseconds to wait after the attempt-th failure (from 1): 10 s, doubling up to an hour,
 * ±20 % by `random`.
 */
int64_t delivery_retry_us(int attempt, uint32_t random);

/* Logs fine text of a failure into `d`. */
void delivery_fail(struct delivery *d, enum outcome outcome, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/*
 * The first line of the file, without its end, malloced. NULL with errno where it cannot be
 * read or is empty.
 */
char *delivery_secret(const char *path);

#endif
