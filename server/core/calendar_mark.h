/*
 * What people call a piece of time: of which holiday it is, or of which special working day.
 * For telling alone; nothing is computed with it.
 */
#ifndef OTKLIK_CORE_CALENDAR_MARK_H
#define OTKLIK_CORE_CALENDAR_MARK_H

#include "core/calendar_history.h"

enum mark_kind { MARK_NONE, MARK_HOLIDAY, MARK_SPECIAL };

struct calendar_mark {
	enum mark_kind kind;
	int64_t date;     /* days since 1970 in the calendar's zone: the first of its dates */
	const char *name; /* "": it has none; as long as the calendar */
	int64_t until;    /* something else then, or the end that was asked for */
};

/* What is said of a date: a holiday, a special working day, or nothing. 0 or negative. */
int calendar_mark_date(struct calendar *calendar, int64_t date, struct calendar_mark *out);

/*
 * The mark of the time from `at` on, within an interval of `kind` that ends at `to`, as
 * calendar_iter_next gives it. Dates of the same kind and name are one mark. 0, or as in
 * calendar.h.
 */
int history_mark(const struct calendar_history *history, enum calendar_kind kind, int64_t at,
        int64_t to, struct calendar_mark *out);

#endif
