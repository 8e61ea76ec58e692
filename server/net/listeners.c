/* Listening sockets of the master, and what to do when descriptors run out. */
#include "net/master_internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>

#include "base/log.h"

enum { BACKLOG = 1024, PAUSE_MS = 500 };

static void accepted(struct evconnlistener *listener, evutil_socket_t fd,
        struct sockaddr *address, int length, void *context)
{
	(void)listener;
	(void)length;
	connection_accept(context, fd, address);
}

static void listen_again(evutil_socket_t fd, short what, void *context)
{
	struct master *m = context;

	(void)fd;
	(void)what;
	connection_deal_waiting(m);
}

/*
 * Mostly EMFILE: the connection stays in the kernel's queue, so libevent would call again at
 * once and for ever. Look again when something may have been closed.
 */
static void accept_failed(struct evconnlistener *listener, void *context)
{
	static const struct timeval later = {PAUSE_MS / 1000, PAUSE_MS % 1000 * 1000};
	struct master *m = context;

	(void)listener;
	log_error("cannot accept; listening again in a moment", "error", strerror(errno));
	listeners_pause(m);
	(void)evtimer_add(m->listen_timer, &later);
}

static struct evconnlistener *listener_open(struct master *m, const struct address *address)
{
	return evconnlistener_new_bind(m->base, accepted, m,
	        LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, BACKLOG,
	        (const struct sockaddr *)&address->storage, (int)address->length);
}

/* On a host without IPv6 "*" means every IPv4 address. */
static struct evconnlistener *listener_open_any(struct master *m, const struct address *address)
{
	const struct sockaddr_in6 *in6 = (const void *)&address->storage;
	struct evconnlistener *listener = listener_open(m, address);

	if (listener == NULL && errno == EAFNOSUPPORT &&
	        address->storage.ss_family == AF_INET6 &&
	        IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr)) {
		struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = in6->sin6_port};
		struct address fallback = {.length = sizeof in4};

		memcpy(&fallback.storage, &in4, sizeof in4);
		listener = listener_open(m, &fallback);
	}
	return listener;
}

static void listener_log(struct evconnlistener *listener)
{
	struct sockaddr_storage bound;
	socklen_t length = sizeof bound;
	char text[ADDRESS_TEXT_SIZE];

	if (getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&bound, &length) ==
	        0)
		log_info("listening", "address",
		        address_format((const struct sockaddr *)&bound, text));
}

/* The open listener of this address, taken out of the old array; NULL if there is none. */
static struct evconnlistener *listener_keep(struct master *m, const struct address *address)
{
	for (size_t i = 0; i < m->listener_count; i++) {
		struct evconnlistener *listener = m->listeners[i];

		if (listener != NULL && m->settings.listen[i].length == address->length &&
		        memcmp(&m->settings.listen[i].storage, &address->storage,
		                address->length) == 0) {
			m->listeners[i] = NULL;
			return listener;
		}
	}
	return NULL;
}

int listeners_open(
        struct master *m, const struct master_settings *settings, struct otk_error *err)
{
	struct evconnlistener *fresh[ADDRESS_LIST_MAX];
	bool kept[ADDRESS_LIST_MAX] = {false};
	struct evconnlistener *old[ADDRESS_LIST_MAX];
	size_t n;

	memcpy(old, m->listeners, sizeof old);
	for (n = 0; n < settings->listen_count; n++) {
		fresh[n] = listener_keep(m, &settings->listen[n]);
		kept[n] = fresh[n] != NULL;
		if (fresh[n] == NULL)
			fresh[n] = listener_open_any(m, &settings->listen[n]);
		if (fresh[n] == NULL)
			break;
		evconnlistener_set_error_cb(fresh[n], accept_failed);
		if (!kept[n])
			listener_log(fresh[n]);
	}
	if (n < settings->listen_count) {
		const struct address *failed = &settings->listen[n];
		char text[ADDRESS_TEXT_SIZE];
		int failure = errno;

		while (n-- > 0) {
			if (!kept[n])
				evconnlistener_free(fresh[n]);
		}
		memcpy(m->listeners, old, sizeof old);
		return error_set(err, OTK_UNAVAILABLE, "CANNOT_LISTEN",
		        "cannot listen on %s: %s",
		        address_format((const struct sockaddr *)&failed->storage, text),
		        strerror(failure));
	}
	for (size_t i = 0; i < m->listener_count; i++) {
		if (m->listeners[i] != NULL)
			evconnlistener_free(m->listeners[i]);
	}
	memcpy(m->listeners, fresh, n * sizeof fresh[0]);
	m->listener_count = n;
	m->listening = true;
	if (m->listen_timer == NULL)
		m->listen_timer = evtimer_new(m->base, listen_again, m);
	if (m->listen_timer == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	return 0;
}

void listeners_close(struct master *m)
{
	for (size_t i = 0; i < m->listener_count; i++)
		evconnlistener_free(m->listeners[i]);
	m->listener_count = 0;
	if (m->listen_timer != NULL)
		event_free(m->listen_timer);
	m->listen_timer = NULL;
	m->listening = false;
}

void listeners_pause(struct master *m)
{
	if (!m->listening)
		return;
	m->listening = false;
	for (size_t i = 0; i < m->listener_count; i++)
		(void)evconnlistener_disable(m->listeners[i]);
}

void listeners_resume(struct master *m)
{
	if (m->listening)
		return;
	m->listening = true;
	for (size_t i = 0; i < m->listener_count; i++)
		(void)evconnlistener_enable(m->listeners[i]);
}
