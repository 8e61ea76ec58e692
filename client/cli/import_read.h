/* From the rows of an event log to staged observations and to cases ready to send. */
#ifndef OTKLIK_CLI_IMPORT_READ_H
#define OTKLIK_CLI_IMPORT_READ_H

#include "base/arena.h"
#include "cli/csv_read.h"
#include "cli/import_stage.h"
#include "otklik/v1/import.pb-c.h"
#include "otklik/v1/import_map.pb-c.h"

/* The header's columns as the map names them; -1: not there or not named. */
struct import_columns {
	int number;
	int created;
	int observed;
	int order;
	int texts[STAGE_TEXTS];
	size_t count; /* of the header's columns: every row has as many */
};

/* Finds the map's columns in the header; a named one that is missing is an error. */
int import_columns_find(const Otklik__V1__ImportMap *map, const struct csv_row *header,
        struct import_columns *columns, struct otk_error *err);

/* Refuses a row that is no CSV, with its case where the number of the case could be read. */
int import_row_broken(const struct import_columns *columns, const struct csv_row *row,
        struct stage *stage, const char *reason, struct otk_error *err);

/* Stages one row or refuses it; 0, or a negative status when staging itself fails. */
int import_row(const Otklik__V1__ImportMap *map, const struct import_columns *columns,
        const struct csv_row *row, struct stage *stage, struct otk_error *err);

/*
 * Builds the next case from the stage in the arena: values carried forward, states mapped.
 * `ahead` holds the row read too far; zero it before the first call. 1, 0 at the end, negative.
 */
struct import_ahead {
	struct stage_row row;
	int ready; /* 1: row is unread; -1: the stage has ended */
};
int import_case_next(const Otklik__V1__ImportMap *map, struct stage *stage,
        struct import_ahead *ahead, struct arena *arena, Otklik__V1__ImportedCase **out,
        struct otk_error *err);

#endif
