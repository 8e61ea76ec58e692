/* What escalations contribute to the rollups. */
#include "core/kpi_escalation.h"

#include "core/kpi_booking.h"

static void once(struct fold *f, int metric)
{
	int16_t bit = (int16_t)(1 << (metric - KPI_ESCALATED));

	if ((f->s->escalated & bit) != 0)
		return;
	f->s->escalated = (int16_t)(f->s->escalated | bit);
	kpi_book_count(f, metric);
}

static void escalated(struct fold *f, int metric)
{
	if (f->s->cancelled || f->s->merged)
		return;
	once(f, KPI_ESCALATED);
	once(f, metric);
}

void kpi_escalation_assigned(struct fold *f)
{
	const struct kpi_state *s = f->s;
	int32_t team = f->e->team_id;
	bool onward =
	        team > 0 && s->team_last != 0 && team != s->team_last && team != s->team_before;

	if (onward || f->e->cause == CAUSE_ESCALATED)
		escalated(f, KPI_ESCALATED_FUNCTIONAL);
}

void kpi_escalation_classified(struct fold *f)
{
	bool raised = f->e->priority > 0 && f->e->priority < f->s->priority;

	if (raised && (f->e->cause == CAUSE_ESCALATED || f->e->cause == CAUSE_OVERRIDE))
		escalated(f, KPI_ESCALATED_HIERARCHICAL);
}

void kpi_escalation_fired(struct fold *f)
{
	escalated(f, KPI_ESCALATED_AUTOMATIC);
	if (f->e->flags > 0 && (f->e->flags & LEVEL_TELLS_ABOVE) != 0)
		escalated(f, KPI_ESCALATED_HIERARCHICAL);
}
