/*
 * The master process: listens, accepts, caps, and deals connections to child processes that it
 * starts, restarts, replaces on reload and stops. It holds neither TLS nor database state, so
 * there is little in it that could fail.
 *
 * A connection's way: accepted → counted against the caps → waits until a child has room →
 * its descriptor goes to the least loaded child, a copy stays here → the child's loop confirms
 * and the copy is closed. If the child dies before that, the connection is dealt again, with
 * not a byte of it read.
 */
#ifndef OTKLIK_NET_MASTER_H
#define OTKLIK_NET_MASTER_H

#include <stdint.h>

#include "base/status.h"
#include "net/address.h"
#include "net/callers.h"

struct master;

enum { MASTER_RUN_DIR_SIZE = 96 };

/* What the master itself needs to know; read anew at each reload. */
struct master_settings {
	struct address listen[ADDRESS_LIST_MAX];
	size_t listen_count;
	unsigned api_processes;
	unsigned jobs_processes;
	unsigned notify_processes;
	struct callers_limits limits;
	unsigned drain_s;
	char run_dir[MASTER_RUN_DIR_SIZE]; /* "": no pid file, no status socket; not reloaded */
};

struct master_options {
	const char *program; /* path of the binary that children execute */
	const char *config;  /* path of the settings file, for children and reloads */
	/* Reads the settings file. 0, or a negative status with err. */
	int (*load)(const char *config, struct master_settings *out, struct otk_error *err);
};

/*
 * Binds the addresses and takes the pid file; no child is started yet, so this may run with
 * more rights than master_run. NULL with err (address in use, already running…). The options
 * must outlive the master.
 */
struct master *master_new(const struct master_options *options, struct otk_error *err);
void master_free(struct master *master);

/*
 * Starts the children and serves until SIGTERM or SIGINT (a second one does not wait for the
 * requests under way). SIGHUP reloads: the settings are checked by `program check-config`; if
 * they are good a new generation of children takes over and the old one drains. 0, or a
 * negative status when it could not run at all.
 */
int master_run(struct master *master);

/*
 * Copies the report that a running master gives on its status socket to `out` (a FILE *).
 * 0, or -OTK_UNAVAILABLE with err when none runs.
 */
int master_status(const char *run_dir, void *out, struct otk_error *err);

/* The descriptor on which a child finds its channel. */
enum { MASTER_CHILD_CHANNEL = 3, MASTER_CHILD_WAKE_IN = 4, MASTER_CHILD_WAKE_OUT = 5 };

#endif
