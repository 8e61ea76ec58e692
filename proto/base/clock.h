/* The clock every rule is given: real, or a virtual one that tests move. */
#ifndef OTKLIK_BASE_CLOCK_H
#define OTKLIK_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Instants are microseconds since 1970-01-01T00:00:00Z without leap seconds. */
#define CLOCK_SECOND INT64_C(1000000)

struct otk_clock;

/* The system clock. NULL when memory is out. */
struct otk_clock *clock_new_real(void);

/*
 * A virtual clock held as one int64 in the file at `path`, mapped shared, so that every
 * process that opens it sees the same time and a test moves it for all of them. The file is
 * created at `start_us` if absent. NULL with errno on failure.
 */
struct otk_clock *clock_open_virtual(const char *path, int64_t start_us);
void clock_free(struct otk_clock *clock);

/* Now. Never goes back within one process: a step back of the system clock holds still. */
int64_t clock_now(struct otk_clock *clock);
bool clock_is_virtual(const struct otk_clock *clock);

/* Moves a virtual clock to `to_us` (forward only: 0, or -OTK_INVALID_ARGUMENT). */
int clock_move(struct otk_clock *clock, int64_t to_us);

/* Monotonic microseconds, for timeouts of I/O; always real. */
int64_t clock_monotonic(void);

#endif
