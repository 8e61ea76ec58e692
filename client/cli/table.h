/*
 * Rows for people and programs: a table by libsmartcols, JSON by jansson (an array of objects),
 * CSV by RFC 4180. Times are shown in the viewer's zone in tables, in UTC elsewhere.
 */
#ifndef OTKLIK_CLI_TABLE_H
#define OTKLIK_CLI_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/cli.h"

struct table;

enum { TABLE_COLUMNS_MAX = 32 };

enum table_flags { TABLE_RIGHT = 1, TABLE_WRAP = 2, TABLE_CUT = 4 };

/* Never NULL: memory that runs out ends the program with EXIT_SOFTWARE and a message. */
struct table *table_new(const struct cli *cli);
void table_free(struct table *table);

/* Columns first, at most TABLE_COLUMNS_MAX (more are left out), then rows; `name` is also the
 * JSON key: "first_reply". */
void table_column(struct table *table, const char *name, unsigned flags);
void table_row(struct table *table);

/* The next cell of the row. */
void table_text(struct table *table, const char *text); /* NULL: absent */
void table_number(struct table *table, int64_t value);
void table_real(struct table *table, double value, int decimals);
void table_time(struct table *table, int64_t us);     /* 0: absent */
void table_duration(struct table *table, int64_t us); /* JSON and CSV: seconds */
/* Time of a clock: hours, however many, for a day of service is not one of 24 hours. */
void table_service(struct table *table, int64_t us);
void table_absent(struct table *table);
void table_color(struct table *table, const char *color); /* of the cell just set: "red" */

/* Prints what there is, to its end. 0 or EXIT_IO. */
int table_print(struct table *table, FILE *out);

/*
 * Prints the rows so far and forgets them, so that an answer of any length needs little memory;
 * table_print ends it. A table for people is then several, each with its head. 0 or EXIT_IO.
 */
int table_flush(struct table *table, FILE *out);

/* "2026-11-22 14:05:03 +0300" of the viewer; static buffers are not used. */
enum { TABLE_TIME_SIZE = 40 };
const char *table_time_text(int64_t us, char out[TABLE_TIME_SIZE]);
/* "1d 4h 05m", "12m 30s", "-5m". */
const char *table_duration_text(int64_t us, char out[TABLE_TIME_SIZE]);
const char *table_service_text(int64_t us, char out[TABLE_TIME_SIZE]);

#endif
