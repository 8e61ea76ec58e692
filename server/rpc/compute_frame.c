/* Jobs and answers of compute processes as bytes. */
#include "rpc/compute_frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/stat.h>

#include "wire/methods.h"
#include "wire/status_message.h"

enum { SCOPE_MAX = 65536, JOB_MAX = COMPUTE_ITEM_MAX + SCOPE_MAX + 64 };

static int write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -OTK_UNAVAILABLE;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

/* --- the job ------------------------------------------------------------------------------ */

int compute_job_write(const struct compute_job *job)
{
	size_t size = protobuf_c_message_get_packed_size(job->message);
	char head[64];
	int length = snprintf(head, sizeof head, "%u %lld %zu ", job->method,
	        (long long)job->now, strlen(job->scope));
	int fd = memfd_create("otklik-job", MFD_CLOEXEC);
	uint8_t *packed = malloc(size + 1);

	if (fd >= 0 && packed != NULL) {
		(void)protobuf_c_message_pack(job->message, packed);
		if (write_all(fd, head, (size_t)length) == 0 &&
		        write_all(fd, job->scope, strlen(job->scope)) == 0 &&
		        write_all(fd, packed, size) == 0 && lseek(fd, 0, SEEK_SET) == 0) {
			free(packed);
			return fd;
		}
	}
	free(packed);
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static int damaged(struct otk_error *err)
{
	return error_set(err, OTK_INTERNAL, "JOB_DAMAGED", "the job cannot be read");
}

static int read_all(int fd, struct arena *arena, char **out, size_t *size)
{
	struct stat stat;
	size_t have = 0;
	char *data;

	if (fstat(fd, &stat) < 0 || stat.st_size <= 0 || stat.st_size > JOB_MAX)
		return -OTK_INTERNAL;
	data = arena_calloc(arena, (size_t)stat.st_size + 1, 1);
	if (data == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	while (have < (size_t)stat.st_size) {
		ssize_t n = read(fd, data + have, (size_t)stat.st_size - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -OTK_INTERNAL;
		have += (size_t)n;
	}
	*out = data;
	*size = have;
	return 0;
}

/* Memory of the message from the arena of the job. */
static void *take(void *context, size_t size)
{
	return arena_alloc(context, size);
}

static void give_back(void *context, void *memory)
{
	(void)context;
	(void)memory;
}

int compute_job_read(
        int fd, struct arena *arena, struct compute_job *out, struct otk_error *err)
{
	ProtobufCAllocator allocator = {
	        .alloc = take, .free = give_back, .allocator_data = arena};
	const struct method *method;
	unsigned long id;
	size_t size, scope;
	char *data, *at;

	if (read_all(fd, arena, &data, &size) < 0)
		return damaged(err);
	id = strtoul(data, &at, 10);
	out->now = strtoll(at, &at, 10);
	scope = strtoul(at, &at, 10);
	method = method_find((unsigned)id);
	if (method == NULL || *at != ' ' || scope > SCOPE_MAX ||
	        (size_t)(at + 1 - data) + scope > size)
		return damaged(err);
	at++;
	out->method = method->id;
	out->scope = arena_strndup(arena, at, scope);
	at += scope;
	out->message = protobuf_c_message_unpack(
	        method->in, &allocator, size - (size_t)(at - data), (const uint8_t *)at);
	return out->scope == NULL || out->message == NULL ? damaged(err) : 0;
}

/* --- the answer --------------------------------------------------------------------------- */

static int tell(int fd, enum compute_frame kind, const ProtobufCMessage *message)
{
	size_t size = message == NULL ? 0 : protobuf_c_message_get_packed_size(message);
	uint8_t *frame;
	int rc;

	if (size > COMPUTE_ITEM_MAX)
		return -OTK_RESOURCE_EXHAUSTED;
	frame = malloc(COMPUTE_HEAD_SIZE + size);
	if (frame == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (int i = 0; i < 4; i++)
		frame[i] = (uint8_t)(size >> (24 - 8 * i));
	frame[4] = (uint8_t)kind;
	if (message != NULL)
		(void)protobuf_c_message_pack(message, frame + COMPUTE_HEAD_SIZE);
	rc = write_all(fd, frame, COMPUTE_HEAD_SIZE + size);
	free(frame);
	return rc;
}

int compute_tell_item(int fd, const ProtobufCMessage *item)
{
	return tell(fd, COMPUTE_ITEM, item);
}

int compute_tell_error(int fd, const struct otk_error *err)
{
	struct arena *arena = arena_new(65536);
	Otklik__V1__Status *status = arena == NULL ? NULL : status_message_new(arena, err);
	int rc = status == NULL ? -OTK_RESOURCE_EXHAUSTED
	                        : tell(fd, COMPUTE_ERROR, &status->base);

	arena_free(arena);
	return rc;
}

int compute_tell_end(int fd)
{
	return tell(fd, COMPUTE_END, NULL);
}
