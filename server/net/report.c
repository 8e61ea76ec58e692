/* What the master shows to the outside: pid file, status socket, service manager. */
#include "net/master_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

enum { RUN_PATH_SIZE = MASTER_RUN_DIR_SIZE + 16 };

static void run_path(const char *run_dir, const char *name, char out[RUN_PATH_SIZE])
{
	(void)snprintf(out, RUN_PATH_SIZE, "%s/%s", run_dir, name);
}

int pid_file_take(struct master *m, struct otk_error *err)
{
	char path[RUN_PATH_SIZE];
	char text[24];
	int length;

	m->pid_file = -1;
	if (m->settings.run_dir[0] == '\0')
		return 0;
	if (mkdir(m->settings.run_dir, 0755) < 0 && errno != EEXIST)
		return error_set(err, OTK_UNAVAILABLE, "RUN_DIR", "run_dir = %s: %s",
		        m->settings.run_dir, strerror(errno));
	run_path(m->settings.run_dir, "otklikd.pid", path);
	m->pid_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (m->pid_file < 0)
		return error_set(
		        err, OTK_UNAVAILABLE, "PID_FILE", "%s: %s", path, strerror(errno));
	/* The lock, not the number, tells whether it lives: numbers are used again. */
	if (flock(m->pid_file, LOCK_EX | LOCK_NB) < 0) {
		(void)close(m->pid_file);
		m->pid_file = -1;
		return error_set(err, OTK_ALREADY_EXISTS, "ALREADY_RUNNING",
		        "an otklikd already runs with run_dir = %s", m->settings.run_dir);
	}
	length = snprintf(text, sizeof text, "%ld\n", (long)m->pid);
	if (ftruncate(m->pid_file, 0) < 0 || write(m->pid_file, text, (size_t)length) != length)
		return error_set(
		        err, OTK_UNAVAILABLE, "PID_FILE", "%s: %s", path, strerror(errno));
	return 0;
}

void pid_file_drop(struct master *m)
{
	char path[RUN_PATH_SIZE];

	if (m->pid_file < 0)
		return;
	run_path(m->settings.run_dir, "otklikd.pid", path);
	(void)unlink(path);
	(void)close(m->pid_file);
	m->pid_file = -1;
}

static void report_write(const struct master *m, struct buf *out)
{
	int64_t now = clock_monotonic();

	(void)buf_printf(out,
	        "master pid=%ld generation=%u uptime_s=%lld connections=%u waiting=%u "
	        "accepted=%llu refused=%llu stopping=%s\n",
	        (long)m->pid, m->generation, (long long)((now - m->started_at) / CLOCK_SECOND),
	        callers_total(m->callers), m->waiting_count, (unsigned long long)m->accepted,
	        (unsigned long long)m->refused, m->stopping ? "yes" : "no");
	for (size_t i = 0; i < MASTER_CHILDREN_MAX; i++) {
		const struct child *child = &m->children[i];

		if (child->state == CHILD_FREE)
			continue;
		(void)buf_printf(out,
		        "child role=%s pid=%ld generation=%u state=%s connections=%u "
		        "unconfirmed=%u restarts=%u\n",
		        child_role_name(child->role), (long)child->pid, child->generation,
		        child_state_name(child->state), m->seats[i].live,
		        m->seats[i].unconfirmed, child->restarts);
	}
}

/* The whole report fits in a socket's buffer, so one write needs no waiting. */
static void report_asked(struct evconnlistener *listener, evutil_socket_t fd,
        struct sockaddr *address, int length, void *context)
{
	struct buf text = {0};

	(void)listener;
	(void)address;
	(void)length;
	report_write(context, &text);
	if (!text.failed && send(fd, buf_text(&text), text.len, MSG_NOSIGNAL) < 0)
		log_debug("status was asked and not read");
	buf_free(&text);
	(void)close(fd);
}

static int status_address(const char *run_dir, struct sockaddr_un *out)
{
	char path[RUN_PATH_SIZE];

	run_path(run_dir, "status.sock", path);
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof out->sun_path)
		return -OTK_INVALID_ARGUMENT;
	memcpy(out->sun_path, path, strlen(path));
	return 0;
}

int report_open(struct master *m)
{
	struct sockaddr_un address;

	if (m->settings.run_dir[0] == '\0')
		return 0;
	if (status_address(m->settings.run_dir, &address) != 0)
		return -OTK_INVALID_ARGUMENT;
	(void)unlink(address.sun_path); /* ours: the pid file is locked */
	m->status = evconnlistener_new_bind(m->base, report_asked, m,
	        LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16,
	        (const struct sockaddr *)&address, (int)sizeof address);
	return m->status == NULL ? -OTK_UNAVAILABLE : 0;
}

void report_close(struct master *m)
{
	struct sockaddr_un address;

	if (m->status == NULL)
		return;
	evconnlistener_free(m->status);
	m->status = NULL;
	if (status_address(m->settings.run_dir, &address) == 0)
		(void)unlink(address.sun_path);
}

int master_status(const char *run_dir, void *out, struct otk_error *err)
{
	struct sockaddr_un address;
	char text[4096];
	ssize_t n;
	int fd;

	if (run_dir[0] == '\0' || status_address(run_dir, &address) != 0)
		return error_set(err, OTK_FAILED_PRECONDITION, "NO_RUN_DIR",
		        "the settings have no (short enough) run_dir, so the server has no "
		        "status socket");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		int failure = errno;

		if (fd >= 0)
			(void)close(fd);
		return error_set(err, OTK_UNAVAILABLE, "NOT_RUNNING",
		        "%s: %s; otklikd does not run", address.sun_path, strerror(failure));
	}
	while ((n = read(fd, text, sizeof text)) > 0)
		(void)fwrite(text, 1, (size_t)n, out);
	(void)close(fd);
	return 0;
}

void supervisor_tell(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = path == NULL ? 0 : strlen(path);
	int fd;

	if (length < 2 || length >= sizeof address.sun_path)
		return;
	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
	            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		log_warn("cannot tell the service manager", "error", strerror(errno));
	(void)close(fd);
}
