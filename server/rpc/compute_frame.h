/*
 * What an api process and the compute process it starts say to each other: the job in a file in
 * memory, the answer as frames through a pipe.
 */
#ifndef OTKLIK_RPC_COMPUTE_FRAME_H
#define OTKLIK_RPC_COMPUTE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/status.h"

/* Descriptors of the compute process. */
enum { COMPUTE_JOB_FD = 3, COMPUTE_ANSWER_FD = 4 };

/* A greater answer item is a fault; no frame of the protocol could bear it. */
enum { COMPUTE_ITEM_MAX = 1 << 20 };

/* Five bytes before each: length big-endian, then which. */
enum { COMPUTE_HEAD_SIZE = 5 };
enum compute_frame {
	COMPUTE_ITEM = 1,  /* an item of the method's stream */
	COMPUTE_ERROR = 2, /* a Status; nothing follows */
	COMPUTE_END = 3,   /* all is told */
};

struct compute_job {
	uint16_t method;
	int64_t now;       /* the server's clock at receipt of the request, us */
	const char *scope; /* customers the caller may look at, as db_unit_scope wants them */
	const ProtobufCMessage *message;
};

/* A descriptor of a file in memory with the job, read from its beginning; -1: none. */
int compute_job_write(const struct compute_job *job);

/* Reads it again; the message is the arena's. 0 or a negative status with err. */
int compute_job_read(
        int fd, struct arena *arena, struct compute_job *out, struct otk_error *err);

/* Of the compute process: writes a frame, waiting as long as it takes. 0, or -OTK_UNAVAILABLE
 * when nobody reads any more. */
int compute_tell_item(int fd, const ProtobufCMessage *item);
int compute_tell_error(int fd, const struct otk_error *err);
int compute_tell_end(int fd);

#endif
