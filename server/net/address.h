/* Addresses to listen on, as people write them and as sockets take them. */
#ifndef OTKLIK_NET_ADDRESS_H
#define OTKLIK_NET_ADDRESS_H

#include <stddef.h>

#include <sys/socket.h>

#include "base/status.h"

enum { ADDRESS_LIST_MAX = 16, ADDRESS_TEXT_SIZE = 64 };

struct address {
	struct sockaddr_storage storage;
	socklen_t length;
};

/*
 * Parses "192.0.2.1:7543", "[2001:db8::1]:7543" or "*:7543" (every address, IPv4 too); names
 * are refused, because resolving may block and change. 0, or -OTK_INVALID_ARGUMENT with err.
 */
int address_parse(const char *text, size_t length, struct address *out, struct otk_error *err);

/* Several separated by commas, 1 to ADDRESS_LIST_MAX. As address_parse. */
int address_list_parse(const char *text, struct address out[ADDRESS_LIST_MAX], size_t *count,
        struct otk_error *err);

/* "192.0.2.1:4711"; IPv4-mapped addresses as IPv4; "unix" for anything else. */
const char *address_format(const struct sockaddr *address, char out[ADDRESS_TEXT_SIZE]);

#endif
