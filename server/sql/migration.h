/* One file of migrations/, as the generated table holds it. */
#ifndef OTKLIK_SQL_MIGRATION_H
#define OTKLIK_SQL_MIGRATION_H

#include <stddef.h>

struct migration {
	int number;       /* of the file's name */
	const char *name; /* "0001_create_roles" */
	const char *text;
	size_t length;
};

/* migrations/NNNN_verb_noun.sql, ascending. */
extern const struct migration migrations[];
extern const size_t migration_count;

#endif
