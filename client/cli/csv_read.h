/* A stream of CSV rows (RFC 4180) from a plain or .xz file, bounded in every direction. */
#ifndef OTKLIK_CLI_CSV_READ_H
#define OTKLIK_CLI_CSV_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { CSV_COLUMNS_MAX = 256, CSV_ROW_MAX = 1024 * 1024, CSV_XZ_MEMORY = 256 * 1024 * 1024 };

struct csv;

/*
 * A row: fields point into the reader, until the next read. Of a wrong row they are those
 * before the mistake, as far as it could be split.
 */
struct csv_row {
	uint64_t line; /* on which it begins, from 1 */
	size_t count;
	const char *fields[CSV_COLUMNS_MAX];
	const char *raw; /* as it stood in the file, without its line end */
};

/*
 * Opens the file; a byte order mark is passed over; .xz is told by its first bytes. NULL with
 * err.
 */
struct csv *csv_open(const char *path, struct otk_error *err);
void csv_close(struct csv *csv); /* NULL is harmless */

/*
 * The next row that is not empty. Quotes count at the beginning of a field only. A row past
 * CSV_ROW_MAX ends at its next line end, quoted or not, so that one quote that is never closed
 * does not swallow the rest. 1; 0 at the end; -OTK_INVALID_ARGUMENT: this row is wrong
 * (err says why, row->line and row->raw are set) but reading may go on; another negative
 * status: it may not (damaged .xz, unreadable).
 */
int csv_next(struct csv *csv, struct csv_row *row, struct otk_error *err);

/* How much of the file was read, 0 to 1. */
double csv_progress(const struct csv *csv);

#endif
