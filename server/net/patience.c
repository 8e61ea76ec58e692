/* The timers of a connection. */
#include "net/patience.h"

#include "wire/limits.h"

#define MS(value) ((int64_t)(value)*1000)

enum {
	/* The peer takes nothing of what waits for it, or for so long not enough of it. */
	STUCK_MS = 30 * 1000,
	SLOW_MS = 120 * 1000
};

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When an open connection that we listen to is next suspicious. */
static int64_t silence_due(const struct patience *p)
{
	int64_t due =
	        p->heard_at + MS(p->pinged_at > p->heard_at ? WIRE_DEAD_MS : WIRE_PING_IDLE_MS);

	if (p->frame_at != 0)
		due = earlier(due, p->frame_at + MS(WIRE_FRAME_TIMEOUT_MS));
	return due;
}

int64_t patience_due(const struct patience *p, int64_t now)
{
	int64_t due;

	switch (p->state) {
	case CONN_HANDSHAKE:
		return p->since + MS(WIRE_HANDSHAKE_TIMEOUT_MS);
	case CONN_HELLO:
		return p->since + MS(WIRE_HELLO_TIMEOUT_MS);
	case CONN_FINISHING:
		return p->since + p->finish_us;
	case CONN_CLOSED:
		return INT64_MAX;
	case CONN_OPEN:
		break;
	}
	due = p->deaf ? now + MS(WIRE_PING_IDLE_MS) : silence_due(p);
	if (p->output)
		due = earlier(due, p->sent_at + MS(STUCK_MS));
	if (p->choked_at != 0)
		due = earlier(due, p->choked_at + MS(SLOW_MS));
	return due;
}

static const char *over(const struct patience *p, int64_t now)
{
	switch (p->state) {
	case CONN_HANDSHAKE:
		return "TLS handshake took too long";
	case CONN_HELLO:
		return "no Hello in time";
	case CONN_FINISHING:
	case CONN_CLOSED:
		return "peer does not take the last frames";
	case CONN_OPEN:
		break;
	}
	if (p->output && now >= p->sent_at + MS(STUCK_MS))
		return "peer takes no data";
	if (p->choked_at != 0 && now >= p->choked_at + MS(SLOW_MS))
		return "peer takes data too slowly";
	if (p->deaf)
		return NULL;
	if (p->frame_at != 0 && now >= p->frame_at + MS(WIRE_FRAME_TIMEOUT_MS))
		return "a frame took too long";
	if (now >= p->heard_at + MS(WIRE_DEAD_MS))
		return "peer is silent";
	return NULL;
}

enum patience_verdict patience_judge(const struct patience *p, int64_t now, const char **why)
{
	const char *found;

	if (now < patience_due(p, now))
		return PATIENCE_WAIT;
	found = over(p, now);
	if (found != NULL) {
		*why = found;
		return PATIENCE_OVER;
	}
	return PATIENCE_PING;
}
