/* "at 2026-03-01T09:14:00Z eve set the state to pending (customer)". */
#include "rpc/ticket_changes.h"

#include <inttypes.h>

#include "base/time_text.h"
#include "core/lifecycle.h"
#include "desk/load.h"

static const char *who(const struct reference *ref, const struct event *e)
{
	const struct ref_principal *actor =
	        e->actor_id == 0 ? NULL : reference_principal(ref, e->actor_id);

	return actor == NULL ? "the system" : actor->code;
}

static const char *assigned_to(const struct reference *ref, const struct event *e)
{
	const struct ref_principal *person =
	        e->assignee_id > 0 ? reference_principal(ref, e->assignee_id) : NULL;
	const struct ref_team *team = e->team_id > 0 ? reference_team(ref, e->team_id) : NULL;

	if (person != NULL)
		return person->code;
	return team == NULL ? "nobody" : team->code;
}

static char *what(struct arena *arena, const struct reference *ref, const struct event *e)
{
	const char *clock = e->clock > 0 ? clock_kind_name((enum clock_kind)e->clock) : "";
	char date[TIME_TEXT_SIZE];

	switch (e->kind) {
	case EVENT_STATE_CHANGED:
		if (e->state == TICKET_PENDING && e->pending_reason > 0)
			return arena_printf(arena, "set the state to pending (%s)",
			        pending_reason_name((enum pending_reason)e->pending_reason));
		return arena_printf(arena, "set the state to %s",
		        ticket_state_name((enum ticket_state)e->state));
	case EVENT_ASSIGNED:
		return arena_printf(arena, "assigned it to %s", assigned_to(ref, e));
	case EVENT_REPLIED:
		return arena_strdup(arena, "replied");
	case EVENT_NOTED:
		return arena_strdup(arena, "wrote a note");
	case EVENT_CLASSIFIED:
		if (e->priority > 0)
			return arena_printf(
			        arena, "classified it, priority %d", (int)e->priority);
		return arena_strdup(arena, "classified it");
	case EVENT_ACKNOWLEDGED:
		return arena_strdup(arena, "acknowledged it");
	case EVENT_CREATED:
		return arena_strdup(arena, "filed it");
	case EVENT_ASKED:
		return arena_strdup(arena, "asked how it stands");
	case EVENT_MERGED:
	case EVENT_UNMERGED:
	case EVENT_LINKED:
		return arena_printf(
		        arena, "%s it with %" PRId64, event_kind_name(e->kind), e->related_id);
	case EVENT_PROMISED:
		if (e->until_at == 0)
			return arena_strdup(arena, "withdrew the promise");
		return arena_printf(arena, "promised %s", time_format_utc(e->until_at, date));
	case EVENT_CLOCK_STARTED:
	case EVENT_CLOCK_PAUSED:
	case EVENT_CLOCK_RESUMED:
	case EVENT_CLOCK_STOPPED:
	case EVENT_CLOCK_BREACHED:
	case EVENT_CLOCK_RETARGETED:
	case EVENT_CLOCK_VOIDED:
	case EVENT_LEVEL_FIRED:
	case EVENT_LEVEL_SKIPPED:
	case EVENT_CHECK_REPORTED:
	case EVENT_CLOCK_WAIVED:
	case EVENT_PROMISE_WARNED:
	case EVENT_PROMISE_BROKEN:
	case EVENT_WATCHER:
	case EVENT_CONTRACT_APPLIED:
	case EVENT_ATTACHED:
	case EVENT_MAIL_RECEIVED:
		break;
	}
	return arena_printf(
	        arena, "%s%s%s", event_kind_name(e->kind), *clock == '\0' ? "" : ": ", clock);
}

char **ticket_changes(struct arena *arena, const struct reference *ref,
        const struct db_rows *rows, int64_t known, int64_t current, size_t *count)
{
	size_t told = db_rows_count(rows);
	char **out = arena_calloc(arena, told + 1, sizeof *out);
	char at[TIME_TEXT_SIZE];
	struct event e = {.seq = known};

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < told; i++) {
		const char *did;

		load_event(rows, i, &e);
		did = what(arena, ref, &e);
		out[i] = did == NULL ? NULL
		                     : arena_printf(arena, "at %s %s %s",
		                               time_format_utc(e.recorded_at, at), who(ref, &e),
		                               did);
		if (out[i] == NULL)
			return NULL;
	}
	*count = told;
	if (e.seq >= current)
		return out;
	out[told] = arena_printf(arena, "and %" PRId64 " more entries up to version %" PRId64,
	        current - e.seq, current);
	*count = told + 1;
	return out[told] == NULL ? NULL : out;
}
