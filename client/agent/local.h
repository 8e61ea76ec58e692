/*
 * The daemon's Unix socket, the command's end: one request, one reply, blocking with a time
 * limit. A frame is a big-endian u32 length and one protobuf message.
 */
#ifndef OTKLIK_AGENT_LOCAL_H
#define OTKLIK_AGENT_LOCAL_H

#include "base/arena.h"
#include "base/status.h"
#include "otklik/v1/local.pb-c.h"

enum { LOCAL_REQUEST_MAX = 64 * 1024, LOCAL_REPLY_MAX = 1024 * 1024, LOCAL_PATH_MAX = 107 };

/*
 * Asks the daemon at `path`; *out lives in the arena. -OTK_UNAVAILABLE: nobody listens there
 * and nothing was sent. -OTK_DEADLINE_EXCEEDED or -OTK_DATA_LOSS: it broke off after the
 * request went out, so what became of it is not known. A refusal by the daemon is its code.
 */
int local_call(const char *path, const Otklik__V1__AgentLocalRequest *request, int timeout_ms,
        struct arena *arena, Otklik__V1__AgentLocalResponse **out, struct otk_error *err);

#endif
