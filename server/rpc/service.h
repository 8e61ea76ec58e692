/* What every request of one process shares. Made by the api process, lives as long as it. */
#ifndef OTKLIK_RPC_SERVICE_H
#define OTKLIK_RPC_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/queue.h>
#include <sys/types.h>

struct loop;
struct otk_clock;
struct db_pool;
struct desk;      /* server/desk: reference data, batches, the write path */
struct watch_hub; /* rpc/watch.c: who waits for the feed */
struct session;
struct ticket_turn; /* rpc/ticket_write.h */

TAILQ_HEAD(session_list, session);

enum { COMPUTE_LEFT_MAX = 16 };

struct service {
	struct loop *loop;
	struct otk_clock *clock;
	struct db_pool *pool;
	struct desk *desk;
	struct watch_hub *watches;
	const char *database;     /* conninfo, for streams of their own (kpi verify) */
	const char *config;       /* file of the settings, for compute processes */
	const char *installation; /* first part of every principal's URI */
	const char *build;        /* "otklikd/0.1.0" */

	bool customer_webhooks; /* customers may have webhooks: there is a folder of secrets */
	bool webhook_allow_private; /* which may lead inside */

	/* Limits. */
	uint32_t in_flight_per_connection;
	uint32_t in_flight_max;  /* of the process */
	int64_t connection_age;  /* us */
	uint32_t compute_max;    /* compute processes at once; 0: none on this host */
	int64_t compute_timeout; /* us that one has in all */
	int64_t compute_stall;   /* us in which something must be told and taken */

	/* Kept by the sessions. */
	bool draining;      /* no new request is taken */
	bool database_away; /* for longer than a failover should take */
	struct session_list sessions;
	uint32_t connections;
	uint32_t in_flight;
	struct ticket_turn *turns; /* of those who change tickets that others change too */
	uint32_t stalled;          /* sessions that wait for in_flight to fall */
	uint64_t requests_total;
	uint32_t computing;                   /* compute processes that run */
	pid_t compute_left[COMPUTE_LEFT_MAX]; /* killed and not yet reaped; 0: none */
};

#endif
