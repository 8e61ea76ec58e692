/* Cutting SQL text into statements, for migrations that cannot run in one transaction. */
#ifndef OTKLIK_DB_MIGRATE_SPLIT_H
#define OTKLIK_DB_MIGRATE_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The next statement at or after *at, its semicolon excluded: false at the end of the text.
 * Knows '', E'\'', "", $tag$, -- and nested block comments, as PostgreSQL's lexer does
 * (src/backend/ parser/scan.l); not the BEGIN ATOMIC bodies of SQL functions.
 */
bool migrate_split(const char *text, size_t *at, const char **statement, size_t *length);

/* True if a line of the text is `-- no-transaction`. */
bool migrate_is_bare(const char *text);

#endif
