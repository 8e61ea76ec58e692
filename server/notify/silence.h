/*
 * Webhooks that do not answer: how often in a row, each by itself, so that one customer's dead
 * host neither stops the others' webhooks nor keeps the process waiting for it all the time.
 */
#ifndef OTKLIK_NOTIFY_SILENCE_H
#define OTKLIK_NOTIFY_SILENCE_H

#include <stdint.h>

/* So many are remembered; of more the one that failed longest ago is forgotten. */
enum { SILENCE_MAX = 64 };

/* All zero: every one answers. */
struct silence {
	struct {
		uint64_t
		        url; /* its hash; two of the same would share their back-off, no more */
		uint64_t at; /* of the last failure, counted */
		int failures; /* in a row; 0: the place is free */
	} places[SILENCE_MAX];
	uint64_t count;
};

/* It did not answer: the number of failures in a row, this one included. */
int silence_failed(struct silence *s, const char *url);

/* It answered, whatever it said. */
void silence_broken(struct silence *s, const char *url);

/* Failures in a row; 0: it answers, or nothing is known of it. */
int silence_failures(const struct silence *s, const char *url);

/* A url as a number; two of the same are seldom. */
uint64_t silence_key(const char *url);

#endif
