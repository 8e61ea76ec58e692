/* One prepared statement of server/sql, as the generated tables hold it. */
#ifndef OTKLIK_SQL_STATEMENT_H
#define OTKLIK_SQL_STATEMENT_H

#include <stddef.h>

struct sql_statement {
	const char *name; /* also the name it is prepared under */
	const char *text;
	int params; /* greatest $n */
};

#endif
