/* The daemon's end of the Unix socket: bounded connections, one request each. */
#ifndef OTKLIK_AGENT_INTAKE_H
#define OTKLIK_AGENT_INTAKE_H

#include "base/arena.h"
#include "base/status.h"
#include "loop/loop.h"
#include "otklik/v1/local.pb-c.h"

struct intake;

enum { INTAKE_CONNECTIONS = 32, INTAKE_TIMEOUT_S = 10 };

/* Fills `response`; what it points to must live in the arena. */
typedef void intake_handle(void *arg, const Otklik__V1__AgentLocalRequest *request,
        Otklik__V1__AgentLocalResponse *response, struct arena *arena);

/*
 * Listens at `path` with mode 0660; a socket that nobody serves any more is replaced.
 * NULL with err filled.
 */
struct intake *intake_new(struct loop *loop, const char *path, intake_handle *handle, void *arg,
        struct otk_error *err);

/* Closes everything and removes the socket. intake_free(NULL) is harmless. */
void intake_free(struct intake *intake);

/* Fills response->error from err. */
void intake_refuse(Otklik__V1__AgentLocalResponse *response, const struct otk_error *err,
        struct arena *arena);

#endif
