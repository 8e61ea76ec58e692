/* Who may do what: a principal is a set of grants, role × customer or global. Pure. */
#ifndef OTKLIK_CORE_ACCESS_H
#define OTKLIK_CORE_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum role {
	ROLE_REQUESTER = 1,
	ROLE_ENGINEER = 2,
	ROLE_LEAD = 3,
	ROLE_MANAGER = 4,
	ROLE_ADMIN = 5,
	ROLE_AGENT = 6,
	ROLE_MAIL = 7, /* a mail gateway: hands in for senders, reads nothing */
};

/* Values are those of otklik.v1.Permission. */
enum permission {
	PERMISSION_ANY = 1,
	PERMISSION_TICKET_READ = 2,
	PERMISSION_TICKET_CREATE = 3,
	PERMISSION_TICKET_REPLY = 4,
	PERMISSION_TICKET_WORK = 5,
	PERMISSION_KPI_READ = 6,
	PERMISSION_ADMIN = 7,
	PERMISSION_IMPORT = 8,
	PERMISSION_AGENT = 9,
	PERMISSION_TICKET_LEAD = 10,
	PERMISSION_MAIL = 11,
};

enum { ACCESS_GRANTS_MAX = 32, ACCESS_ALL_CUSTOMERS = 0 };

struct access_grant {
	enum role role;
	int32_t customer_id; /* ACCESS_ALL_CUSTOMERS: every customer */
};

struct access {
	size_t count;
	struct access_grant grants[ACCESS_GRANTS_MAX];
};

/* "requester" … ; NULL for an unknown role. And back: 0 or -OTK_INVALID_ARGUMENT. */
const char *role_name(enum role role);
int role_parse(const char *text, enum role *out);

/* May it, for this customer? And: may it for any customer at all (judged before decoding)? */
bool access_may(const struct access *access, enum permission permission, int32_t customer_id);
bool access_may_any(const struct access *access, enum permission permission);

/* True where some grant that gives `permission` is global. */
bool access_is_global(const struct access *access, enum permission permission);

/*
 * Writes the customers for which `permission` holds, ascending and without repeats, at most
 * `max`; returns how many. Meaningful only where access_is_global() is false.
 */
size_t access_customers(
        const struct access *access, enum permission permission, int32_t *out, size_t max);

#endif
