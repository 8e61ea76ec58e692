/* A file of others read by a child process that cannot do harm: little time, little memory. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cli/ics.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { ARENA_MAX = 32 * 1024 * 1024, WALL_SECONDS = 20 };

/* What the child says, in this order; texts follow, each ended by NUL. */
struct answer {
	int32_t status;
	int32_t code;
	uint32_t days;
	uint32_t notes; /* that follow */
	uint64_t note_count;
	char reason[OTK_REASON_SIZE];
	char message[OTK_MESSAGE_SIZE];
};

struct answer_item {
	int64_t date;
	uint32_t line;
};

/* `line`: of the event that was being read; 0: not known. */
static int fail(struct otk_error *err, const char *path, unsigned line, const char *why)
{
	if (line == 0)
		return error_set(
		        err, OTK_INVALID_ARGUMENT, "BAD_FILE", "%.200s: %s", path, why);
	return error_set(
	        err, OTK_INVALID_ARGUMENT, "BAD_FILE", "%.200s:%u: %s", path, line, why);
}

static int text_read(
        struct arena *arena, const char *path, char **text, size_t *size, struct otk_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe shall not hold us */
	struct stat st;
	ssize_t n = 0;

	if (fd < 0)
		return error_set(
		        err, OTK_NOT_FOUND, "UNREADABLE", "%.200s: %s", path, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > ICS_FILE_MAX) {
		(void)close(fd);
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_FILE",
		        "%.200s:1: must be a file of at most %d bytes", path, ICS_FILE_MAX);
	}
	*text = arena_alloc(arena, (size_t)st.st_size + 1);
	*size = 0;
	while (*text != NULL && *size < (size_t)st.st_size &&
	        (n = read(fd, *text + *size, (size_t)st.st_size - *size)) > 0)
		*size += (size_t)n;
	(void)close(fd);
	if (*text == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	return 0;
}

/* ---- the child -------------------------------------------------------------------------- */

static void limit(int which, rlim_t most)
{
	(void)setrlimit(which, &(struct rlimit){most, most});
}

static void item_write(FILE *pipe, int64_t date, unsigned line, const char *text)
{
	struct answer_item item = {.date = date, .line = line};

	(void)fwrite(&item, sizeof item, 1, pipe);
	(void)fwrite(text, strlen(text) + 1, 1, pipe);
}

static _Noreturn void child_run(
        int fd, const char *path, const char *text, size_t size, volatile unsigned *at_line)
{
	struct arena *arena;
	struct answer answer = {0};
	struct otk_error err = {0};
	struct ics ics = {0};
	FILE *pipe = fdopen(fd, "w");

	limit(RLIMIT_CPU, ICS_SECONDS_MAX);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	if (!SANITIZED) /* its shadow memory is larger than any limit */
		limit(RLIMIT_AS, ICS_MEMORY_MAX);
	arena = arena_new(ARENA_MAX);
	if (pipe == NULL || arena == NULL)
		_exit(1);
	answer.status = ics_read(arena, path, text, size, at_line, &ics, &err);
	answer.code = (int32_t)err.code;
	(void)snprintf(answer.reason, sizeof answer.reason, "%s", err.reason);
	(void)snprintf(answer.message, sizeof answer.message, "%s", err.message);
	if (answer.status == 0) {
		answer.days = (uint32_t)ics.count;
		answer.note_count = ics.note_count;
		answer.notes = (uint32_t)(ics.note_count < ICS_NOTES_MAX ? ics.note_count
		                                                         : ICS_NOTES_MAX);
	}
	(void)fwrite(&answer, sizeof answer, 1, pipe);
	for (uint32_t i = 0; i < answer.days; i++)
		item_write(pipe, ics.days[i].date, ics.days[i].line, ics.days[i].summary);
	for (uint32_t i = 0; i < answer.notes; i++)
		item_write(pipe, 0, ics.notes[i].line, ics.notes[i].text);
	_exit(fflush(pipe) == 0 ? 0 : 1);
}

/* ---- its answer ------------------------------------------------------------------------- */

/* All that comes through the pipe before the time is over. */
static bool pipe_drain(int fd, struct buf *out)
{
	int64_t until = clock_monotonic() + WALL_SECONDS * CLOCK_SECOND;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	char piece[65536];

	for (;;) {
		int64_t left = until - clock_monotonic();
		ssize_t n;

		if (left <= 0 || out->len > ARENA_MAX ||
		        poll(&ready, 1, (int)(left / 1000) + 1) == 0)
			return false;
		n = read(fd, piece, sizeof piece);
		if (n == 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0 && buf_append(out, piece, (size_t)n) < 0)
			return false;
	}
}

/* The next item of the answer; false where the child wrote no such thing. */
static bool item_read(struct arena *arena, const char **p, const char *end,
        struct answer_item *item, const char **text)
{
	size_t length;

	if ((size_t)(end - *p) < sizeof *item)
		return false;
	memcpy(item, *p, sizeof *item);
	*p += sizeof *item;
	length = strnlen(*p, (size_t)(end - *p));
	if (*p + length == end)
		return false;
	*text = arena_memdup(arena, *p, length + 1);
	*p += length + 1;
	return *text != NULL;
}

static bool answer_read(
        struct arena *arena, const struct buf *in, struct answer *answer, struct ics *out)
{
	const char *p = in->data;
	const char *end = p + in->len;
	struct answer_item item;

	if (in->len < sizeof *answer)
		return false;
	memcpy(answer, p, sizeof *answer);
	p += sizeof *answer;
	if (answer->days > ICS_DAYS_MAX || answer->notes > ICS_NOTES_MAX)
		return false;
	out->days = arena_calloc(arena, answer->days + 1, sizeof *out->days);
	out->notes = arena_calloc(arena, answer->notes + 1, sizeof *out->notes);
	if (out->days == NULL || out->notes == NULL)
		return false;
	for (; out->count < answer->days; out->count++) {
		struct ics_day *day = &out->days[out->count];

		if (!item_read(arena, &p, end, &item, &day->summary))
			return false;
		day->date = item.date;
		day->line = item.line;
	}
	for (uint32_t i = 0; i < answer->notes; i++) {
		if (!item_read(arena, &p, end, &item, &out->notes[i].text))
			return false;
		out->notes[i].line = item.line;
	}
	out->note_count = (size_t)answer->note_count;
	return true;
}

static int child_wait(pid_t child)
{
	int status = 0;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static int answer_take(struct arena *arena, const char *path, int fd, pid_t child,
        const volatile unsigned *at_line, struct ics *out, struct otk_error *err)
{
	struct answer answer;
	struct ics made = {0};
	struct buf said = {0};
	bool whole = pipe_drain(fd, &said);
	int status;

	if (!whole)
		(void)kill(child, SIGKILL);
	status = child_wait(child);
	if (whole && status == 0 && answer_read(arena, &said, &answer, &made)) {
		buf_free(&said);
		if (answer.status < 0) {
			answer.reason[sizeof answer.reason - 1] = '\0';
			answer.message[sizeof answer.message - 1] = '\0';
			return error_set(err, (enum otk_status) - answer.status, answer.reason,
			        "%s", answer.message);
		}
		*out = made;
		return 0;
	}
	buf_free(&said);
	if (!whole || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) ||
	        (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		return fail(err, path, at_line == NULL ? 0 : *at_line,
		        "takes longer to understand than a calendar of holidays may; look at "
		        "its RRULEs");
	return fail(err, path, at_line == NULL ? 0 : *at_line,
	        "cannot be read within the memory that a calendar may take");
}

int ics_file_read(struct arena *arena, const char *path, struct ics *out, struct otk_error *err)
{
	char *text = NULL;
	size_t size = 0;
	unsigned *at_line;
	int ends[2];
	pid_t child;
	int rc = text_read(arena, path, &text, &size, err);

	if (rc < 0)
		return rc;
	/* The child tells through it where it is when it is stopped; without it only that is
	 * lost.
	 */
	at_line = mmap(NULL, sizeof *at_line, PROT_READ | PROT_WRITE,
	        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (at_line == MAP_FAILED)
		at_line = NULL;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		rc = error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_PIPE", "%s", strerror(errno));
		goto out_unmap;
	}
	(void)fflush(NULL); /* or the child would write it again */
	child = fork();
	if (child == 0) {
		(void)close(ends[0]);
		child_run(ends[1], path, text, size, at_line);
	}
	(void)close(ends[1]);
	rc = child > 0 ? answer_take(arena, path, ends[0], child, at_line, out, err)
	               : error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_PROCESS", "%s",
	                         strerror(errno));
	(void)close(ends[0]);

out_unmap:
	if (at_line != NULL)
		(void)munmap(at_line, sizeof *at_line);
	return rc;
}
