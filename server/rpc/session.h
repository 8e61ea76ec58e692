/*
 * A session: one connection with somebody on the other end. It greets, learns from the database
 * who the certificate names, turns frames into requests and keeps count of those in flight.
 */
#ifndef OTKLIK_RPC_SESSION_H
#define OTKLIK_RPC_SESSION_H

#include <openssl/ssl.h>

#include "rpc/service.h"

struct session;

struct session_ops {
	void (*known)(void *context, struct session *session);  /* authenticated and greeted */
	void (*closed)(void *context, struct session *session); /* freed after this returns */
};

/*
 * Takes over `fd` (also on failure). `plain_uri`: see conn_new. `token` is the owner's own name
 * for it. NULL when memory is out (then `closed` is not called).
 */
struct session *session_new(struct service *service, int fd, SSL_CTX *tls,
        const char *plain_uri, const struct session_ops *ops, void *context, uint64_t token);

uint64_t session_token(const struct session *session);

/*
 * All sessions: say GOAWAY, refuse new requests, end long-lived streams with UNAVAILABLE, and
 * close when the last request in flight is answered.
 */
void sessions_drain(struct service *service, const char *reason, const char *message);

/* All sessions: close at once; what is in flight is orphaned. */
void sessions_abort(struct service *service);

/*
 * All sessions: read the principal again and close when it is gone. When it changed, requests
 * in flight keep the old one, and long-lived streams end with UNAVAILABLE.
 */
void sessions_recheck(struct service *service);

/* The same for those whose last reading failed, or may have come too early. */
void sessions_recheck_unsure(struct service *service);

/* All sessions: who waits for the database is answered UNAVAILABLE. */
void sessions_database_away(struct service *service);

/* Requests have ended: sessions of this process that had stopped reading go on. */
void sessions_unstall(struct service *service);

#endif
