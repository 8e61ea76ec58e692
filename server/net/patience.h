/*
 * How long a peer may keep a connection waiting: the absolute timers of the protocol. Pure;
 * instants are microseconds of the loop's clock.
 */
#ifndef OTKLIK_NET_PATIENCE_H
#define OTKLIK_NET_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

enum conn_state { CONN_HANDSHAKE, CONN_HELLO, CONN_OPEN, CONN_FINISHING, CONN_CLOSED };

struct patience {
	enum conn_state state;
	int64_t since;     /* the state began */
	int64_t finish_us; /* CONN_FINISHING: how long that may take */
	int64_t heard_at;  /* last bytes from the peer, or we began to listen again */
	int64_t pinged_at; /* a PING was sent; counts while nothing was heard since */
	int64_t frame_at;  /* first byte of the frame that is not complete; 0 = none */
	int64_t sent_at;   /* output last moved, or began to wait */
	int64_t choked_at; /* output has been past its bound since; 0 = is not */
	bool deaf;         /* we do not read: silence proves nothing */
	bool output;       /* something waits to be sent */
};

enum patience_verdict { PATIENCE_WAIT, PATIENCE_PING, PATIENCE_OVER };

/* The earliest instant at which patience_judge may say something else than PATIENCE_WAIT. */
int64_t patience_due(const struct patience *p, int64_t now);

/* What to do at `now`; with PATIENCE_OVER *why is a constant text for the log. */
enum patience_verdict patience_judge(const struct patience *p, int64_t now, const char **why);

#endif
