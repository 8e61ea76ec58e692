/* Looking up reference data: by id in sorted arrays, by code in hash tables. */
#include "core/reference.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"

enum index_kind {
	INDEX_CUSTOMER,
	INDEX_SITE,
	INDEX_TEAM,
	INDEX_SERVICE,
	INDEX_PRINCIPAL,
	INDEX_URI,
	INDEX_COUNT,
};

/* Open addressing, at most half full; slots hold the position plus one. */
struct table {
	uint32_t *slots;
	size_t mask;
};

struct ref_index {
	struct table tables[INDEX_COUNT];
};

struct key {
	int32_t customer_id;
	const char *text;
	size_t length;
};

static struct key key_of(int32_t customer_id, const char *text)
{
	return (struct key){customer_id, text, text == NULL ? 0 : strlen(text)};
}

static size_t count_of(const struct reference *ref, enum index_kind kind)
{
	switch (kind) {
	case INDEX_CUSTOMER:
		return ref->customer_count;
	case INDEX_SITE:
		return ref->site_count;
	case INDEX_TEAM:
		return ref->team_count;
	case INDEX_SERVICE:
		return ref->service_count;
	default:
		return ref->principal_count;
	}
}

static struct key key_at(const struct reference *ref, enum index_kind kind, size_t at)
{
	switch (kind) {
	case INDEX_CUSTOMER:
		return key_of(0, ref->customers[at].code);
	case INDEX_SITE:
		return key_of(ref->sites[at].customer_id, ref->sites[at].code);
	case INDEX_TEAM:
		return key_of(0, ref->teams[at].code);
	case INDEX_SERVICE:
		return key_of(ref->services[at].customer_id, ref->services[at].code);
	case INDEX_PRINCIPAL:
		return key_of(0, ref->principals[at].code);
	default:
		return key_of(0, ref->principals[at].uri);
	}
}

/* FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t key_hash(const struct key *key)
{
	uint64_t hash = UINT64_C(14695981039346656037) ^ (uint32_t)key->customer_id;

	for (size_t i = 0; i < key->length; i++)
		hash = (hash ^ (unsigned char)key->text[i]) * UINT64_C(1099511628211);
	return hash ^ hash >> 32;
}

static bool key_equals(const struct key *a, const struct key *b)
{
	return a->customer_id == b->customer_id && a->length == b->length &&
	       memcmp(a->text, b->text, a->length) == 0;
}

static int table_fill(struct table *table, const struct reference *ref, enum index_kind kind)
{
	size_t count = count_of(ref, kind);
	size_t size = 8;

	while (size < count * 2)
		size *= 2;
	table->slots = calloc(size, sizeof *table->slots);
	if (table->slots == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	table->mask = size - 1;
	for (size_t i = 0; i < count; i++) {
		struct key key = key_at(ref, kind, i);
		size_t at = key_hash(&key) & table->mask;

		if (key.text == NULL)
			continue;
		while (table->slots[at] != 0)
			at = (at + 1) & table->mask;
		table->slots[at] = (uint32_t)i + 1;
	}
	return 0;
}

/* Position plus one, or 0. */
static size_t find(const struct reference *ref, enum index_kind kind, struct key key)
{
	const struct table *table;

	if (ref->by_code == NULL || key.text == NULL)
		return 0;
	table = &ref->by_code->tables[kind];
	for (size_t at = key_hash(&key) & table->mask; table->slots[at] != 0;
	        at = (at + 1) & table->mask) {
		struct key other = key_at(ref, kind, table->slots[at] - 1);

		if (key_equals(&key, &other))
			return table->slots[at];
	}
	return 0;
}

int reference_index(struct reference *ref)
{
	struct ref_index *index = calloc(1, sizeof *index);
	int rc = index == NULL ? -OTK_RESOURCE_EXHAUSTED : 0;

	for (int kind = 0; rc == 0 && kind < INDEX_COUNT; kind++)
		rc = table_fill(&index->tables[kind], ref, (enum index_kind)kind);
	reference_index_free(ref);
	ref->by_code = index;
	if (rc != 0)
		reference_index_free(ref);
	return rc;
}

void reference_index_free(struct reference *ref)
{
	if (ref->by_code == NULL)
		return;
	for (int kind = 0; kind < INDEX_COUNT; kind++)
		free(ref->by_code->tables[kind].slots);
	free(ref->by_code);
	ref->by_code = NULL;
}

/* Every referenced struct begins with its id. */
static int compare_id(const void *id, const void *item)
{
	int32_t wanted = *(const int32_t *)id;
	int32_t has = *(const int32_t *)item;

	return (wanted > has) - (wanted < has);
}

#define BY_ID(array, count)                                                                    \
	((count) == 0 ? NULL : bsearch(&id, array, count, sizeof *(array), compare_id))

const struct ref_customer *reference_customer(const struct reference *ref, int32_t id)
{
	return BY_ID(ref->customers, ref->customer_count);
}

const struct ref_site *reference_site(const struct reference *ref, int32_t id)
{
	return BY_ID(ref->sites, ref->site_count);
}

const struct ref_team *reference_team(const struct reference *ref, int32_t id)
{
	return BY_ID(ref->teams, ref->team_count);
}

const struct ref_service *reference_service(const struct reference *ref, int32_t id)
{
	return BY_ID(ref->services, ref->service_count);
}

const struct ref_principal *reference_principal(const struct reference *ref, int32_t id)
{
	return BY_ID(ref->principals, ref->principal_count);
}

const struct ref_calendar *reference_calendar(const struct reference *ref, int32_t id)
{
	return BY_ID(ref->calendars, ref->calendar_count);
}

const struct ref_contract *reference_contract(const struct reference *ref, int32_t id)
{
	return BY_ID(ref->contracts, ref->contract_count);
}

const struct ref_customer *reference_customer_by_code(
        const struct reference *ref, const char *code)
{
	size_t at = find(ref, INDEX_CUSTOMER, key_of(0, code));

	return at == 0 ? NULL : &ref->customers[at - 1];
}

const struct ref_site *reference_site_by_code(
        const struct reference *ref, int32_t customer_id, const char *code)
{
	size_t at = find(ref, INDEX_SITE, key_of(customer_id, code));

	return at == 0 ? NULL : &ref->sites[at - 1];
}

const struct ref_team *reference_team_by_code(const struct reference *ref, const char *code)
{
	size_t at = find(ref, INDEX_TEAM, key_of(0, code));

	return at == 0 ? NULL : &ref->teams[at - 1];
}

const struct ref_service *reference_service_by_code(
        const struct reference *ref, int32_t customer_id, const char *code)
{
	size_t at = find(ref, INDEX_SERVICE, key_of(customer_id, code));

	return at == 0 ? NULL : &ref->services[at - 1];
}

const struct ref_principal *reference_principal_by_code(
        const struct reference *ref, const char *code)
{
	size_t at = find(ref, INDEX_PRINCIPAL, key_of(0, code));

	return at == 0 ? NULL : &ref->principals[at - 1];
}

const struct ref_principal *reference_principal_by_uri(
        const struct reference *ref, const char *uri, size_t length)
{
	size_t at = find(ref, INDEX_URI, (struct key){0, uri, length});

	return at == 0 ? NULL : &ref->principals[at - 1];
}

static bool lists(const int32_t *ids, size_t count, int32_t id)
{
	for (size_t i = 0; i < count; i++) {
		if (ids[i] == id)
			return true;
	}
	return false;
}

/* How closely a contract fits: 0 not at all, 1 the customer's default, more by what it names.
 */
static int contract_fit(
        const struct ref_contract *contract, int32_t site_id, int32_t service_id)
{
	if (contract->site_count > 0 &&
	        !lists(contract->site_ids, contract->site_count, site_id))
		return 0;
	if (contract->service_count > 0 &&
	        !lists(contract->service_ids, contract->service_count, service_id))
		return 0;
	return 1 + (contract->site_count > 0 ? 1 : 0) + (contract->service_count > 0 ? 2 : 0);
}

bool contract_in_force(const struct ref_contract *contract, int64_t now)
{
	return contract->current && !contract->withdrawn && contract->valid_from <= now &&
	       (contract->superseded_at == 0 || contract->superseded_at > now) &&
	       (contract->valid_until == 0 || contract->valid_until > now);
}

const struct ref_contract *reference_contract_version(
        const struct reference *ref, const char *code, int32_t version, int64_t now)
{
	const struct ref_contract *found = NULL;
	bool in_force = false;

	for (size_t i = 0; i < ref->contract_count; i++) {
		const struct ref_contract *c = &ref->contracts[i];

		if (strcmp(c->code, code) != 0 || (version != 0 && c->version != version))
			continue;
		if (contract_in_force(c, now)) {
			found = c;
			in_force = true;
		} else if (!in_force && (found == NULL || c->version > found->version)) {
			found = c;
		}
	}
	return found;
}

const struct ref_contract *reference_contract_for(const struct reference *ref,
        int32_t customer_id, int32_t site_id, int32_t service_id, int64_t now)
{
	const struct ref_contract *best = NULL;
	int best_fit = 0;

	for (size_t i = 0; i < ref->contract_count; i++) {
		const struct ref_contract *contract = &ref->contracts[i];
		int fit;

		if (contract->customer_id != customer_id || !contract_in_force(contract, now))
			continue;
		fit = contract_fit(contract, site_id, service_id);
		if (fit > best_fit) {
			best = contract;
			best_fit = fit;
		}
	}
	return best;
}

int32_t reference_calendar_at(const struct reference *ref, const struct ref_contract *contract,
        int32_t site_id, int64_t at)
{
	const struct ref_site *site = site_id == 0 ? NULL : reference_site(ref, site_id);
	int32_t calendar_id = 0;

	for (size_t i = 0; site != NULL && i < site->calendar_count; i++) {
		if (site->calendars[i].from_at <= at)
			calendar_id = site->calendars[i].calendar_id;
	}
	return calendar_id != 0 ? calendar_id : contract->calendar_id;
}
