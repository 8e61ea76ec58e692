/*
 * Reader of TZif files (RFC 8536). The table is followed by a POSIX TZ string for later years;
 * its transitions are written out up to 2101, so that a search needs the table alone.
 */
#include "base/tz_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/time_text.h"

enum {
	HEADER_SIZE = 44,
	FOOTER_MAX = 128,
	TRANSITIONS_MAX = 8192,
	YEAR_FIRST = 1969,
	YEAR_LAST = 2101,
	OFFSET_MAX = 26 * 3600
};

struct tzif_header {
	unsigned char version;
	uint32_t isutcnt;
	uint32_t isstdcnt;
	uint32_t leapcnt;
	uint32_t timecnt;
	uint32_t typecnt;
	uint32_t charcnt;
};

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const unsigned char *p)
{
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* Reads a header and tells the size of the data block after it; counts are bounded first. */
static int header_read(const unsigned char *data, size_t size, size_t time_size,
        struct tzif_header *h, size_t *block)
{
	if (size < HEADER_SIZE || memcmp(data, "TZif", 4) != 0)
		return -OTK_DATA_LOSS;
	h->version = data[4];
	h->isutcnt = be32(data + 20);
	h->isstdcnt = be32(data + 24);
	h->leapcnt = be32(data + 28);
	h->timecnt = be32(data + 32);
	h->typecnt = be32(data + 36);
	h->charcnt = be32(data + 40);
	if (h->isutcnt > 256 || h->isstdcnt > 256 || h->leapcnt > 4096 ||
	        h->timecnt > TRANSITIONS_MAX || h->typecnt > 256 || h->charcnt > 4096)
		return -OTK_DATA_LOSS;
	*block = h->timecnt * (time_size + 1) + h->typecnt * 6 + h->charcnt +
	         h->leapcnt * (time_size + 4) + h->isstdcnt + h->isutcnt;
	if (*block > size - HEADER_SIZE)
		return -OTK_DATA_LOSS;
	return 0;
}

static int transition_add(struct tz *tz, size_t cap, int64_t at, int32_t offset)
{
	if (tz->count == cap)
		return -OTK_DATA_LOSS;
	tz->transitions[tz->count].at = at;
	tz->transitions[tz->count].offset = offset;
	tz->count++;
	return 0;
}

static int table_read(
        const unsigned char *data, const struct tzif_header *h, struct tz *tz, size_t cap)
{
	const unsigned char *indices = data + (size_t)h->timecnt * 8;
	const unsigned char *types = indices + h->timecnt;

	if (h->typecnt == 0 || h->leapcnt != 0)
		return -OTK_DATA_LOSS;
	for (size_t i = 0; i < h->typecnt; i++) {
		int32_t offset = (int32_t)be32(types + i * 6);

		if (offset < -OFFSET_MAX || offset > OFFSET_MAX)
			return -OTK_DATA_LOSS;
	}
	tz->first_offset = (int32_t)be32(types);
	for (size_t i = 0; i < h->timecnt; i++) {
		int64_t at = be64(data + i * 8);

		if (indices[i] >= h->typecnt)
			return -OTK_DATA_LOSS;
		if (tz->count > 0 && at <= tz->transitions[tz->count - 1].at)
			return -OTK_DATA_LOSS;
		if (transition_add(tz, cap, at, (int32_t)be32(types + indices[i] * 6)) != 0)
			return -OTK_DATA_LOSS;
	}
	/* PostgreSQL drops no-op transitions that zic left at the end. */
	for (size_t i = h->timecnt; i > 1 && indices[i - 1] == indices[i - 2]; i--)
		tz->count--;
	return 0;
}

static void footer_transition(
        struct tz *tz, size_t cap, int64_t after, int64_t at, int32_t offset)
{
	if (at <= after)
		return;
	/* Summer time all year: its end and the next start are one instant; the start wins. */
	if (tz->count > 0 && tz->transitions[tz->count - 1].at >= at)
		tz->transitions[tz->count - 1].offset = offset;
	else
		(void)transition_add(tz, cap, at, offset);
}

static void footer_expand(struct tz *tz, size_t cap, const struct tz_footer *footer)
{
	int64_t after = tz->count > 0 ? tz->transitions[tz->count - 1].at : INT64_MIN;

	if (!footer->has_summer)
		return;
	for (int64_t year = YEAR_FIRST; year <= YEAR_LAST; year++) {
		int64_t start = tz_rule_at(&footer->start, year, footer->standard);
		int64_t end = tz_rule_at(&footer->end, year, footer->summer);

		if (start <= end)
			footer_transition(tz, cap, after, start, footer->summer);
		footer_transition(tz, cap, after, end, footer->standard);
		if (start > end)
			footer_transition(tz, cap, after, start, footer->summer);
	}
}

static int footer_read(const unsigned char *data, size_t size, struct tz *tz, size_t cap)
{
	char text[FOOTER_MAX];
	struct tz_footer footer;
	const unsigned char *end;
	size_t length;

	if (size < 2 || data[0] != '\n')
		return -OTK_DATA_LOSS;
	end = memchr(data + 1, '\n', size - 1);
	if (end == NULL)
		return -OTK_DATA_LOSS;
	length = (size_t)(end - data - 1);
	if (length >= sizeof text || memchr(data + 1, '\0', length) != NULL)
		return -OTK_DATA_LOSS;
	if (length == 0) /* no rule: the last offset holds */
		return 0;
	memcpy(text, data + 1, length);
	text[length] = '\0';
	if (tz_footer_parse(text, &footer) != 0)
		return -OTK_DATA_LOSS;
	if (tz->count == 0)
		tz->first_offset = footer.standard;
	footer_expand(tz, cap, &footer);
	return 0;
}

int tz_parse(const void *data, size_t size, struct tz **out)
{
	const unsigned char *p = data;
	struct tzif_header h;
	struct tz *tz;
	size_t block;
	size_t cap;
	int rc;

	if (header_read(p, size, 4, &h, &block) != 0 || h.version < '2')
		return -OTK_DATA_LOSS;
	p += HEADER_SIZE + block;
	size -= HEADER_SIZE + block;
	if (header_read(p, size, 8, &h, &block) != 0)
		return -OTK_DATA_LOSS;
	p += HEADER_SIZE;
	size -= HEADER_SIZE;
	cap = h.timecnt + 2 * (YEAR_LAST - YEAR_FIRST + 1);
	tz = calloc(1, sizeof *tz);
	if (tz == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	tz->transitions = calloc(cap, sizeof *tz->transitions);
	if (tz->transitions == NULL) {
		free(tz);
		return -OTK_RESOURCE_EXHAUSTED;
	}
	rc = table_read(p, &h, tz, cap);
	if (rc == 0)
		rc = footer_read(p + block, size - block, tz, cap);
	if (rc != 0) {
		tz_free(tz);
		return rc;
	}
	*out = tz;
	return 0;
}
