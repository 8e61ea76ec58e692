/* Zones in memory: search in their transitions, and the cache of those in use. */
#include "base/tz.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tz_file.h"

enum { TZ_FILE_MAX = 256 * 1024, TZ_BUCKETS = 64 };

#define TZ_FOLDER "/usr/share/zoneinfo"
#define DAY_SECONDS INT64_C(86400)

static const char *cache_folder = TZ_FOLDER;
static struct tz *cache[TZ_BUCKETS];

/* A zone that tz_keep made, and of what. */
struct kept {
	struct kept *next;
	struct tz *tz;
	size_t size;
	unsigned char data[];
};

static struct kept *kept;

/* Letters, digits, `_`, `+`, `-` in parts divided by `/`: no dots, so no way out. */
static bool name_is_valid(const char *name)
{
	size_t length = strnlen(name, TZ_NAME_MAX + 1);

	if (length == 0 || length > TZ_NAME_MAX || name[0] == '/' || name[length - 1] == '/')
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = name[i];

		if (c == '/' && name[i + 1] == '/')
			return false;
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		            (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-' ||
		            c == '/'))
			return false;
	}
	return true;
}

/* Reads a regular file of bounded size into a new block; NULL with errno. */
static unsigned char *file_read(const char *folder, const char *name, size_t *size)
{
	char path[512];
	unsigned char *data = NULL;
	struct stat st;
	size_t done = 0;
	int fd;
	int n = snprintf(path, sizeof path, "%s/%s", folder, name);

	if (n < 0 || (size_t)n >= sizeof path) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) != 0)
		goto out_close;
	if (!S_ISREG(st.st_mode) || st.st_size > TZ_FILE_MAX) {
		errno = EINVAL;
		goto out_close;
	}
	data = malloc((size_t)st.st_size + 1);
	while (data != NULL && done < (size_t)st.st_size) {
		ssize_t got = read(fd, data + done, (size_t)st.st_size - done);

		if (got <= 0)
			break;
		done += (size_t)got;
	}
	*size = done;
out_close:
	(void)close(fd);
	return data;
}

static int zone_read(const char *folder, const char *name, unsigned char **out, size_t *size,
        struct otk_error *err)
{
	unsigned char *data;

	if (name == NULL || !name_is_valid(name))
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_TIME_ZONE",
		        "a time zone is an IANA name such as Europe/Berlin, not `%.80s`",
		        name == NULL ? "" : name);
	data = file_read(folder, name, size);
	if (data == NULL && errno == ENOMEM)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	if (data == NULL)
		return error_set(err, OTK_NOT_FOUND, "NO_TIME_ZONE",
		        "there is no time zone %s; names are those of the IANA database, "
		        "such as Europe/Berlin",
		        name);
	*out = data;
	return 0;
}

int tz_read(const char *name, void **data, size_t *size, struct otk_error *err)
{
	unsigned char *bytes;
	int rc = zone_read(cache_folder, name, &bytes, size, err);

	if (rc == 0)
		*data = bytes;
	return rc;
}

int tz_load(const char *folder, const char *name, struct tz **out, struct otk_error *err)
{
	unsigned char *data;
	size_t size = 0;
	struct tz *tz;
	int rc = zone_read(folder, name, &data, &size, err);

	if (rc != 0)
		return rc;
	rc = tz_parse(data, size, &tz);
	free(data);
	if (rc == -OTK_RESOURCE_EXHAUSTED)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	if (rc != 0)
		return error_set(err, OTK_DATA_LOSS, "BAD_TIME_ZONE_FILE",
		        "the time zone file %s/%s cannot be used: it must be TZif version 2 or "
		        "later without leap seconds",
		        folder, name);
	(void)snprintf(tz->name, sizeof tz->name, "%s", name);
	*out = tz;
	return 0;
}

static size_t name_bucket(const char *name)
{
	uint32_t hash = 2166136261U;

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619U;
	return hash % TZ_BUCKETS;
}

int tz_find(const char *name, const struct tz **out, struct otk_error *err)
{
	struct tz *tz = NULL;
	size_t bucket;
	int rc;

	if (name != NULL && name_is_valid(name)) {
		bucket = name_bucket(name);
		for (tz = cache[bucket]; tz != NULL && strcmp(tz->name, name) != 0;)
			tz = tz->next;
	}
	if (tz == NULL) {
		rc = tz_load(cache_folder, name, &tz, err);
		if (rc != 0)
			return rc;
		bucket = name_bucket(name);
		tz->next = cache[bucket];
		cache[bucket] = tz;
	}
	*out = tz;
	return 0;
}

int tz_keep(const char *name, const void *data, size_t size, const struct tz **out)
{
	struct kept *k;
	int rc;

	for (k = kept; k != NULL; k = k->next) {
		if (k->size == size && memcmp(k->data, data, size) == 0 &&
		        strcmp(k->tz->name, name) == 0) {
			*out = k->tz;
			return 0;
		}
	}
	k = malloc(sizeof *k + size);
	if (k == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	rc = size > TZ_FILE_MAX ? -OTK_DATA_LOSS : tz_parse(data, size, &k->tz);
	if (rc != 0) {
		free(k);
		return rc;
	}
	(void)snprintf(k->tz->name, sizeof k->tz->name, "%s", name);
	k->size = size;
	memcpy(k->data, data, size);
	k->next = kept;
	kept = k;
	*out = k->tz;
	return 0;
}

void tz_version(char out[TZ_VERSION_MAX + 1])
{
	char path[512];
	char line[64];
	FILE *file;

	out[0] = '\0';
	if ((size_t)snprintf(path, sizeof path, "%s/tzdata.zi", cache_folder) >= sizeof path)
		return;
	file = fopen(path, "re");
	if (file == NULL)
		return;
	if (fgets(line, sizeof line, file) == NULL ||
	        sscanf(line, "# version %15[0-9a-z]", out) != 1)
		out[0] = '\0';
	(void)fclose(file);
}

bool tz_replaces(const void *data, size_t size, const char *version, const void *other,
        size_t other_size, const char *other_version)
{
	struct tz *now = NULL;
	struct tz *before = NULL;
	bool replaces = false;

	if (size == other_size && memcmp(data, other, size) == 0)
		return false;
	if (version[0] != '\0' && other_version[0] != '\0' &&
	        strcmp(version, other_version) < 0)
		return false;
	if (tz_parse(data, size, &now) == 0 && tz_parse(other, other_size, &before) == 0)
		replaces = tz_fingerprint(now) != tz_fingerprint(before);
	tz_free(now);
	tz_free(before);
	return replaces;
}

void tz_use_folder(const char *folder)
{
	cache_folder = folder == NULL ? TZ_FOLDER : folder;
}

void tz_forget_all(void)
{
	for (size_t i = 0; i < TZ_BUCKETS; i++) {
		while (cache[i] != NULL) {
			struct tz *tz = cache[i];

			cache[i] = tz->next;
			tz_free(tz);
		}
	}
	while (kept != NULL) {
		struct kept *k = kept;

		kept = k->next;
		tz_free(k->tz);
		free(k);
	}
}

void tz_free(struct tz *tz)
{
	if (tz == NULL)
		return;
	free(tz->transitions);
	free(tz);
}

const char *tz_name(const struct tz *tz)
{
	return tz->name;
}

/* Number of transitions at or before `seconds`. */
static size_t transitions_until(const struct tz *tz, int64_t seconds)
{
	size_t lo = 0;
	size_t hi = tz->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (tz->transitions[mid].at <= seconds)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int32_t offset_after(const struct tz *tz, size_t transitions)
{
	return transitions == 0 ? tz->first_offset : tz->transitions[transitions - 1].offset;
}

static int64_t seconds_floor(int64_t us)
{
	return us / CLOCK_SECOND - (us % CLOCK_SECOND < 0);
}

int32_t tz_offset_at(const struct tz *tz, int64_t us)
{
	return offset_after(tz, transitions_until(tz, seconds_floor(us)));
}

int64_t tz_to_local(const struct tz *tz, int64_t us)
{
	return us + tz_offset_at(tz, us) * CLOCK_SECOND;
}

/* The rule of DetermineTimeZoneOffset() in PostgreSQL's datetime.c: it looks at the first
 * transition after a day before the local time, so no-op transitions matter and are kept. */
int64_t tz_from_local(const struct tz *tz, int64_t local_us)
{
	int64_t local = seconds_floor(local_us);
	size_t next = transitions_until(tz, local - DAY_SECONDS);
	int64_t before = offset_after(tz, next);
	int64_t after;
	int64_t boundary;
	int64_t offset;

	if (next == tz->count)
		return local_us - before * CLOCK_SECOND;
	after = tz->transitions[next].offset;
	boundary = tz->transitions[next].at;
	if (local - before < boundary && local - after < boundary)
		offset = before;
	else if (local - before > boundary && local - after >= boundary)
		offset = after;
	else
		offset = after > before ? before : after;
	return local_us - offset * CLOCK_SECOND;
}

bool tz_next_transition(const struct tz *tz, int64_t us, int64_t *at)
{
	size_t next = transitions_until(tz, seconds_floor(us));

	if (next == tz->count || tz->transitions[next].at > INT64_MAX / CLOCK_SECOND)
		return false;
	*at = tz->transitions[next].at * CLOCK_SECOND;
	return true;
}

uint64_t tz_fingerprint(const struct tz *tz)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	hash = (hash ^ (uint32_t)tz->first_offset) * UINT64_C(1099511628211);
	for (size_t i = 0; i < tz->count; i++) {
		hash = (hash ^ (uint64_t)tz->transitions[i].at) * UINT64_C(1099511628211);
		hash = (hash ^ (uint32_t)tz->transitions[i].offset) * UINT64_C(1099511628211);
	}
	return hash;
}
