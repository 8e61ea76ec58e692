/* Addresses and their text. */
#include "net/address.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/text.h"

enum { HOST_MAX = 46 };

static int bad(const char *text, size_t length, struct otk_error *err)
{
	return error_set(err, OTK_INVALID_ARGUMENT, "BAD_ADDRESS",
	        "%.*s is not address:port, [IPv6 address]:port or *:port",
	        (int)(length > 80 ? 80 : length), text);
}

static int storage_fill(const char *host, uint16_t port, struct address *out)
{
	struct sockaddr_in *in4 = (void *)&out->storage;
	struct sockaddr_in6 *in6 = (void *)&out->storage;

	memset(out, 0, sizeof *out);
	if (strcmp(host, "*") == 0) {
		in6->sin6_family = AF_INET6;
		in6->sin6_addr = in6addr_any;
	} else if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
	} else if (inet_pton(AF_INET, host, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(port);
		out->length = sizeof *in4;
		return 0;
	} else {
		return -OTK_INVALID_ARGUMENT;
	}
	in6->sin6_port = htons(port);
	out->length = sizeof *in6;
	return 0;
}

int address_parse(const char *text, size_t length, struct address *out, struct otk_error *err)
{
	struct address parsed;
	char host[HOST_MAX + 1];
	char digits[6];
	const char *colon = memrchr(text, ':', length);
	const char *from = text;
	size_t host_length;
	size_t port_length;
	int64_t port;

	if (colon == NULL)
		return bad(text, length, err);
	host_length = (size_t)(colon - text);
	port_length = length - host_length - 1;
	if (host_length >= 2 && text[0] == '[' && colon[-1] == ']') {
		from++;
		host_length -= 2;
	} else if (memchr(text, ':', host_length) != NULL) {
		return bad(text, length, err); /* which colon is the port's? */
	}
	if (host_length > HOST_MAX || port_length == 0 || port_length >= sizeof digits)
		return bad(text, length, err);
	memcpy(host, from, host_length);
	host[host_length] = '\0';
	memcpy(digits, colon + 1, port_length);
	digits[port_length] = '\0';
	if (text_to_i64(digits, 0, UINT16_MAX, &port) != 0 ||
	        storage_fill(host, (uint16_t)port, &parsed) != 0)
		return bad(text, length, err);
	*out = parsed;
	return 0;
}

int address_list_parse(const char *text, struct address out[ADDRESS_LIST_MAX], size_t *count,
        struct otk_error *err)
{
	size_t n = 0;

	for (;;) {
		size_t length;
		int rc;

		text += strspn(text, " \t");
		length = strcspn(text, ", \t");
		if (n == ADDRESS_LIST_MAX)
			return error_set(err, OTK_INVALID_ARGUMENT, "BAD_ADDRESS",
			        "more than %d addresses", ADDRESS_LIST_MAX);
		rc = address_parse(text, length, &out[n], err);
		if (rc != 0)
			return rc;
		n++;
		text += length;
		text += strspn(text, " \t");
		if (*text == '\0')
			break;
		if (*text++ != ',')
			return error_set(err, OTK_INVALID_ARGUMENT, "BAD_ADDRESS",
			        "separate addresses by commas");
	}
	*count = n;
	return 0;
}

const char *address_format(const struct sockaddr *address, char out[ADDRESS_TEXT_SIZE])
{
	char host[INET6_ADDRSTRLEN] = "";

	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;

		(void)inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
		(void)snprintf(out, ADDRESS_TEXT_SIZE, "%s:%u", host, ntohs(in->sin_port));
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)address;
		const uint8_t *bytes = in->sin6_addr.s6_addr;

		if (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr)) {
			(void)inet_ntop(AF_INET, bytes + 12, host, sizeof host);
			(void)snprintf(
			        out, ADDRESS_TEXT_SIZE, "%s:%u", host, ntohs(in->sin6_port));
		} else {
			(void)inet_ntop(AF_INET6, bytes, host, sizeof host);
			(void)snprintf(
			        out, ADDRESS_TEXT_SIZE, "[%s]:%u", host, ntohs(in->sin6_port));
		}
	} else {
		(void)snprintf(out, ADDRESS_TEXT_SIZE, "unix");
	}
	return out;
}
