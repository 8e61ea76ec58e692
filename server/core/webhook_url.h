/* Where webhooks may lead: the internet at large, unless more is allowed. */
#ifndef OTKLIK_CORE_WEBHOOK_URL_H
#define OTKLIK_CORE_WEBHOOK_URL_H

#include <stdbool.h>

#include <sys/socket.h>

enum { WEBHOOK_URL_MAX = 2000 };

/*
 * NULL where the URL will do, else what is wrong with it ("must begin with …"). A name is not
 * resolved: what it leads to is looked at when it is called, by webhook_address_public.
 */
const char *webhook_url_check(const char *url, bool allow_private);

/* Does the address lie in the internet at large: not loopback, link-local, private, shared,
 * multicast, reserved, nor an IPv6 form of one of these? */
bool webhook_address_public(const struct sockaddr *address);

#endif
