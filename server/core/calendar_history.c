/* Service time over editions: each question is cut into pieces that one edition answers. */
#include "core/calendar_history.h"

/* Number of editions that act at or before an instant, the first one always. */
static size_t editions_until(const struct calendar_history *history, int64_t at)
{
	size_t lo = history->count > 0 ? 1 : 0;
	size_t hi = history->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (history->editions[mid].from_at <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The time that one edition answers for: [from, to) around an instant. */
struct piece {
	struct calendar *calendar;
	int64_t from;
	int64_t to;
};

static int piece_at(const struct calendar_history *history, int64_t at, struct piece *out)
{
	size_t n = editions_until(history, at);

	out->calendar = n == 0 ? calendar_always() : history->editions[n - 1].calendar;
	if (out->calendar == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	out->from = n <= 1 ? INT64_MIN : history->editions[n - 1].from_at;
	out->to = n == history->count ? INT64_MAX : history->editions[n].from_at;
	return 0;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

struct calendar *history_at(const struct calendar_history *history, int64_t at)
{
	size_t n = editions_until(history, at);

	return n == 0 ? NULL : history->editions[n - 1].calendar;
}

int history_zone(const struct calendar_history *history, int64_t at, const struct tz **out)
{
	struct calendar *calendar = history_at(history, at);

	if (calendar == NULL)
		return tz_find("UTC", out, NULL);
	*out = calendar_zone(calendar);
	return 0;
}

int history_open_between(
        const struct calendar_history *history, int64_t from, int64_t to, int64_t *us)
{
	int64_t sum = 0;

	while (from < to) {
		struct piece piece;
		int64_t part;
		int64_t end;
		int rc = piece_at(history, from, &piece);

		if (rc != 0)
			return rc;
		end = least(to, piece.to);
		rc = calendar_open_between(piece.calendar, from, end, &part);
		if (rc != 0)
			return rc;
		sum += part;
		from = end;
	}
	*us = sum;
	return 0;
}

int history_is_open(const struct calendar_history *history, int64_t at, bool *open)
{
	struct piece piece;
	int64_t open_at;
	int rc = piece_at(history, at, &piece);

	if (rc != 0)
		return rc;
	rc = calendar_next_open(piece.calendar, at, at + 1, &open_at);
	if (rc < 0)
		return rc;
	*open = rc == 1;
	return 0;
}

int history_next_open(const struct calendar_history *history, int64_t at, int64_t *open_at)
{
	while (at < CALENDAR_END) {
		struct piece piece;
		int rc = piece_at(history, at, &piece);

		if (rc != 0)
			return rc;
		rc = calendar_next_open(piece.calendar, at, piece.to, open_at);
		if (rc != 0)
			return rc < 0 ? rc : 0;
		at = piece.to;
	}
	return -OTK_OUT_OF_RANGE;
}

/* Whether an instant ends open time, which an edit may do too. 1, 0, or an error. */
static int instant_is_closing(const struct calendar_history *history, int64_t at)
{
	bool before;
	bool after;
	int rc = history_is_open(history, at - 1, &before);

	if (rc == 0)
		rc = history_is_open(history, at, &after);
	return rc != 0 ? rc : before && !after;
}

int history_previous_closing(
        const struct calendar_history *history, int64_t at, int64_t *closed_at)
{
	while (at > CALENDAR_START) {
		struct piece piece;
		int rc = piece_at(history, at, &piece);

		if (rc != 0)
			return rc;
		if (at > piece.from) {
			rc = calendar_previous_closing(
			        piece.calendar, at, piece.from, closed_at);
			if (rc != 0)
				return rc < 0 ? rc : 0;
			at = piece.from;
		} else {
			rc = instant_is_closing(history, at);
			if (rc < 0)
				return rc;
			if (rc == 1) {
				*closed_at = at;
				return 0;
			}
			at--;
		}
	}
	return -OTK_OUT_OF_RANGE;
}

int history_advance(const struct calendar_history *history, int64_t from, int64_t us,
        int64_t limit, int64_t *at, int64_t *left)
{
	while (us > 0 && from < limit) {
		struct piece piece;
		int rc = piece_at(history, from, &piece);

		if (rc == 0)
			rc = calendar_advance(
			        piece.calendar, from, us, least(limit, piece.to), &from, &us);
		if (rc != 0)
			return rc;
	}
	*at = from;
	*left = us;
	return 0;
}

int history_after(const struct calendar_history *history, int64_t from, int64_t us, int64_t *at)
{
	int64_t left;

	if (us < 0)
		return -OTK_OUT_OF_RANGE;
	return history_advance(history, from, us, CALENDAR_NEVER, at, &left);
}

/* Moves an instant back over closed time: to the closing, or when it never was open before on
 * to the opening. */
static int earliest_alike(const struct calendar_history *history, int64_t *at)
{
	int64_t closing;
	bool open = false;
	int rc = 0;

	if (*at > CALENDAR_START)
		rc = history_is_open(history, *at - 1, &open);
	if (rc != 0 || open)
		return rc;
	rc = history_previous_closing(history, *at, &closing);
	if (rc == 0)
		*at = closing;
	else if (rc == -OTK_OUT_OF_RANGE)
		rc = history_next_open(history, *at, at);
	return rc;
}

int history_before(const struct calendar_history *history, int64_t to, int64_t us, int64_t *at)
{
	int64_t left = us;
	int64_t found = to;
	int rc;

	if (us < 0)
		return -OTK_OUT_OF_RANGE;
	while (left > 0) {
		struct piece piece;

		rc = piece_at(history, found - 1, &piece);
		if (rc == 0)
			rc = calendar_retreat(
			        piece.calendar, found, left, piece.from, &found, &left);
		if (rc != 0)
			return rc;
	}
	if (us > 0) {
		rc = earliest_alike(history, &found);
		if (rc != 0)
			return rc;
	}
	*at = found;
	return 0;
}

void calendar_iter_start(struct calendar_iter *iter, const struct calendar_history *history,
        int64_t from, int64_t to)
{
	iter->history = history;
	iter->at = from;
	iter->to = to;
}

int calendar_iter_next(struct calendar_iter *iter, struct calendar_interval *out)
{
	struct piece piece;
	struct interval found;
	int64_t end;
	int rc;

	if (iter->at >= iter->to)
		return 0;
	if (iter->to > CALENDAR_END)
		return -OTK_OUT_OF_RANGE;
	rc = piece_at(iter->history, iter->at, &piece);
	if (rc != 0)
		return rc;
	end = least(iter->to, piece.to);
	out->from = iter->at;
	out->kind = CALENDAR_OPEN;
	rc = calendar_open_after(piece.calendar, iter->at, end, &found);
	if (rc < 0)
		return rc;
	if (rc == 0 || found.from > iter->at) {
		out->kind = CALENDAR_CLOSED;
		end = rc == 1 ? found.from : end;
		rc = calendar_holiday_after(piece.calendar, iter->at, end, &found);
		if (rc < 0)
			return rc;
		if (rc == 1 && found.from == iter->at) {
			out->kind = CALENDAR_HOLIDAY;
			end = found.to;
		} else if (rc == 1) {
			end = found.from;
		}
	} else {
		end = found.to;
	}
	out->to = end;
	iter->at = end;
	return 1;
}
