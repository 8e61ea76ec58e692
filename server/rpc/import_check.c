/* Limits, hash and codes of imported cases. */
#include "rpc/import_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/time_text.h"
#include "core/lifecycle.h"
#include "core/priority.h"
#include "rpc/field.h"

/* --- limits ------------------------------------------------------------------------------ */

static void check_observation(struct otk_error *err, const Otklik__V1__Observation *o, size_t i,
        int64_t after, int64_t now)
{
	char path[OTK_FIELD_SIZE], text[TIME_TEXT_SIZE];
	const struct {
		const char *name;
		const char *value;
		size_t max;
	} lines[] = {{"team", o->team, NAME_TEXT_MAX}, {"assignee", o->assignee, NAME_TEXT_MAX},
	        {"site", o->site, NAME_TEXT_MAX}, {"requester", o->requester, NAME_TEXT_MAX},
	        {"category", o->category, CATEGORY_MAX},
	        {"subcategory", o->subcategory, CATEGORY_MAX}};

	(void)snprintf(path, sizeof path, "observations[%zu]", i);
	if (o->at_us < after)
		error_field(err, path, "comes before the one ahead of it: order them by time");
	if (o->at_us > now || o->at_us < 0)
		error_field(err, path, "its time %s is not in the past",
		        time_format_utc(o->at_us, text));
	if ((int)o->state < TICKET_NEW || (int)o->state > TICKET_CANCELLED)
		error_field(err, path, "has no state");
	if ((int)o->state == TICKET_PENDING && (int)o->pending_reason == PENDING_NONE)
		error_field(err, path, "is pending without a reason");
	if (o->priority > PRIORITY_MAX)
		error_field(err, path, "priority must be 1 to %d", PRIORITY_MAX);
	if (o->impact > SCALE_MAX || o->urgency > SCALE_MAX)
		error_field(err, path, "impact and urgency must be 1 to %d", SCALE_MAX);
	for (size_t k = 0; k < sizeof lines / sizeof *lines; k++) {
		(void)snprintf(path, sizeof path, "observations[%zu].%s", i, lines[k].name);
		field_line(err, path, lines[k].value, lines[k].max);
	}
}

const char *import_check(struct arena *arena, const Otklik__V1__ImportedCase *in, int64_t now)
{
	struct otk_error err = {0};
	int64_t after = INT64_MIN;

	if (*in->ref == '\0')
		error_field(&err, "ref", "a case needs its number");
	field_line(&err, "ref", in->ref, IMPORT_REF_MAX);
	if (in->created_at_us < 0 || in->created_at_us > now)
		error_field(&err, "created_at_us", "must lie between 1970 and now");
	if (in->type != OTKLIK__V1__TICKET_TYPE__TICKET_TYPE_INCIDENT &&
	        in->type != OTKLIK__V1__TICKET_TYPE__TICKET_TYPE_SERVICE_REQUEST)
		error_field(&err, "type", "must be incident or service request");
	field_line(&err, "title", in->title, TITLE_MAX);
	field_line(&err, "channel", in->channel, CODE_MAX);
	if (in->n_observations < 1 || in->n_observations > IMPORT_OBSERVATIONS_MAX)
		error_field(&err, "observations", "1 to %d are needed, not %zu",
		        IMPORT_OBSERVATIONS_MAX, in->n_observations);
	else
		for (size_t i = 0; i < in->n_observations; i++) {
			check_observation(&err, in->observations[i], i, after, now);
			after = in->observations[i]->at_us;
		}
	if (err.code == OTK_OK)
		return NULL;
	return arena_printf(
	        arena, "%s: %s", err.violations[0].field, err.violations[0].description);
}

/* --- hash -------------------------------------------------------------------------------- */

struct hashing {
	EVP_MD_CTX *ctx;
	bool failed;
};

static void hash_bytes(struct hashing *h, const void *data, size_t size)
{
	if (EVP_DigestUpdate(h->ctx, data, size) != 1)
		h->failed = true;
}

static void hash_int(struct hashing *h, int64_t value)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
	hash_bytes(h, bytes, sizeof bytes);
}

static void hash_text(struct hashing *h, const char *text)
{
	size_t length = strlen(text);
	uint8_t bytes[4];

	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(length >> (24 - 8 * i));
	hash_bytes(h, bytes, sizeof bytes);
	hash_bytes(h, text, length);
}

static void hash_case(struct hashing *h, const Otklik__V1__ImportedCase *in, const char *zone)
{
	hash_bytes(h, "\1", 1);
	hash_text(h, zone);
	hash_text(h, in->ref);
	hash_int(h, in->created_at_us);
	hash_int(h, in->type);
	hash_text(h, in->title);
	hash_text(h, in->channel);
	hash_int(h, (int64_t)in->n_observations);
	for (size_t i = 0; i < in->n_observations; i++) {
		const Otklik__V1__Observation *o = in->observations[i];

		hash_int(h, o->at_us);
		hash_int(h, o->state);
		hash_int(h, o->pending_reason);
		hash_text(h, o->team);
		hash_text(h, o->assignee);
		hash_text(h, o->site);
		hash_int(h, o->priority);
		hash_int(h, o->impact);
		hash_int(h, o->urgency);
		hash_text(h, o->category);
		hash_text(h, o->subcategory);
		hash_text(h, o->requester);
	}
}

static int hash_begin(struct hashing *h)
{
	*h = (struct hashing){.ctx = EVP_MD_CTX_new()};
	if (h->ctx == NULL)
		return -OTK_INTERNAL;
	h->failed = EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1;
	return 0;
}

static int hash_end(struct hashing *h, uint8_t out[IMPORT_HASH_SIZE])
{
	unsigned size = IMPORT_HASH_SIZE;

	if (EVP_DigestFinal_ex(h->ctx, out, &size) != 1)
		h->failed = true;
	EVP_MD_CTX_free(h->ctx);
	return h->failed ? -OTK_INTERNAL : 0;
}

int import_hash(
        const Otklik__V1__ImportedCase *in, const char *zone, uint8_t out[IMPORT_HASH_SIZE])
{
	struct hashing h;

	if (hash_begin(&h) < 0)
		return -OTK_INTERNAL;
	hash_case(&h, in, zone);
	return hash_end(&h, out);
}

/* --- codes ------------------------------------------------------------------------------- */

/* Letters and digits in lower case, everything else one "-". */
static size_t slug_of(const char *name, char *out, size_t size)
{
	size_t length = 0;

	for (; *name != '\0' && length + 1 < size; name++) {
		char c = *name;

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_')
			out[length++] = c;
		else if (length > 0 && out[length - 1] != '-')
			out[length++] = '-';
	}
	while (length > 0 && out[length - 1] == '-')
		length--;
	out[length] = '\0';
	return length;
}

int import_slug(enum import_name_kind kind, int32_t customer_id, const char *prefix,
        const char *name, char slug[CODE_MAX + 1], char hashed[CODE_MAX + 1])
{
	enum { MARK = 12 }; /* digits of the hash */
	bool person = kind == IMPORT_REQUESTER || kind == IMPORT_ASSIGNEE;
	uint8_t hash[IMPORT_HASH_SIZE];
	char whole[CODE_MAX + IMPORT_SOURCE_MAX + 8], own[CODE_MAX + 1];
	struct hashing h;
	size_t length;

	if (hash_begin(&h) < 0)
		return -OTK_INTERNAL;
	hash_int(&h, kind);
	hash_int(&h, kind == IMPORT_SITE || kind == IMPORT_REQUESTER ? customer_id : 0);
	hash_text(&h, person ? prefix : "");
	hash_text(&h, name);
	if (hash_end(&h, hash) < 0)
		return -OTK_INTERNAL;
	length = slug_of(name, own, sizeof own);
	(void)snprintf(whole, sizeof whole, "%s%s%s", person ? prefix : "",
	        person && length > 0 ? "-" : "", own);
	(void)snprintf(hashed, CODE_MAX + 1, "%.*s%s%02x%02x%02x%02x%02x%02x",
	        CODE_MAX - MARK - 1, whole, *whole != '\0' ? "-" : "", hash[0], hash[1],
	        hash[2], hash[3], hash[4], hash[5]);
	/* Cut off, the slug of one long name is that of another. */
	if (length == 0 || length == CODE_MAX || strlen(whole) > CODE_MAX)
		memcpy(slug, hashed, CODE_MAX + 1);
	else
		memcpy(slug, whole, strlen(whole) + 1);
	return 0;
}
