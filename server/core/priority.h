/* Priority from impact and urgency: the default matrix, or the contract's own. */
#ifndef OTKLIK_CORE_PRIORITY_H
#define OTKLIK_CORE_PRIORITY_H

#include <stdint.h>

#include "core/reference.h"

/* Scales: 1 is the gravest. A ticket that says nothing is one person's ordinary trouble. */
enum { SCALE_MAX = 3, PRIORITY_MAX = 5, IMPACT_DEFAULT = 3, URGENCY_DEFAULT = 2 };

/* ITIL's matrix, row by impact, column by urgency: what a contract without its own has. */
extern const int16_t PRIORITY_MATRIX[SCALE_MAX * SCALE_MAX];

/* 1..5 for impact and urgency 1..3; `contract` may be NULL. */
int16_t priority_of(const struct ref_contract *contract, int16_t impact, int16_t urgency);

#endif
