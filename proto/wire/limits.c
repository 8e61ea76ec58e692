/* The exceptions to the general limits. */
#include "wire/limits.h"

#include <string.h>

struct exception {
	const char *type;
	const char *field;
	size_t length_max; /* 0: the general one */
	size_t count_max;  /* 0: the general one */
};

static const struct exception EXCEPTIONS[] = {
        {"otklik.v1.Hello", "build", 256, 0},
        {"otklik.v1.Hello", "principal", 512, 0},
        {"otklik.v1.ListTicketsRequest", "cursor", 1024, 0},
        {"otklik.v1.ListTicketsRequest", "states", 0, 64},
        {"otklik.v1.QueryKpiRequest", "by", 0, 16},
        {"otklik.v1.SubmitReportsRequest", "queue_epoch", 256, 0},
        {"otklik.v1.SubmitReportsRequest", "reports", 0, 64},
};

enum { EXCEPTION_COUNT = sizeof EXCEPTIONS / sizeof EXCEPTIONS[0] };

static const struct exception *find(const char *type, const char *field)
{
	for (size_t i = 0; i < EXCEPTION_COUNT; i++) {
		const struct exception *row = &EXCEPTIONS[i];

		if (strcmp(row->field, field) == 0 && strcmp(row->type, type) == 0)
			return row;
	}
	return NULL;
}

size_t limits_length_max(const char *type, const char *field, size_t fallback)
{
	const struct exception *row = find(type, field);

	return row == NULL || row->length_max == 0 ? fallback : row->length_max;
}

size_t limits_count_max(const char *type, const char *field, size_t fallback)
{
	const struct exception *row = find(type, field);

	return row == NULL || row->count_max == 0 ? fallback : row->count_max;
}

bool limits_at(size_t index, const char **type, const char **field)
{
	if (index >= EXCEPTION_COUNT)
		return false;
	if (type != NULL)
		*type = EXCEPTIONS[index].type;
	if (field != NULL)
		*field = EXCEPTIONS[index].field;
	return true;
}
