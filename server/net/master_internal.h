/* What the files of the master share; nobody else includes this. */
#ifndef OTKLIK_NET_MASTER_INTERNAL_H
#define OTKLIK_NET_MASTER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/queue.h>
#include <sys/types.h>

#include <event2/event.h>
#include <event2/listener.h>

#include "net/backoff.h"
#include "net/callers.h"
#include "net/deal.h"
#include "net/master.h"

enum child_role { CHILD_API, CHILD_JOBS, CHILD_NOTIFY };

enum child_state {
	CHILD_FREE,     /* the slot is empty */
	CHILD_WAITING,  /* dead, to be started again by its timer */
	CHILD_STARTING, /* executed, its loop does not run yet */
	CHILD_READY,
	CHILD_DRAINING /* told to finish and exit */
};

/* Twice the greatest number of processes: an old and a new generation. */
enum { MASTER_CHILDREN_MAX = 2 * (256 + 8 + 8) };

TAILQ_HEAD(connection_list, connection);

/* A connection as the master sees it: counted, and until confirmed also held. */
struct connection {
	TAILQ_ENTRY(connection) link; /* of its child, or of the waiting ones */
	uint64_t token;
	struct caller *caller;
	int fd;    /* our copy; -1 once confirmed */
	int child; /* slot; -1 while it waits */
	bool known;
};

struct child {
	struct master *master;
	enum child_state state;
	enum child_role role;
	unsigned generation;
	pid_t pid;
	int channel;
	struct event *event; /* the channel is readable */
	struct event *timer; /* start again */
	int64_t started_at;  /* monotonic us */
	struct backoff backoff;
	unsigned restarts;
	struct connection_list connections;
};

struct master {
	const struct master_options *options;
	struct master_settings settings;
	struct event_base *base;
	pid_t pid;
	int64_t started_at;

	struct evconnlistener *listeners[ADDRESS_LIST_MAX];
	size_t listener_count;
	bool listening;
	struct event *listen_timer; /* listen again after descriptors ran out */

	unsigned generation;
	struct child children[MASTER_CHILDREN_MAX];
	struct deal_seat seats[MASTER_CHILDREN_MAX]; /* of the child in the same slot */
	size_t last_dealt;

	struct callers *callers;
	struct connection **table; /* slot in the low half of a token */
	size_t table_size;
	uint32_t *free_slots;
	size_t free_count;
	uint32_t token_epoch;
	struct connection_list waiting;
	unsigned waiting_count;
	uint64_t accepted;
	uint64_t refused;
	int64_t refusal_logged_at; /* one line a second, however many come */

	int wake[2]; /* -1: none could be made; see wake.h */

	pid_t checker; /* of a reload: `program check-config`; 0 while none runs */
	bool reload_again;
	bool stopping;
	struct event *stop_timer;
	struct event *signals[4];
	int pid_file;
	struct evconnlistener *status;
};

/* master.c */
void master_checked(struct master *m, bool good); /* the settings of a reload */

/* children.c */
int child_start_all(struct master *m); /* of the current generation */
void child_drain_old(struct master *m);
void child_drop_unready(struct master *m);
void child_drain_all(struct master *m);
void child_kill_all(struct master *m);
void child_reap(struct master *m);
unsigned child_count(const struct master *m);
const char *child_role_name(enum child_role role);
const char *child_state_name(enum child_state state);
pid_t child_exec(struct master *m, const char *const arguments[], int channel);
void child_free_all(struct master *m);

/* connections.c */
void connection_table_free(struct master *m);
void connection_accept(struct master *m, int fd, const struct sockaddr *address);
void connection_message(struct child *child, int type, uint64_t token);
void connection_child_gone(struct child *child);
void connection_deal_waiting(struct master *m);

/* listeners.c */
int listeners_open(
        struct master *m, const struct master_settings *settings, struct otk_error *err);
void listeners_close(struct master *m);
void listeners_pause(struct master *m);
void listeners_resume(struct master *m);

/* report.c */
int pid_file_take(struct master *m, struct otk_error *err);
void pid_file_drop(struct master *m);
int report_open(struct master *m);
void report_close(struct master *m);
void supervisor_tell(const char *state); /* sd_notify(3), when somebody listens */

#endif
