/*
 * How many connections each remote address holds. An IPv6 caller owns a whole /64, so that is
 * what counts as one address; an IPv4-mapped address counts as its IPv4 one.
 */
#ifndef OTKLIK_NET_CALLERS_H
#define OTKLIK_NET_CALLERS_H

#include <stddef.h>

#include <sys/socket.h>

struct callers;
struct caller;

/* Bounds: connections in all, per address, and per address before authentication. */
struct callers_limits {
	unsigned total;
	unsigned per_address;
	unsigned per_address_unknown;
};

enum callers_verdict { CALLERS_OK, CALLERS_TOTAL, CALLERS_ADDRESS, CALLERS_UNKNOWN };

struct callers *callers_new(const struct callers_limits *limits); /* NULL: no memory */
void callers_free(struct callers *callers);

/* New limits act on the next connection; nobody is thrown out. */
void callers_limit(struct callers *callers, const struct callers_limits *limits);

/*
 * Counts a new connection as not authenticated. On CALLERS_OK *out is its caller, to be given
 * back with callers_leave; otherwise nothing is counted and the verdict says which bound is
 * reached (CALLERS_TOTAL also when memory is out).
 */
enum callers_verdict callers_enter(
        struct callers *callers, const struct sockaddr *address, struct caller **out);

/* The connection has shown who it is: it no longer counts against the smaller bound. */
void callers_known(struct caller *caller);

/* The connection is closed; `known` says whether callers_known was called for it. */
void callers_leave(struct callers *callers, struct caller *caller, int known);

/* Connections counted now. */
unsigned callers_total(const struct callers *callers);

#endif
