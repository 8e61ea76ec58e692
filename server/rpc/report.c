/*
 * GetMark and SubmitReports: what site agents say, taken exactly once.
 *
 *	submit_reports_begin → reports_read → reports_loaded → reports_saved
 *	                            ↑______________|_______________| others were faster, or more
 *
 *	the backlog is whole: waiting_asked → waiting_read → waiting_loaded → waiting_saved
 *	                           ↑________________________________________________| until none
 *
 * A queue's reports are taken in order, each number once: up to the mark they are repetitions
 * and answered with what became of them, beyond mark + 1 there is a gap and nothing is taken.
 * Whose reports they are is said by the certificate alone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "db/rows.h"
#include "desk/report_store.h"
#include "rpc/caller.h"
#include "rpc/handlers.h"
#include "rpc/service.h"
#include "wire/decode.h"

enum { ATTEMPTS_MAX = 5, LANE_MAX = 255 };

struct submit {
	struct report_batch batch; /* of the reports above the mark */
	struct report *reports;    /* all that came */
	size_t count;
	struct report_save save;
	struct desk_wait wait;
	struct otk_error err; /* of the save */
	unsigned attempts;
	char why[160]; /* of a quarantine */
	bool for_mark; /* GetMark asks, no reports came */
	bool settled;  /* nothing waits that could be settled */
};

static enum step mark_read(struct request *r);
static enum step reports_read(struct request *r);
static enum step reports_loaded(struct request *r);
static enum step reports_saved(struct request *r);
static enum step queue_quarantined(struct request *r);
static enum step waiting_asked(struct request *r);
static enum step waiting_read(struct request *r);
static enum step waiting_loaded(struct request *r);
static enum step waiting_saved(struct request *r);
static bool unpack_report(
        struct arena *arena, const void *packed, size_t size, struct report *out);

static const char *customer_scope(const struct request *r)
{
	return arena_printf(r->arena, "{%d}", r->principal->customer_id);
}

/* Who and which queue, from principal and message. */
static void name_queue(struct report_batch *b, const struct request *r,
        const ProtobufCBinaryData *epoch, uint32_t lane, uint64_t head, struct otk_error *err)
{
	*b = (struct report_batch){.arena = r->arena,
	        .customer_id = r->principal->customer_id,
	        .agent_id = r->principal->id,
	        .site_id = r->principal->site_id,
	        .team_id = r->principal->team_id,
	        .lane = (int16_t)lane,
	        .head = (int64_t)head,
	        .now = r->now,
	        .unpack = unpack_report};
	if (epoch->len == sizeof b->epoch.bytes)
		memcpy(b->epoch.bytes, epoch->data, sizeof b->epoch.bytes);
	if (epoch->len != sizeof b->epoch.bytes || uuid_is_nil(&b->epoch))
		error_field(err, "queue_epoch", "must be the 16 bytes made with the queue");
	if (lane == 0 || lane > LANE_MAX)
		error_field(err, "lane", "must be 1 to %d", LANE_MAX);
	if (head > INT64_MAX)
		error_field(err, "head_seq", "must be the last number of the queue");
}

static bool is_agent(const struct request *r)
{
	return r->principal->kind == PRINCIPAL_AGENT && r->principal->customer_id != 0;
}

static enum step not_an_agent(struct request *r)
{
	return request_error(r, OTK_PERMISSION_DENIED, "NOT_AN_AGENT",
	        "only a site's agent has a queue; people file tickets");
}

static enum step answer_quarantined(struct request *r, const char *why)
{
	return request_error(r, OTK_FAILED_PRECONDITION, "QUEUE_QUARANTINED",
	        "this queue is not taken any more: %s. What waits in it is kept. See that "
	        "only one agent runs as %s, then run there: otklik-agent new-queue",
	        why, r->principal->code);
}

/* GetMark -------------------------------------------------------------------------------- */

enum step get_mark_begin(struct request *r, const Otklik__V1__GetMarkRequest *in)
{
	struct submit *s = request_state(r, sizeof *s);
	struct report_batch *b = s == NULL ? NULL : &s->batch;
	struct db_unit *unit = db_unit_new(r->arena, DB_REPLAY);
	const char *scope = customer_scope(r);
	struct otk_error err = {0};

	if (b == NULL || unit == NULL || scope == NULL)
		return request_no_memory(r);
	if (!is_agent(r))
		return not_an_agent(r);
	name_queue(b, r, &in->queue_epoch, in->lane, in->head_seq, &err);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	s->for_mark = true;
	db_unit_scope(unit, scope);
	report_mark_call(unit, b);
	report_waiting_call(unit, b);
	return request_query(r, unit, mark_read);
}

static enum step reply_mark(struct request *r)
{
	const struct submit *s = r->state;
	Otklik__V1__GetMarkResponse out = OTKLIK__V1__GET_MARK_RESPONSE__INIT;

	out.mark = (uint64_t)s->batch.mark;
	return get_mark_reply(r, &out);
}

static enum step mark_read(struct request *r)
{
	struct submit *s = r->state;
	struct report_position at = report_load_position(r->unit);

	if (at.quarantined != NULL) {
		log_error("a queue is quarantined", "agent", r->principal->code, "why",
		        at.quarantined);
		return answer_quarantined(r, at.quarantined);
	}
	s->batch.mark = at.mark;
	/* A process that died between the last report and what follows from it left this. */
	if (at.mark >= s->batch.head && db_rows_count(db_unit_rows(r->unit, 1)) > 0)
		return request_go(r, waiting_asked);
	return reply_mark(r);
}

/* SubmitReports -------------------------------------------------------------------------- */

static int64_t bounded(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

/* Instants that no calendar has are as good as not said. */
static int64_t instant(int64_t us)
{
	return us > 0 && us < INT64_C(4133980800000000) ? us : 0;
}

static struct report report_of(const Otklik__V1__Report *in, int64_t seq)
{
	return (struct report){.seq = seq,
	        .kind = (enum report_kind)in->kind,
	        .occurred_at = instant(in->occurred_at_us),
	        .age_us = in->age_us > 0 ? in->age_us : 0,
	        .boot_id = in->boot_id,
	        .host = in->host,
	        .check = in->check,
	        .state = (int)in->state,
	        .counter = bounded(in->counter),
	        .output = in->output,
	        .attempt = in->attempt,
	        .flapping = in->flapping,
	        .title = in->title,
	        .text = in->text,
	        .impact = in->impact,
	        .urgency = in->urgency,
	        .service = in->service,
	        .category = in->category,
	        .requester = in->requester,
	        .type = (int)in->type,
	        .refused = bounded(in->refused),
	        .refused_from = instant(in->refused_from_us),
	        .refused_to = instant(in->refused_to_us)};
}

static bool unpack_report(
        struct arena *arena, const void *packed, size_t size, struct report *out)
{
	ProtobufCMessage *message;

	if (decode_message(
	            &otklik__v1__report__descriptor, packed, size, arena, &message, NULL) < 0)
		return false;
	*out = report_of((const Otklik__V1__Report *)(const void *)message, 0);
	return true;
}

/* What may have to wait for the rest of the backlog is kept as it came. */
static bool pack_report(struct request *r, const Otklik__V1__Report *in, struct report *report)
{
	uint8_t *packed;

	report->packed_size = otklik__v1__report__get_packed_size(in);
	packed = arena_alloc(r->arena, report->packed_size + 1);
	if (packed == NULL)
		return false;
	(void)otklik__v1__report__pack(in, packed);
	report->packed = packed;
	return true;
}

enum step submit_reports_begin(struct request *r, const Otklik__V1__SubmitReportsRequest *in)
{
	struct submit *s = request_state(r, sizeof *s);
	struct otk_error err = {0};

	if (s == NULL)
		return request_no_memory(r);
	if (!is_agent(r))
		return not_an_agent(r);
	name_queue(&s->batch, r, &in->queue_epoch, in->lane, in->head_seq, &err);
	if (in->n_reports == 0 || in->n_reports > REPORT_BATCH_MAX)
		error_field(&err, "reports", "must be 1 to %d", REPORT_BATCH_MAX);
	if (in->first_seq == 0 || in->first_seq > INT64_MAX - REPORT_BATCH_MAX)
		error_field(&err, "first_seq", "must be the number of the first report");
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	s->count = in->n_reports;
	s->reports = arena_calloc(r->arena, s->count, sizeof *s->reports);
	if (s->reports == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < s->count; i++) {
		s->reports[i] = report_of(in->reports[i], (int64_t)(in->first_seq + i));
		if (report_in_backlog(&s->batch, &s->reports[i]) &&
		        !pack_report(r, in->reports[i], &s->reports[i]))
			return request_no_memory(r);
	}
	return request_go(r, reports_read);
}

static enum step reports_read(struct request *r)
{
	struct submit *s = r->state;
	struct report_batch *b = &s->batch;
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);
	const char *scope = customer_scope(r);

	b->ref = desk_reference(r->service->desk);
	if (b->ref == NULL)
		return caller_no_reference(r);
	if (unit == NULL || scope == NULL)
		return request_no_memory(r);
	b->reports = s->reports;
	b->count = s->count;
	db_unit_scope(unit, scope);
	report_load_calls(unit, b);
	return request_query(r, unit, reports_loaded);
}

/* The agent asks for the mark after any failure, and goes on from there. */
static enum step answer_gap(struct request *r, const struct report_position *at)
{
	const struct submit *s = r->state;
	Otklik__V1__Status status = OTKLIK__V1__STATUS__INIT;

	status.code = OTK_ABORTED;
	status.reason = (char[]){"REPORT_GAP"};
	status.current_version = at->mark;
	status.message =
	        at->known ? arena_printf(r->arena,
	                            "report %" PRId64 " came, but %" PRId64
	                            " is the last one taken: go on from there",
	                            s->reports[0].seq, at->mark)
	                  : arena_printf(r->arena,
	                            "this queue is not known here: ask for its mark first");
	return status.message == NULL ? request_no_memory(r)
	                              : request_fail_status(r, &status.base);
}

static enum step reply(struct request *r)
{
	const struct submit *s = r->state;
	Otklik__V1__SubmitReportsResponse out = OTKLIK__V1__SUBMIT_REPORTS_RESPONSE__INIT;
	Otklik__V1__ReportResult *results = arena_calloc(r->arena, s->count, sizeof *results);

	out.results = arena_calloc(r->arena, s->count, sizeof *out.results);
	if (results == NULL || out.results == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < s->count; i++) {
		const struct report *report = &s->reports[i];

		otklik__v1__report_result__init(&results[i]);
		results[i].seq = (uint64_t)report->seq;
		results[i].outcome = (Otklik__V1__ReportOutcome)report->outcome;
		results[i].ticket_id = report->ticket_id;
		if (report->reason != NULL)
			results[i].reason = (char *)(uintptr_t)report->reason;
		out.results[i] = &results[i];
	}
	out.n_results = s->count;
	out.mark = (uint64_t)(s->batch.mark + (int64_t)s->batch.count);
	return submit_reports_reply(r, &out);
}

static enum step quarantine(struct request *r, int64_t seq)
{
	struct submit *s = r->state;
	struct db_unit *unit = db_unit_new(r->arena, DB_REPLAY);
	const char *scope = customer_scope(r);

	if (unit == NULL || scope == NULL)
		return request_no_memory(r);
	(void)snprintf(s->why, sizeof s->why,
	        "report %" PRId64 " came twice with different contents: it is a copy, or was "
	        "restored from one",
	        seq);
	db_unit_scope(unit, scope);
	report_quarantine_call(unit, &s->batch, s->why);
	return request_query(r, unit, queue_quarantined);
}

static enum step queue_quarantined(struct request *r)
{
	const struct submit *s = r->state;

	log_error("a queue is quarantined", "agent", r->principal->code, "why", s->why);
	return answer_quarantined(r, s->why);
}

/* Those taken before: what became of them. Negative number: this one is another now. */
static int64_t recall(const struct request *r, struct submit *s, int64_t mark)
{
	for (size_t i = 0; i < s->count && s->reports[i].seq <= mark; i++) {
		struct report *report = &s->reports[i];
		int64_t occurred_at;

		if (!report_load_stored(r->unit, report, &occurred_at))
			report->outcome = (enum report_outcome)
			        OTKLIK__V1__REPORT_OUTCOME__REPORT_OUTCOME_DUPLICATE;
		else if (occurred_at != report->occurred_at)
			return -report->seq;
	}
	return 0;
}

static void unlink_submit(struct request *r)
{
	struct submit *s = r->state;

	report_save_leave(r->service->desk, &s->save);
	desk_wait_leave(&s->wait);
}

static void woken(void *context)
{
	request_wake(context);
}

static void saved(void *context, struct report_save *save, const struct otk_error *err)
{
	struct request *r = context;
	struct submit *s = r->state;

	(void)save;
	s->err = *err;
	request_wake(r);
}

static int64_t take_number(void *context)
{
	return desk_number(context);
}

static enum step save(struct request *r, request_step *next)
{
	struct submit *s = r->state;
	struct otk_error err = {0};

	s->save = (struct report_save){.batch = &s->batch};
	request_on_cancel(r, unlink_submit);
	if (report_save_join(r->service->desk, &s->save, saved, r, &err) < 0)
		return request_fail(r, &err);
	return request_wait(r, next);
}

/* Numbers have run out: the step comes again when there are more. */
static enum step wait_number(struct request *r, const struct otk_error *err, request_step *next)
{
	struct submit *s = r->state;

	if (strcmp(err->reason, "NO_NUMBER") != 0)
		return request_fail(r, err);
	request_on_cancel(r, unlink_submit);
	desk_number_wait(r->service->desk, &s->wait, woken, r);
	return request_wait(r, next);
}

static enum step decide(struct request *r)
{
	struct submit *s = r->state;
	struct report_batch *b = &s->batch;
	struct otk_error err = {0};

	b->number = take_number;
	b->number_context = r->service->desk;
	if (report_load_rows(r->unit, b) < 0)
		return request_no_memory(r);
	/* What waited is said before what is said now. */
	if (b->reports[0].seq > b->head && !s->settled && report_batch_waits(b))
		return request_go(r, waiting_asked);
	if (report_decide(b, &err) == 0)
		return save(r, reports_saved);
	return wait_number(r, &err, reports_loaded);
}

/* Comes again when ticket numbers had run out. */
static enum step reports_loaded(struct request *r)
{
	struct submit *s = r->state;
	struct report_batch *b = &s->batch;
	struct report_position at = report_load_position(r->unit);
	const struct ref_customer *customer = reference_customer(b->ref, b->customer_id);
	int64_t first = s->reports[0].seq;
	int64_t other;
	size_t old;

	if (at.quarantined != NULL)
		return answer_quarantined(r, at.quarantined);
	if (!at.known || first > at.mark + 1)
		return answer_gap(r, &at);
	other = recall(r, s, at.mark);
	if (other < 0)
		return quarantine(r, -other);
	old = at.mark - first + 1 < (int64_t)s->count ? (size_t)(at.mark - first + 1)
	                                              : s->count;
	b->mark = at.mark;
	b->reports = s->reports + old;
	b->count = s->count - old;
	if (b->count == 0)
		return reply(r);
	/* Backlog and what came after it are taken one after the other. */
	while (b->reports[0].seq <= b->head && b->reports[b->count - 1].seq > b->head)
		b->count--;
	if (customer == NULL || customer->retired)
		return request_error(r, OTK_FAILED_PRECONDITION, "CUSTOMER_RETIRED",
		        "this agent's customer is served no more");
	return decide(r);
}

/* What the operator should hear of at once. */
static void log_reports(const struct request *r, const struct report_batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct report *report = &b->reports[i];
		char seq[24];

		(void)snprintf(seq, sizeof seq, "%" PRId64, report->seq);
		if (report->outcome == REPORT_REFUSED)
			log_warn("a report will never be taken", "agent", r->principal->code,
			        "seq", seq, "why", report->reason);
		else if (report->kind == REPORT_REFUSAL)
			log_warn("an agent could not keep reports", "agent", r->principal->code,
			        "seq", seq, "what", report->kept);
		else if (report->kind == REPORT_STARTED)
			log_info("an agent started", "agent", r->principal->code, "seq", seq,
			        "what", report->kept);
	}
}

/* A save was refused: says so, or decides again by way of `again`. */
static enum step save_failed(struct request *r, request_step *again)
{
	struct submit *s = r->state;

	if (strcmp(s->err.reason, "QUEUE_QUARANTINED") == 0)
		return answer_quarantined(r, s->err.message);
	if (s->err.code != OTK_ABORTED)
		return request_fail(r, &s->err);
	if (++s->attempts >= ATTEMPTS_MAX)
		return request_error(r, OTK_ABORTED, "TOO_MANY_CONFLICTS",
		        "others kept changing the same tickets; send the reports again");
	if (strcmp(s->err.reason, "STALE_REFERENCE") != 0)
		return request_go(r, again);
	request_on_cancel(r, unlink_submit);
	desk_reference_renew(r->service->desk, &s->wait, woken, r);
	return request_wait(r, again);
}

static enum step reports_saved(struct request *r)
{
	struct submit *s = r->state;

	if (s->err.code == OTK_OK) {
		const struct report_batch *b = &s->batch;

		log_reports(r, b);
		if (b->reports[0].seq <= b->head && b->mark + (int64_t)b->count >= b->head)
			return request_go(r, waiting_asked);
		if (b->reports + b->count < s->reports + s->count)
			return request_go(r, reports_read);
		return reply(r);
	}
	return save_failed(r, reports_read);
}

/* What waited for the backlog to be whole ------------------------------------------------- */

static enum step waiting_asked(struct request *r)
{
	struct submit *s = r->state;
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);
	const char *scope = customer_scope(r);

	s->batch.ref = desk_reference(r->service->desk);
	if (s->batch.ref == NULL)
		return caller_no_reference(r);
	if (unit == NULL || scope == NULL)
		return request_no_memory(r);
	db_unit_scope(unit, scope);
	report_waiting_call(unit, &s->batch);
	return request_query(r, unit, waiting_read);
}

static enum step waiting_read(struct request *r)
{
	struct submit *s = r->state;
	struct db_unit *unit;

	if (report_load_waiting(r->unit, 0, &s->batch) < 0)
		return request_no_memory(r);
	if (s->batch.count == 0) {
		s->settled = true;
		return s->for_mark ? reply_mark(r) : request_go(r, reports_read);
	}
	unit = db_unit_new(r->arena, DB_READ);
	if (unit == NULL)
		return request_no_memory(r);
	db_unit_scope(unit, customer_scope(r));
	report_load_calls(unit, &s->batch);
	return request_query(r, unit, waiting_loaded);
}

static enum step waiting_loaded(struct request *r)
{
	struct submit *s = r->state;
	struct report_batch *b = &s->batch;
	struct report_position at = report_load_position(r->unit);
	struct otk_error err = {0};

	if (at.quarantined != NULL)
		return answer_quarantined(r, at.quarantined);
	b->mark = at.mark;
	b->number = take_number;
	b->number_context = r->service->desk;
	if (report_load_rows(r->unit, b) < 0)
		return request_no_memory(r);
	if (report_settle(b, &err) < 0)
		return wait_number(r, &err, waiting_loaded);
	b->count = 0; /* they were taken before; what follows from them is saved */
	return save(r, waiting_saved);
}

static void log_settled(const struct request *r, const struct report_batch *b)
{
	for (size_t i = 0; i < b->check_count; i++) {
		const struct report_check *check = &b->checks[i];

		if (check->wait.moved && check->wait.outcome == REPORT_REFUSED)
			log_warn("a report of a backlog will never be taken", "agent",
			        r->principal->code, "host", check->host, "check", check->name,
			        "why", check->wait.reason);
	}
}

/* The rows of the reports say now what became of them: those of this call are read again. */
static enum step waiting_saved(struct request *r)
{
	struct submit *s = r->state;

	if (s->err.code != OTK_OK)
		return save_failed(r, waiting_asked);
	log_settled(r, &s->batch);
	return request_go(r, waiting_asked);
}
