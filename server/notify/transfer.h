/*
 * Transfers of libcurl on the event loop: any number under way, none of which keeps another, or
 * the database, waiting. Connections that are still good are used again.
 */
#ifndef OTKLIK_NOTIFY_TRANSFER_H
#define OTKLIK_NOTIFY_TRANSFER_H

#include <curl/curl.h>

struct loop;
struct transfers;

/* Called once, from the loop; the transfer is over and may be started anew. */
typedef void transfer_done(void *context, CURLcode code);

/* Part of its owner's struct. Between start and done neither it nor the handle may move. */
struct transfer {
	CURL *easy;
	transfer_done *done;
	void *context;
};

/* NULL when memory is out. All transfers must be over, or stopped, before it is freed. */
struct transfers *transfers_new(struct loop *loop);
void transfers_free(struct transfers *transfers);

/* Takes CURLOPT_PRIVATE for itself. 0, or -OTK_RESOURCE_EXHAUSTED: then `done` is not called.
 */
int transfer_start(struct transfers *transfers, struct transfer *transfer);

/* Breaks it off: `done` is not called. Harmless for one that is not under way. */
void transfer_stop(struct transfers *transfers, struct transfer *transfer);

#endif
