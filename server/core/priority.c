/* Priority from impact and urgency. */
#include "core/priority.h"

const int16_t PRIORITY_MATRIX[SCALE_MAX * SCALE_MAX] = {
        /* clang-format off */
        1, 2, 3,
        2, 3, 4,
        3, 4, 5,
        /* clang-format on */
};

int16_t priority_of(const struct ref_contract *contract, int16_t impact, int16_t urgency)
{
	int at = (impact - 1) * SCALE_MAX + urgency - 1;

	/* A contract built without a matrix has zeros. */
	if (contract != NULL && contract->matrix[at] != 0)
		return contract->matrix[at];
	return PRIORITY_MATRIX[at];
}
