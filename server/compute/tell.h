/* A finished simulation as messages. */
#ifndef OTKLIK_COMPUTE_TELL_H
#define OTKLIK_COMPUTE_TELL_H

#include "compute/draft.h"
#include "compute/run.h"
#include "core/simulation.h"
#include "wire/schema.h"

struct told {
	const struct draft *draft;
	const struct ref_contract *in_force; /* the last that a ticket was under; NULL: none */
	bool in_force_differ;                /* tickets were under several versions */
	struct simulation *by_draft;         /* finished */
	struct simulation *by_in_force;
	Otklik__V1__SimulationSummary *summary; /* what is counted apart is filled */
};

/* Targets, reasons, months, the summary. */
void tell_simulation(struct run *run, const struct told *told);

#endif
