/* A known and enabled caller, as its certificate and the database say. */
#ifndef OTKLIK_RPC_PRINCIPAL_H
#define OTKLIK_RPC_PRINCIPAL_H

#include <stdint.h>

#include "core/access.h"
#include "core/reference.h"

enum { PRINCIPAL_URI_MAX = 255, PRINCIPAL_ZONE_MAX = 64 };

/* Read once per connection, before the server's Hello; requests borrow it. */
struct principal {
	int32_t id;
	enum principal_kind kind;
	int32_t customer_id; /* 0: the provider's own */
	int32_t site_id;     /* agents */
	int32_t team_id;     /* agents: where incidents go; people: first team */
	char code[CODE_MAX + 1];
	char name[NAME_TEXT_MAX * 4 + 1];
	char zone[PRINCIPAL_ZONE_MAX + 1];
	char uri[PRINCIPAL_URI_MAX + 1];
	struct access access;
};

#endif
