/* Names to addresses. */
#include "lib/resolve.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/dns.h>
#include <event2/util.h>

struct resolver {
	struct loop *loop;
	bool may_block;
	void (*done)(void *arg, const struct resolved *found, const struct otk_error *err);
	void *arg;
	struct evdns_base *dns;
	struct evdns_getaddrinfo_request *request;
	struct loop_task finished; /* for what is known at once */
	struct resolved found;
	struct otk_error err;
	char host[256];
};

static void found_copy(struct resolved *found, const struct addrinfo *list)
{
	found->count = 0;
	for (; list != NULL && found->count < RESOLVE_MAX; list = list->ai_next) {
		if (list->ai_addrlen > sizeof found->addresses[0])
			continue;
		memcpy(&found->addresses[found->count], list->ai_addr, list->ai_addrlen);
		found->sizes[found->count++] = (socklen_t)list->ai_addrlen;
	}
}

static void take_result(struct resolver *resolver, const char *why, struct addrinfo *list)
{
	found_copy(&resolver->found, list);
	error_clear(&resolver->err);
	if (resolver->found.count == 0)
		(void)error_set(&resolver->err, OTK_UNAVAILABLE, "NAME_NOT_FOUND",
		        "cannot find the address of %s: %s; correct `server` in the profile, "
		        "or "
		        "look at the name service",
		        resolver->host, why);
}

static void on_finished(void *arg)
{
	struct resolver *resolver = arg;

	resolver->done(resolver->arg, &resolver->found,
	        resolver->found.count == 0 ? &resolver->err : NULL);
}

static void on_dns(int result, struct evutil_addrinfo *list, void *arg)
{
	struct resolver *resolver = arg;

	if (result == EVUTIL_EAI_CANCEL)
		return;
	resolver->request = NULL;
	take_result(resolver, evutil_gai_strerror(result), list);
	if (list != NULL)
		evutil_freeaddrinfo(list);
	loop_post(resolver->loop, &resolver->finished);
}

struct resolver *resolver_new(struct loop *loop, bool may_block,
        void (*done)(void *arg, const struct resolved *found, const struct otk_error *err),
        void *arg)
{
	struct resolver *resolver = calloc(1, sizeof *resolver);

	if (resolver == NULL)
		return NULL;
	resolver->loop = loop;
	resolver->may_block = may_block || loop_base(loop) == NULL;
	resolver->done = done;
	resolver->arg = arg;
	loop_task_init(&resolver->finished, on_finished, resolver);
	return resolver;
}

void resolver_stop(struct resolver *resolver)
{
	loop_unpost(resolver->loop, &resolver->finished);
	if (resolver->request != NULL)
		evdns_getaddrinfo_cancel(resolver->request);
	resolver->request = NULL;
	if (resolver->dns != NULL)
		evdns_base_free(resolver->dns, 0);
	resolver->dns = NULL;
}

void resolver_free(struct resolver *resolver)
{
	if (resolver == NULL)
		return;
	resolver_stop(resolver);
	free(resolver);
}

/* The name service is read anew each time: a laptop changes networks. */
static void start_dns(struct resolver *resolver, const char *port)
{
	struct evutil_addrinfo hints = {
	        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
	struct evdns_getaddrinfo_request *request;

	resolver->dns =
	        evdns_base_new(loop_base(resolver->loop), EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (resolver->dns == NULL || evdns_base_resolv_conf_parse(resolver->dns,
	                                     DNS_OPTIONS_ALL, "/etc/resolv.conf") != 0) {
		take_result(resolver, "no name server is configured", NULL);
		loop_post(resolver->loop, &resolver->finished);
		return;
	}
	request = evdns_getaddrinfo(
	        resolver->dns, resolver->host, port, &hints, on_dns, resolver);
	/* NULL when on_dns was called at once. */
	resolver->request = request;
}

void resolver_start(struct resolver *resolver, const char *host, uint16_t port)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC,
	        .ai_socktype = SOCK_STREAM,
	        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	char service[8];
	int rc;

	resolver_stop(resolver);
	(void)snprintf(resolver->host, sizeof resolver->host, "%s", host);
	(void)snprintf(service, sizeof service, "%u", port);
	rc = getaddrinfo(host, service, &hints, &list);
	if (rc != 0 && !resolver->may_block) {
		start_dns(resolver, service);
		return;
	}
	if (rc != 0) {
		hints.ai_flags = AI_NUMERICSERV;
		rc = getaddrinfo(host, service, &hints, &list);
	}
	take_result(resolver, gai_strerror(rc), list);
	if (list != NULL)
		freeaddrinfo(list);
	loop_post(resolver->loop, &resolver->finished);
}
