/* What the files of the connection share; nobody else includes this. */
#ifndef OTKLIK_NET_CONN_INTERNAL_H
#define OTKLIK_NET_CONN_INTERNAL_H

#include <event2/bufferevent.h>
#include <event2/event.h>

#include "base/buf.h"
#include "net/conn.h"
#include "net/patience.h"

struct evbuffer;
struct evbuffer_cb_info;

struct conn {
	struct loop *loop;
	struct bufferevent *bev;
	const struct conn_ops *ops;
	void *context;
	const char *why;
	char uri[CERT_URI_MAX + 1]; /* plain connections: given; TLS: from the certificate */
	bool plain;
	bool stalled; /* at a header, until conn_resume */
	bool choked;  /* too much output: not reading */

	struct frame_decoder decoder;
	uint8_t *payload;

	struct buf out; /* this turn's frames */
	struct loop_task flush;
	struct loop_task work; /* more input is there than one turn may handle */
	struct loop_task end;

	struct patience patience; /* holds the state */
	struct loop_timer *timer;
	int64_t timer_at;

	char peer[ADDRESS_TEXT_SIZE];
	char serial[CERT_SERIAL_SIZE];
};

/* conn.c */
void conn_phase(struct conn *conn, enum conn_state state);
void conn_timer_update(struct conn *conn); /* after anything that patience looks at */
void conn_farewell(struct conn *conn);     /* everything is sent: says goodbye and closes */

/* conn_frames.c */
void conn_flush(void *arg); /* the task that gives this turn's output to libevent */
void conn_frames_read(struct conn *conn);
void conn_on_readable(struct bufferevent *bev, void *context);
void conn_on_written(struct bufferevent *bev, void *context);
void conn_output_moved(
        struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *context);

#endif
