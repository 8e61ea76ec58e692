/* Roles, grants and scopes: the access policy is the table below and nothing else. */
#include "core/access.h"

#include <string.h>

#include "base/status.h"

#define BIT(permission) (UINT32_C(1) << (permission))

/* Reading and speaking on tickets: both sides do. */
#define TALK                                                                                   \
	(BIT(PERMISSION_TICKET_READ) | BIT(PERMISSION_TICKET_CREATE) |                         \
	        BIT(PERMISSION_TICKET_REPLY))
#define WORK (TALK | BIT(PERMISSION_TICKET_WORK))
#define LEAD (WORK | BIT(PERMISSION_TICKET_LEAD) | BIT(PERMISSION_KPI_READ))

static const struct {
	const char *name;
	uint32_t permissions;
} ROLES[ROLE_MAIL + 1] = {
        [ROLE_REQUESTER] = {"requester", TALK},
        [ROLE_ENGINEER] = {"engineer", WORK},
        [ROLE_LEAD] = {"lead", LEAD},
        [ROLE_MANAGER] = {"manager", BIT(PERMISSION_TICKET_READ) | BIT(PERMISSION_KPI_READ)},
        [ROLE_ADMIN] = {"admin", LEAD | BIT(PERMISSION_ADMIN) | BIT(PERMISSION_IMPORT)},
        [ROLE_AGENT] = {"agent", BIT(PERMISSION_AGENT)},
        [ROLE_MAIL] = {"mail", BIT(PERMISSION_MAIL)},
};

const char *role_name(enum role role)
{
	if (role < ROLE_REQUESTER || role > ROLE_MAIL)
		return NULL;
	return ROLES[role].name;
}

int role_parse(const char *text, enum role *out)
{
	for (unsigned i = ROLE_REQUESTER; i <= ROLE_MAIL; i++) {
		if (strcmp(ROLES[i].name, text) == 0) {
			*out = (enum role)i;
			return 0;
		}
	}
	return -OTK_INVALID_ARGUMENT;
}

/* Roles come from the database and permissions from the schema: neither is trusted. */
static bool role_allows(enum role role, enum permission permission)
{
	if (role < ROLE_REQUESTER || role > ROLE_MAIL)
		return false;
	if (permission == PERMISSION_ANY)
		return true;
	if (permission < PERMISSION_ANY || permission > PERMISSION_MAIL)
		return false;
	return (ROLES[role].permissions & BIT(permission)) != 0;
}

bool access_may(const struct access *access, enum permission permission, int32_t customer_id)
{
	for (size_t i = 0; i < access->count; i++) {
		const struct access_grant *grant = &access->grants[i];

		if ((grant->customer_id == ACCESS_ALL_CUSTOMERS ||
		            grant->customer_id == customer_id) &&
		        role_allows(grant->role, permission))
			return true;
	}
	return false;
}

bool access_may_any(const struct access *access, enum permission permission)
{
	if (permission == PERMISSION_ANY)
		return true;
	for (size_t i = 0; i < access->count; i++) {
		if (role_allows(access->grants[i].role, permission))
			return true;
	}
	return false;
}

bool access_is_global(const struct access *access, enum permission permission)
{
	for (size_t i = 0; i < access->count; i++) {
		if (access->grants[i].customer_id == ACCESS_ALL_CUSTOMERS &&
		        role_allows(access->grants[i].role, permission))
			return true;
	}
	return false;
}

/* Inserts into an ascending array without repeats; the greatest falls off when it is full. */
static size_t insert_sorted(int32_t *out, size_t count, size_t max, int32_t value)
{
	size_t at = 0;

	while (at < count && out[at] < value)
		at++;
	if ((at < count && out[at] == value) || at == max)
		return count;
	if (count == max)
		count--;
	memmove(out + at + 1, out + at, (count - at) * sizeof *out);
	out[at] = value;
	return count + 1;
}

size_t access_customers(
        const struct access *access, enum permission permission, int32_t *out, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < access->count; i++) {
		const struct access_grant *grant = &access->grants[i];

		if (grant->customer_id != ACCESS_ALL_CUSTOMERS &&
		        role_allows(grant->role, permission))
			count = insert_sorted(out, count, max, grant->customer_id);
	}
	return count;
}
