/* Connection counts per remote address: a chained hash table that grows with its callers. */
#include "net/callers.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <sys/random.h>

enum { CALLERS_BUCKETS = 1024 }; /* addresses, not connections: chains stay short */

struct caller {
	struct caller *next;
	uint64_t key;
	unsigned live;
	unsigned unknown;
};

struct callers {
	struct callers_limits limits;
	unsigned total;
	uint64_t seed; /* callers choose their addresses: keep them from choosing a bucket */
	struct caller *buckets[CALLERS_BUCKETS];
};

struct callers *callers_new(const struct callers_limits *limits)
{
	struct callers *callers = calloc(1, sizeof *callers);

	if (callers == NULL)
		return NULL;
	callers->limits = *limits;
	if (getrandom(&callers->seed, sizeof callers->seed, GRND_NONBLOCK) < 0)
		callers->seed = (uint64_t)(uintptr_t)callers;
	return callers;
}

void callers_free(struct callers *callers)
{
	if (callers == NULL)
		return;
	for (size_t i = 0; i < CALLERS_BUCKETS; i++) {
		struct caller *caller = callers->buckets[i];

		while (caller != NULL) {
			struct caller *next = caller->next;

			free(caller);
			caller = next;
		}
	}
	free(callers);
}

void callers_limit(struct callers *callers, const struct callers_limits *limits)
{
	callers->limits = *limits;
}

/* The /64 of IPv6, or an IPv4 address in a range no /64 of global unicast has. */
static uint64_t key_of(const struct sockaddr *address)
{
	uint64_t key = 0;

	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;

		return ntohl(in->sin_addr.s_addr);
	}
	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)address;
		const uint8_t *bytes = in->sin6_addr.s6_addr;
		int from = IN6_IS_ADDR_V4MAPPED(&in->sin6_addr) ? 8 : 0;

		for (int i = 0; i < 8; i++)
			key = key << 8 | bytes[from + i];
		return from == 8 ? key & UINT32_MAX : key;
	}
	return UINT64_MAX; /* a Unix socket: one caller */
}

static struct caller **bucket_of(struct callers *callers, uint64_t key)
{
	uint64_t mixed = (key ^ callers->seed) * UINT64_C(0x9E3779B97F4A7C15);

	return &callers->buckets[(mixed >> 40) % CALLERS_BUCKETS];
}

enum callers_verdict callers_enter(
        struct callers *callers, const struct sockaddr *address, struct caller **out)
{
	uint64_t key = key_of(address);
	struct caller **bucket = bucket_of(callers, key);
	struct caller *caller = *bucket;

	if (callers->total >= callers->limits.total)
		return CALLERS_TOTAL;
	while (caller != NULL && caller->key != key)
		caller = caller->next;
	if (caller == NULL) {
		caller = calloc(1, sizeof *caller);
		if (caller == NULL)
			return CALLERS_TOTAL;
		caller->key = key;
		caller->next = *bucket;
		*bucket = caller;
	} else if (caller->live >= callers->limits.per_address) {
		return CALLERS_ADDRESS;
	} else if (caller->unknown >= callers->limits.per_address_unknown) {
		return CALLERS_UNKNOWN;
	}
	caller->live++;
	caller->unknown++;
	callers->total++;
	*out = caller;
	return CALLERS_OK;
}

void callers_known(struct caller *caller)
{
	caller->unknown--;
}

void callers_leave(struct callers *callers, struct caller *caller, int known)
{
	struct caller **at;

	caller->live--;
	if (!known)
		caller->unknown--;
	callers->total--;
	if (caller->live > 0)
		return;
	for (at = bucket_of(callers, caller->key); *at != caller; at = &(*at)->next)
		;
	*at = caller->next;
	free(caller);
}

unsigned callers_total(const struct callers *callers)
{
	return callers->total;
}
