/* A stream of CSV rows. Bytes come from a file, through liblzma where it is .xz. */
#include "cli/csv_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <lzma.h>

#include "base/buf.h"
#include "base/text.h"

enum { CHUNK = 64 * 1024 };

static const char MARK[] = "\xEF\xBB\xBF";

/* Where in a record a byte stands. */
enum place { FIELD_START, UNQUOTED, QUOTED, QUOTE_IN_QUOTED };

struct csv {
	FILE *file;
	char *path;
	uint64_t size;
	uint64_t consumed; /* of the file */
	bool compressed;
	bool file_ended;
	bool ended;
	lzma_stream lzma;
	uint8_t in[CHUNK];
	uint8_t out[CHUNK];
	size_t out_at;
	size_t out_len;
	uint64_t line;
	bool begun;     /* past where a byte order mark may stand */
	unsigned marks; /* bytes of it seen */
	struct buf raw;
	struct buf fields; /* the unquoted values, each with its NUL */
};

struct csv *csv_open(const char *path, struct otk_error *err)
{
	static const uint8_t XZ_MAGIC[6] = {0xFD, '7', 'z', 'X', 'Z', 0};
	struct csv *csv = calloc(1, sizeof *csv);
	struct stat st;
	uint8_t magic[6];

	if (csv == NULL || (csv->path = strdup(path)) == NULL) {
		free(csv);
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		return NULL;
	}
	csv->file = fopen(path, "re");
	if (csv->file == NULL) {
		(void)error_set(
		        err, OTK_NOT_FOUND, "UNREADABLE", "%s: %s", path, strerror(errno));
		csv_close(csv);
		return NULL;
	}
	if (fstat(fileno(csv->file), &st) == 0)
		csv->size = (uint64_t)st.st_size;
	csv->compressed = fread(magic, 1, sizeof magic, csv->file) == sizeof magic &&
	                  memcmp(magic, XZ_MAGIC, sizeof magic) == 0;
	rewind(csv->file);
	if (csv->compressed) {
		csv->lzma = (lzma_stream)LZMA_STREAM_INIT;
		if (lzma_stream_decoder(&csv->lzma, CSV_XZ_MEMORY, LZMA_CONCATENATED) !=
		        LZMA_OK) {
			(void)error_set(
			        err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
			csv_close(csv);
			return NULL;
		}
	}
	csv->line = 1;
	return csv;
}

void csv_close(struct csv *csv)
{
	if (csv == NULL)
		return;
	if (csv->compressed)
		lzma_end(&csv->lzma);
	if (csv->file != NULL)
		(void)fclose(csv->file);
	buf_free(&csv->raw);
	buf_free(&csv->fields);
	free(csv->path);
	free(csv);
}

double csv_progress(const struct csv *csv)
{
	return csv->size == 0 ? 1 : (double)csv->consumed / (double)csv->size;
}

static int file_fill(struct csv *csv, uint8_t *to, size_t *n, struct otk_error *err)
{
	*n = fread(to, 1, CHUNK, csv->file);
	csv->consumed += *n;
	csv->file_ended = *n < CHUNK && feof(csv->file) != 0;
	if (ferror(csv->file))
		return error_set(
		        err, OTK_DATA_LOSS, "UNREADABLE", "%s: %s", csv->path, strerror(errno));
	return 0;
}

static int xz_fill(struct csv *csv, struct otk_error *err)
{
	csv->lzma.next_out = csv->out;
	csv->lzma.avail_out = CHUNK;
	while (csv->lzma.avail_out == CHUNK) {
		lzma_ret rc;

		if (csv->lzma.avail_in == 0 && !csv->file_ended) {
			size_t n;

			if (file_fill(csv, csv->in, &n, err) != 0)
				return -OTK_DATA_LOSS;
			csv->lzma.next_in = csv->in;
			csv->lzma.avail_in = n;
		}
		rc = lzma_code(&csv->lzma, csv->file_ended ? LZMA_FINISH : LZMA_RUN);
		if (rc == LZMA_STREAM_END) {
			csv->ended = true;
			break;
		}
		if (rc != LZMA_OK)
			return error_set(err, OTK_DATA_LOSS, "DAMAGED",
			        "%s: the .xz file is damaged, cut short, or needs more than %d "
			        "MiB "
			        "to unpack",
			        csv->path, CSV_XZ_MEMORY / 1024 / 1024);
	}
	csv->out_len = CHUNK - csv->lzma.avail_out;
	return 0;
}

/* The next byte, -1 at the end, below that a status. */
static int byte_next(struct csv *csv, struct otk_error *err)
{
	if (csv->out_at == csv->out_len) {
		int rc = 0;

		csv->out_at = 0;
		csv->out_len = 0;
		if (csv->ended)
			return -1;
		if (csv->compressed) {
			rc = xz_fill(csv, err);
		} else {
			rc = file_fill(csv, csv->out, &csv->out_len, err);
			csv->ended = csv->file_ended;
		}
		if (rc != 0)
			return -100;
		if (csv->out_len == 0)
			return -1;
	}
	return csv->out[csv->out_at++];
}

static enum place place_next(enum place at, int c)
{
	if (at == QUOTED)
		return c == '"' ? QUOTE_IN_QUOTED : QUOTED;
	if (at == QUOTE_IN_QUOTED && c == '"')
		return QUOTED;
	if (c == ',')
		return FIELD_START;
	return at == FIELD_START && c == '"' ? QUOTED : UNQUOTED;
}

/* Reads one record's bytes into csv->raw; newlines inside quotes belong to it. */
static int record_read(struct csv *csv, struct otk_error *err)
{
	enum place at = FIELD_START;
	bool any = false;
	int c;

	buf_reset(&csv->raw);
	while ((c = byte_next(csv, err)) >= 0) {
		any = true;
		/* Files of some programs begin with the UTF-8 byte order mark. */
		if (!csv->begun && MARK[csv->marks] == (char)c) {
			if (MARK[++csv->marks] == '\0')
				csv->begun = true;
			if (csv->begun)
				buf_reset(&csv->raw);
			else
				(void)buf_putc(&csv->raw, (char)c);
			continue;
		}
		csv->begun = true;
		at = place_next(at, c);
		if (c == '\n') {
			csv->line++;
			if (at != QUOTED || csv->raw.len > CSV_ROW_MAX)
				break;
		}
		if (csv->raw.len <= CSV_ROW_MAX && buf_putc(&csv->raw, (char)c) != 0)
			return error_set(
			        err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	}
	if (c < -1)
		return -OTK_DATA_LOSS;
	if (csv->raw.len > 0 && csv->raw.data[csv->raw.len - 1] == '\r')
		csv->raw.data[--csv->raw.len] = '\0';
	return any ? 1 : 0;
}

/* One field at *at into csv->fields, without its quotes. */
static int field_split(
        struct csv *csv, const char **at, const char *end, size_t column, struct otk_error *err)
{
	const char *p = *at;

	if (p == end || *p != '"') {
		for (; p < end && *p != ','; p++)
			(void)buf_putc(&csv->fields, *p);
	} else {
		for (p++; p < end && (*p != '"' || (p + 1 < end && p[1] == '"')); p++) {
			if (*p == '"')
				p++;
			(void)buf_putc(&csv->fields, *p);
		}
		if (p == end)
			return error_set(err, OTK_INVALID_ARGUMENT, "BAD_ROW",
			        "a quote is never closed");
		p++;
		if (p < end && *p != ',')
			return error_set(err, OTK_INVALID_ARGUMENT, "BAD_ROW",
			        "text follows a closing quote in column %zu", column);
	}
	(void)buf_putc(&csv->fields, '\0');
	*at = p;
	return 0;
}

/* Splits csv->raw. The offsets become pointers at the end: the buffer may move. */
static int record_split(struct csv *csv, struct csv_row *row, struct otk_error *err)
{
	size_t starts[CSV_COLUMNS_MAX];
	const char *p = buf_text(&csv->raw);
	const char *end = p + csv->raw.len;
	size_t count = 0;
	int rc = 0;

	buf_reset(&csv->fields);
	for (;;) {
		if (count == CSV_COLUMNS_MAX) {
			rc = error_set(err, OTK_INVALID_ARGUMENT, "BAD_ROW",
			        "more than %d columns", CSV_COLUMNS_MAX);
			break;
		}
		starts[count] = csv->fields.len;
		rc = field_split(csv, &p, end, count + 1, err);
		if (rc != 0)
			break;
		count++;
		if (p == end)
			break;
		p++;
	}
	if (csv->fields.failed)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	row->count = count;
	for (size_t i = 0; i < count; i++)
		row->fields[i] = csv->fields.data + starts[i];
	return rc;
}

/* Judges the bytes of a record. */
static int record_check(const struct csv *csv, struct otk_error *err)
{
	if (csv->raw.len > CSV_ROW_MAX)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_ROW",
		        "a row is at most %d bytes (is a quote never closed?)", CSV_ROW_MAX);
	if (memchr(csv->raw.data, '\0', csv->raw.len) != NULL)
		return error_set(
		        err, OTK_INVALID_ARGUMENT, "BAD_ROW", "the row has a NUL character");
	if (!text_is_utf8(csv->raw.data, csv->raw.len))
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_ROW", "the row is not UTF-8");
	return 0;
}

int csv_next(struct csv *csv, struct csv_row *row, struct otk_error *err)
{
	struct otk_error split;
	int rc;

	row->count = 0;
	do {
		row->line = csv->line;
		rc = record_read(csv, err);
		row->raw = buf_text(&csv->raw);
		if (rc <= 0)
			return rc;
	} while (csv->raw.len == 0);
	rc = record_check(csv, err);
	error_clear(&split);
	if (rc != 0) {
		/* What can be split may tell whose row it is. */
		return record_split(csv, row, &split) == -OTK_RESOURCE_EXHAUSTED
		               ? -OTK_RESOURCE_EXHAUSTED
		               : rc;
	}
	rc = record_split(csv, row, err);
	return rc == 0 ? 1 : rc;
}
