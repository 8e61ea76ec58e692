/* What a call prints: standard output and error caught in files, or a temporary file's text. */
#ifndef OTKLIK_TESTS_CLI_CAPTURE_H
#define OTKLIK_TESTS_CLI_CAPTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CAPTURE_SIZE = 32768 };

struct capture {
	FILE *files[2];
	int saved[2];
	char out[CAPTURE_SIZE];
	char err[CAPTURE_SIZE];
};

static inline void capture_text(FILE *file, char *text)
{
	size_t n;

	rewind(file);
	n = fread(text, 1, CAPTURE_SIZE - 1, file);
	text[n] = '\0';
	(void)fclose(file);
}

static inline void capture_begin(struct capture *c)
{
	static const int FDS[] = {STDOUT_FILENO, STDERR_FILENO};

	(void)fflush(stdout);
	for (int i = 0; i < 2; i++) {
		c->files[i] = tmpfile();
		c->saved[i] = dup(FDS[i]);
		(void)dup2(fileno(c->files[i]), FDS[i]);
	}
}

static inline void capture_end(struct capture *c)
{
	(void)fflush(stdout);
	(void)fflush(stderr);
	(void)dup2(c->saved[0], STDOUT_FILENO);
	(void)dup2(c->saved[1], STDERR_FILENO);
	(void)close(c->saved[0]);
	(void)close(c->saved[1]);
	capture_text(c->files[0], c->out);
	capture_text(c->files[1], c->err);
}

/* A new file with these bytes; its name is to be unlinked and freed. */
static inline char *temporary_file(const void *data, size_t size)
{
	char *path = strdup("/tmp/cli_test_XXXXXX");
	int fd = path == NULL ? -1 : mkstemp(path);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	(void)close(fd);
	return path;
}

static inline void temporary_remove(char *path)
{
	(void)unlink(path);
	free(path);
}

#endif
