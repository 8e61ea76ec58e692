/* See webhook_url.h. */
#include "core/webhook_url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <netinet/in.h>

static bool v4_public(uint32_t ip)
{
	static const struct {
		uint32_t net;
		int bits;
	} REFUSED_NETS[] = {{0x00000000, 8}, {0x0a000000, 8}, {0x64400000, 10}, {0x7f000000, 8},
	        {0xa9fe0000, 16}, {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24},
	        {0xc0a80000, 16}, {0xc6120000, 15}, {0xc6336400, 24}, {0xcb007100, 24},
	        {0xe0000000, 3}};

	for (size_t i = 0; i < sizeof REFUSED_NETS / sizeof REFUSED_NETS[0]; i++) {
		if ((ip ^ REFUSED_NETS[i].net) >> (32 - REFUSED_NETS[i].bits) == 0)
			return false;
	}
	return true;
}

static uint32_t v4_at(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static bool v6_public(const uint8_t ip[16])
{
	static const uint8_t MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	static const uint8_t NAT64[12] = {0x00, 0x64, 0xff, 0x9b};

	if (memcmp(ip, MAPPED, sizeof MAPPED) == 0 || memcmp(ip, NAT64, sizeof NAT64) == 0)
		return v4_public(v4_at(ip + 12));
	if (ip[0] == 0x20 && ip[1] == 0x02) /* 6to4 */
		return v4_public(v4_at(ip + 2));
	/* Only global unicast, 2000::/3, without Teredo and documentation. */
	if ((ip[0] & 0xe0) != 0x20)
		return false;
	return !(ip[0] == 0x20 && ip[1] == 0x01 &&
	         ((ip[2] == 0 && ip[3] == 0) || (ip[2] == 0x0d && ip[3] == 0xb8)));
}

bool webhook_address_public(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, address, sizeof in);
		return v4_public(ntohl(in.sin_addr.s_addr));
	}
	if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, address, sizeof in6);
		return v6_public(in6.sin6_addr.s6_addr);
	}
	return false;
}

/* ---- as it is written ------------------------------------------------------------------ */

enum { HOST_SIZE = 256 };

static bool ends_with(const char *text, const char *with)
{
	size_t length = strlen(text);
	size_t least = strlen(with);

	return length >= least && strcasecmp(text + length - least, with) == 0;
}

/* The last label of a name is no number: 127.1, 0x7f000001 and 2130706433 are addresses to a
 * resolver, and nobody means well by them. */
static bool is_numeric(const char *host)
{
	const char *label = strrchr(host, '.');

	label = label == NULL ? host : label + 1;
	if (strncasecmp(label, "0x", 2) == 0)
		return true;
	return *label != '\0' && strspn(label, "0123456789") == strlen(label);
}

static const char *check_host(const char *host, bool bracketed, bool allow_private)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	bool public;

	if (bracketed) {
		if (inet_pton(AF_INET6, host, &in6.sin6_addr) != 1)
			return "has no IPv6 address between its brackets";
		public = v6_public(in6.sin6_addr.s6_addr);
	} else if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
		public = v4_public(ntohl(in.sin_addr.s_addr));
	} else if (is_numeric(host)) {
		return "names its host by a number that is no address";
	} else {
		public = strcasecmp(host, "localhost") != 0 && !ends_with(host, ".localhost") &&
		         !ends_with(host, ".local") && !ends_with(host, ".internal");
	}
	if (!public && !allow_private)
		return "leads to a loopback, private or reserved address, and "
		       "webhook_allow_private is not set";
	return NULL;
}

const char *webhook_url_check(const char *url, bool allow_private)
{
	char host[HOST_SIZE];
	bool bracketed;
	size_t length;

	if (strncasecmp(url, "https://", 8) == 0)
		url += 8;
	else if (strncasecmp(url, "http://", 7) == 0)
		url += 7;
	else
		return "must begin with https:// or http://";
	if (strlen(url) > WEBHOOK_URL_MAX)
		return "is too long";
	for (const char *c = url; *c != '\0'; c++) {
		if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f ||
		        strchr("\\\"<>^`{|}#", *c) != NULL)
			return "may hold only the characters of a URL, and no fragment";
	}
	length = strcspn(url, "/?");
	if (memchr(url, '@', length) != NULL)
		return "may not hold a user";
	bracketed = *url == '[';
	url += bracketed ? 1 : 0;
	length = strcspn(url, bracketed ? "]" : ":/?");
	if (length == 0 || length >= sizeof host || (bracketed && url[length] != ']'))
		return "names no host";
	memcpy(host, url, length);
	host[length] = '\0';
	if (host[length - 1] == '.')
		host[length - 1] = '\0';
	if (!bracketed && strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                               "0123456789-.") != strlen(host))
		return "names no host";
	url += length + (bracketed ? 1 : 0);
	if (*url == ':') {
		length = strspn(url + 1, "0123456789");
		if (length == 0 || length > 5 || strtol(url + 1, NULL, 10) > 65535 ||
		        strtol(url + 1, NULL, 10) < 1)
			return "must have a port from 1 to 65535";
		url += length + 1;
	}
	if (strchr("/?", *url) == NULL)
		return "names no host";
	return check_host(host, bracketed, allow_private);
}
