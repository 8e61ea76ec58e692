/* Real and virtual clocks. */
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/status.h"

struct otk_clock {
	_Atomic int64_t *shared; /* NULL: the system clock */
	int64_t last;
};

struct otk_clock *clock_new_real(void)
{
	return calloc(1, sizeof(struct otk_clock));
}

/* Makes the file whole under another name first: who opens `path` never sees it empty. */
static int clock_file_create(const char *path, int64_t start_us)
{
	char made[4096];
	int n = snprintf(made, sizeof made, "%s.%ld", path, (long)getpid());
	int fd;
	int rc;

	if (n < 0 || (size_t)n >= sizeof made) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = open(made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	rc = write(fd, &start_us, sizeof start_us) == sizeof start_us ? link(made, path) : -1;
	if (rc != 0 && errno == EEXIST) /* another process was faster: its time holds */
		rc = 0;
	(void)close(fd);
	(void)unlink(made);
	return rc;
}

/* A descriptor of a file that holds a time. */
static int clock_file_open(const char *path, int64_t start_us)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && clock_file_create(path, start_us) == 0)
		fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -1;
	/* Reading a mapping past the end of its file would end the process. */
	if (fstat(fd, &st) != 0 || st.st_size < (off_t)sizeof(int64_t)) {
		(void)close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

struct otk_clock *clock_open_virtual(const char *path, int64_t start_us)
{
	struct otk_clock *clock = calloc(1, sizeof *clock);
	int fd;
	void *map;

	if (clock == NULL)
		return NULL;
	fd = clock_file_open(path, start_us);
	if (fd < 0)
		goto out_free;
	map = mmap(NULL, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (map == MAP_FAILED)
		goto out_free;
	clock->shared = map;
	return clock;
out_free:
	free(clock);
	return NULL;
}

void clock_free(struct otk_clock *clock)
{
	if (clock == NULL)
		return;
	if (clock->shared != NULL)
		(void)munmap((void *)clock->shared, sizeof(int64_t));
	free(clock);
}

static int64_t timespec_us(const struct timespec *ts)
{
	return (int64_t)ts->tv_sec * CLOCK_SECOND + ts->tv_nsec / 1000;
}

int64_t clock_now(struct otk_clock *clock)
{
	struct timespec ts;
	int64_t now;

	if (clock->shared != NULL)
		return atomic_load(clock->shared);
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	now = timespec_us(&ts);
	if (now < clock->last)
		return clock->last;
	clock->last = now;
	return now;
}

bool clock_is_virtual(const struct otk_clock *clock)
{
	return clock->shared != NULL;
}

int clock_move(struct otk_clock *clock, int64_t to_us)
{
	if (clock->shared == NULL || to_us < atomic_load(clock->shared))
		return -OTK_INVALID_ARGUMENT;
	atomic_store(clock->shared, to_us);
	return 0;
}

int64_t clock_monotonic(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return timespec_us(&ts);
}
