/*
 * What escalations contribute to the rollups. Private to the fold, which calls these with the
 * event at hand, before it changes where the ticket stands: an escalation counts where the
 * ticket stood when it was escalated. A ticket counts once a kind, at the first.
 *
 *	functional    it went to another team, not straight back to the one before; or a level
 *	              gave it to another team or person
 *	hierarchical  a level told a lead or a manager, or raised the priority; or somebody set
 *	              a higher priority against the matrix
 *	automatic     a level fired, whatever it does
 */
#ifndef OTKLIK_CORE_KPI_ESCALATION_H
#define OTKLIK_CORE_KPI_ESCALATION_H

struct fold; /* one event being folded: kpi_booking.h */

void kpi_escalation_assigned(struct fold *f);
void kpi_escalation_classified(struct fold *f);
void kpi_escalation_fired(struct fold *f);

#endif
