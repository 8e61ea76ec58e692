/* Names to addresses: at once for numbers, through the loop or by waiting for names. */
#ifndef OTKLIK_CLIENT_LIB_RESOLVE_H
#define OTKLIK_CLIENT_LIB_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/status.h"
#include "loop/loop.h"

enum { RESOLVE_MAX = 8 };

struct resolved {
	size_t count;
	struct sockaddr_storage addresses[RESOLVE_MAX];
	socklen_t sizes[RESOLVE_MAX];
};

struct resolver;

/*
 * `may_block`: names are looked up by getaddrinfo, with all the system's sources, while the
 * loop stands still (a program that waits anyway). Otherwise by DNS and /etc/hosts in the
 * loop. NULL when memory is out.
 */
struct resolver *resolver_new(struct loop *loop, bool may_block,
        void (*done)(void *arg, const struct resolved *found, const struct otk_error *err),
        void *arg);
void resolver_free(struct resolver *resolver);

/* Starts a look-up, ending one under way; `done` is called from the loop, once. */
void resolver_start(struct resolver *resolver, const char *host, uint16_t port);
void resolver_stop(struct resolver *resolver);

#endif
