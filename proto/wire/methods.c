/* The method table: an array by ascending id. */
#include "wire/methods.h"

#include <string.h>

#include "wire/schema.h"

static const struct method METHODS[] = {
#define METHOD(id_, name_, NAME_, In_, in_, Out_, out_, permission_, timeout_, flags_)         \
	{id_, #name_, WIRE_##permission_, timeout_, flags_, &in_##__descriptor,                \
	        &out_##__descriptor},
#include "wire/methods.inc"
#undef METHOD
};

enum { METHODS_COUNT = sizeof METHODS / sizeof METHODS[0] };

const struct method *method_find(unsigned id)
{
	size_t low = 0, high = METHODS_COUNT;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (METHODS[middle].id == id)
			return &METHODS[middle];
		if (METHODS[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct method *method_find_name(const char *name)
{
	for (size_t i = 0; i < METHODS_COUNT; i++) {
		if (strcmp(METHODS[i].name, name) == 0)
			return &METHODS[i];
	}
	return NULL;
}

size_t method_count(void)
{
	return METHODS_COUNT;
}

const struct method *method_at(size_t index)
{
	return index < METHODS_COUNT ? &METHODS[index] : NULL;
}
