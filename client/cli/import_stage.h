/*
 * Staging of an event log: rows of any order go in, cases with their observations in order of
 * time come out, with little memory whatever the log's size. A temporary SQLite file.
 */
#ifndef OTKLIK_CLI_IMPORT_STAGE_H
#define OTKLIK_CLI_IMPORT_STAGE_H

#include <stdint.h>

#include "base/status.h"

/* One observation as the log has it; NULL texts are empty in the log. */
enum stage_text {
	STAGE_STATE,
	STAGE_TEAM,
	STAGE_ASSIGNEE,
	STAGE_SITE,
	STAGE_PRIORITY,
	STAGE_IMPACT,
	STAGE_URGENCY,
	STAGE_CATEGORY,
	STAGE_SUBCATEGORY,
	STAGE_CHANNEL,
	STAGE_REQUESTER,
	STAGE_TITLE,
	STAGE_TEXTS
};

struct stage_row {
	const char *ref;
	int64_t created_at;
	int64_t observed_at;
	int64_t order;
	uint64_t line;
	const char *raw;
	const char *texts[STAGE_TEXTS];
};

struct stage;

/* NULL with err. The file is removed at once and lives as long as the handle. */
struct stage *stage_new(struct otk_error *err);
void stage_free(struct stage *stage);

int stage_add(struct stage *stage, const struct stage_row *row, struct otk_error *err);

/* A row of this case is wrong: the whole case is held back. `ref` may be NULL: of no case. */
int stage_refuse(struct stage *stage, const char *ref, uint64_t line, const char *raw,
        const char *reason, struct otk_error *err);

/* Ends the adding; cases come by time of creation. */
int stage_sort(struct stage *stage, struct otk_error *err);

/* Cases that may be imported, and rows held back. */
int64_t stage_cases(struct stage *stage);
int64_t stage_refused(struct stage *stage);

/* The next observation, cases one after another. 1, 0 at the end, or a negative status. */
int stage_next(struct stage *stage, struct stage_row *row, struct otk_error *err);

/* The rows of one case, for the rejects when the server refused it. stage_next_row: line and
 * raw; 1, 0 at the end, or negative. */
void stage_find(struct stage *stage, const char *ref);
int stage_next_row(struct stage *stage, struct stage_row *row, struct otk_error *err);

/* The next row held back: line, raw, reason in texts[0]. 1, 0 at the end, or negative. */
int stage_next_refused(struct stage *stage, struct stage_row *row, struct otk_error *err);

#endif
