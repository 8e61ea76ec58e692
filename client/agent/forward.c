/* The forwarder. States and what moves them on stand in order below. */
#include "agent/forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agent/backoff.h"
#include "agent/report.h"
#include "base/log.h"
#include "base/time_text.h"

enum { BATCH_MOST = 64, BATCH_BYTES = 512 * 1024, POLL_S = 2, TRIM_S = 60, OLD_S = 24 * 3600 };

enum forward_state {
	FORWARD_OFFLINE, /* no connection */
	FORWARD_MARK,    /* the server's mark is asked for */
	FORWARD_IDLE,    /* all is delivered */
	FORWARD_SUBMIT,  /* a batch is in flight */
	FORWARD_WAIT     /* after a failure */
};

struct forward {
	struct forward_options options;
	enum forward_state state;
	struct backoff backoff;
	struct loop_timer *retry; /* in FORWARD_WAIT */
	struct loop_timer *poll;  /* other processes write into the queue too */
	struct loop_timer *trim;
	struct loop_task next;
	struct uuid boot;
	struct uuid epoch; /* of the mark */
	int64_t mark;
	int64_t head;      /* at the last GetMark: the backlog's end */
	size_t batch_most; /* 1 while a bad report is looked for */
	int64_t age_warned_at;
	int64_t spoilt; /* number of the report that the server cannot take at all; 0: none */
	char spoilt_reason[OTK_MESSAGE_SIZE];
	char error[OTK_MESSAGE_SIZE];
};

static void forward_ask(struct forward *forward);
static void forward_send(void *arg);

static void forward_fail(struct forward *forward, const struct otk_error *err)
{
	uint32_t random = 0;
	char code[64];
	int64_t wait;

	if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
		random = (uint32_t)clock_monotonic();
	wait = backoff_next(&forward->backoff, err->retry_after_ms, random);
	(void)snprintf(forward->error, sizeof forward->error, "%s", err->message);
	(void)snprintf(code, sizeof code, "%s/%s", status_name(err->code), err->reason);
	log_warn("reports wait: the server did not take them", "code", code, "error",
	        err->message);
	forward->state = FORWARD_WAIT;
	loop_timer_set(forward->retry, wait);
}

static void forward_local_fail(struct forward *forward, const struct otk_error *err)
{
	struct otk_error lost = {0};

	log_error("the queue cannot be read", "error", err->message);
	if (err->code == OTK_DATA_LOSS &&
	        queue_recover(
	                forward->options.queue, clock_now(forward->options.clock), &lost) != 0)
		log_error("the queue cannot be recovered", "error", lost.message);
	forward_fail(forward, err);
}

/* Refusals and gaps become reports as soon as there is room for them. */
static void owed_queue(struct forward *forward)
{
	struct queue *queue = forward->options.queue;
	int64_t now = clock_now(forward->options.clock);
	struct queue_state state;
	struct queue_entry entry;
	struct queue_gap gap;
	int64_t seq;

	if (queue_look(queue, &state, NULL) != 0)
		return;
	if (state.refusal.count > 0) {
		struct buf packed = {0};

		if (report_refused(&state.refusal, now, &packed, &entry) == 0) {
			entry.again = true;
			(void)queue_put_refusal(queue, &entry, &state.refusal, now, &seq, NULL);
		}
		buf_free(&packed);
	}
	for (int i = 0; i < 16 && queue_gap_first(queue, &gap, NULL) == 0; i++) {
		struct buf packed = {0};
		int rc = report_gap(&gap, now, &packed, &entry);

		entry.again = true;
		if (rc == 0)
			rc = queue_put_gap(queue, &entry, gap.id, now, &seq, NULL);
		buf_free(&packed);
		if (rc != 0)
			return;
	}
}

/* A new epoch after the server's mark did not fit this queue; then all is asked anew. */
static void forward_renew_epoch(struct forward *forward, const char *reason)
{
	struct otk_error err = {0};

	log_error(
	        "the server's mark does not fit this queue; a new epoch begins", "why", reason);
	if (queue_begin_epoch(forward->options.queue, reason, clock_now(forward->options.clock),
	            &err) != 0)
		forward_local_fail(forward, &err);
	else
		forward_ask(forward);
}

static void mark_came(
        void *arg, const Otklik__V1__GetMarkResponse *reply, const struct otk_error *err)
{
	struct forward *forward = arg;
	struct otk_error own = {0};
	int64_t gap_to = 0;
	int rc;

	if (err != NULL) {
		forward_fail(forward, err);
		return;
	}
	rc = queue_mark(forward->options.queue, (int64_t)reply->mark,
	        clock_now(forward->options.clock), &gap_to, &own);
	if (rc == -OTK_OUT_OF_RANGE) {
		forward_renew_epoch(forward, own.message);
		return;
	}
	if (rc != 0) {
		forward_local_fail(forward, &own);
		return;
	}
	if (gap_to > 0) {
		forward_renew_epoch(forward, "server restored to before what is kept");
		return;
	}
	forward->mark = (int64_t)reply->mark;
	forward->error[0] = '\0';
	owed_queue(forward);
	forward_send(forward);
}

static void forward_ask(struct forward *forward)
{
	Otklik__V1__GetMarkRequest request = OTKLIK__V1__GET_MARK_REQUEST__INIT;
	struct queue_state state;
	struct otk_error err = {0};
	static char version[] = "otklik-agent/" OTKLIK_VERSION;

	if (queue_look(forward->options.queue, &state, &err) != 0) {
		forward_local_fail(forward, &err);
		return;
	}
	forward->epoch = state.epoch;
	forward->head = state.head;
	request.queue_epoch = (ProtobufCBinaryData){
	        .len = sizeof forward->epoch.bytes, .data = forward->epoch.bytes};
	request.lane = QUEUE_LANE;
	request.head_seq = (uint64_t)state.head;
	request.version = version;
	forward->state = FORWARD_MARK;
	if (forward->options.link->mark(
	            forward->options.link_arg, &request, mark_came, forward, &err) != 0)
		forward_fail(forward, &err);
}

static void results_log(const Otklik__V1__SubmitReportsResponse *reply)
{
	for (size_t i = 0; i < reply->n_results; i++) {
		const Otklik__V1__ReportResult *result = reply->results[i];
		char seq[24];

		if (result->outcome != OTKLIK__V1__REPORT_OUTCOME__REPORT_OUTCOME_REFUSED)
			continue;
		(void)snprintf(seq, sizeof seq, "%llu", (unsigned long long)result->seq);
		log_error("the server will never accept a report; it keeps a note of that",
		        "seq", seq, "reason", result->reason);
	}
}

/* A batch that is wrong as a whole: go one by one until the wrong report stands alone. */
static void batch_spoilt(struct forward *forward, const struct otk_error *err)
{
	char seq[24];

	if (forward->batch_most > 1) {
		forward->batch_most = 1;
		loop_post(forward->options.loop, &forward->next);
		return;
	}
	if (forward->spoilt == forward->mark + 1) {
		forward_fail(forward, err); /* even the note in its place is refused */
		return;
	}
	forward->spoilt = forward->mark + 1;
	(void)snprintf(forward->spoilt_reason, sizeof forward->spoilt_reason,
	        "report refused: %.400s", err->message);
	(void)snprintf(seq, sizeof seq, "%lld", (long long)forward->spoilt);
	log_error("the server cannot take a report; a note is sent in its place", "seq", seq,
	        "error", err->message);
	loop_post(forward->options.loop, &forward->next);
}

static void batch_sent(
        void *arg, const Otklik__V1__SubmitReportsResponse *reply, const struct otk_error *err)
{
	struct forward *forward = arg;
	struct otk_error own = {0};
	int64_t gap_to = 0;

	if (err != NULL && err->code == OTK_INVALID_ARGUMENT) {
		forward->state = FORWARD_IDLE;
		batch_spoilt(forward, err);
		return;
	}
	if (err != NULL) {
		forward_fail(forward, err);
		return;
	}
	results_log(reply);
	forward->state = FORWARD_IDLE;
	if ((int64_t)reply->mark <= forward->mark) {
		(void)error_set(&own, OTK_INTERNAL, "MARK_STOOD",
		        "the server answered a batch with mark %llu, which it had before",
		        (unsigned long long)reply->mark);
		forward_fail(forward, &own);
		return;
	}
	if (queue_mark(forward->options.queue, (int64_t)reply->mark,
	            clock_now(forward->options.clock), &gap_to, &own) != 0) {
		forward_local_fail(forward, &own);
		return;
	}
	forward->mark = (int64_t)reply->mark;
	forward->batch_most = BATCH_MOST;
	forward->backoff = (struct backoff){0};
	loop_post(forward->options.loop, &forward->next);
}

/* The stored report with its age now; a note in the place of one that cannot be sent. */
static Otklik__V1__Report *report_ready(
        struct forward *forward, const struct queue_entry *entry)
{
	Otklik__V1__Report *report =
	        otklik__v1__report__unpack(NULL, entry->size, entry->payload);

	if (report != NULL && entry->seq != forward->spoilt) {
		if (memcmp(entry->boot.bytes, forward->boot.bytes, sizeof entry->boot.bytes) ==
		                0 &&
		        !uuid_is_nil(&entry->boot))
			report->age_us = clock_monotonic() - entry->mono_at;
		return report;
	}
	if (report != NULL)
		otklik__v1__report__free_unpacked(report, NULL);
	report = malloc(sizeof *report);
	if (report == NULL)
		return NULL;
	otklik__v1__report__init(report);
	report->kind = OTKLIK__V1__REPORT_KIND__REPORT_KIND_REFUSED;
	report->occurred_at_us = entry->queued_at;
	report->refused = 1;
	report->refused_from_us = report->refused_to_us = entry->queued_at;
	report->text = strdup(entry->seq == forward->spoilt ? forward->spoilt_reason
	                                                    : "stored report unreadable");
	if (report->text == NULL) {
		free(report);
		return NULL;
	}
	return report;
}

static int batch_submit(
        struct forward *forward, const struct queue_batch *batch, struct otk_error *err)
{
	Otklik__V1__SubmitReportsRequest request = OTKLIK__V1__SUBMIT_REPORTS_REQUEST__INIT;
	Otklik__V1__Report *reports[BATCH_MOST];
	int rc = 0;

	request.queue_epoch = (ProtobufCBinaryData){
	        .len = sizeof forward->epoch.bytes, .data = forward->epoch.bytes};
	request.lane = QUEUE_LANE;
	request.first_seq = (uint64_t)batch->entries[0].seq;
	request.head_seq = (uint64_t)forward->head;
	request.reports = reports;
	while (request.n_reports < batch->count &&
	        batch->entries[request.n_reports].seq ==
	                batch->entries[0].seq + (int64_t)request.n_reports) {
		reports[request.n_reports] =
		        report_ready(forward, &batch->entries[request.n_reports]);
		if (reports[request.n_reports] == NULL) {
			rc = error_set(err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory");
			goto out_free;
		}
		request.n_reports++;
	}
	forward->state = FORWARD_SUBMIT;
	rc = forward->options.link->submit(
	        forward->options.link_arg, &request, batch_sent, forward, err);
out_free:
	for (size_t i = 0; i < request.n_reports; i++)
		otklik__v1__report__free_unpacked(reports[i], NULL);
	return rc;
}

/* Sends the next batch above the mark, or rests. */
static void forward_send(void *arg)
{
	struct forward *forward = arg;
	struct queue_batch batch;
	struct queue_state state;
	struct otk_error err = {0};
	int rc = queue_look(forward->options.queue, &state, &err);

	if (forward->state == FORWARD_OFFLINE || forward->state == FORWARD_SUBMIT ||
	        forward->state == FORWARD_WAIT)
		return;
	if (rc == 0 && memcmp(state.epoch.bytes, forward->epoch.bytes, 16) != 0) {
		forward_ask(forward); /* the file was set aside meanwhile */
		return;
	}
	forward->state = FORWARD_IDLE;
	if (rc == 0 && state.head == forward->mark) {
		forward->backoff = (struct backoff){0};
		return;
	}
	if (rc == 0) {
		rc = queue_read(forward->options.queue, forward->mark, forward->batch_most,
		        BATCH_BYTES, &batch, &err);
		if (rc == 0 &&
		        (batch.count == 0 || batch.entries[0].seq != forward->mark + 1)) {
			queue_batch_free(&batch);
			forward_renew_epoch(forward, "reports are missing from the queue");
			return;
		}
		if (rc == 0)
			rc = batch_submit(forward, &batch, &err);
		queue_batch_free(&batch);
	}
	if (rc != 0)
		forward_local_fail(forward, &err);
}

static void retry_due(void *arg)
{
	struct forward *forward = arg;

	if (forward->state == FORWARD_WAIT)
		forward_ask(forward);
}

static void poll_due(void *arg)
{
	struct forward *forward = arg;

	forward_poke(forward);
	loop_timer_set(forward->poll, POLL_S * CLOCK_SECOND);
}

/* Age only warns: what was accepted waits as long as it must. */
static void age_warn(struct forward *forward)
{
	int64_t now = clock_now(forward->options.clock);
	struct queue_state state;
	char since[TIME_TEXT_SIZE];
	char count[24];

	if (queue_look(forward->options.queue, &state, NULL) != 0 ||
	        state.oldest_unacked_at == 0 ||
	        now - state.oldest_unacked_at < OLD_S * CLOCK_SECOND ||
	        now - forward->age_warned_at < 3600 * CLOCK_SECOND)
		return;
	forward->age_warned_at = now;
	(void)snprintf(count, sizeof count, "%lld", (long long)(state.head - state.mark));
	log_warn("reports have waited for more than a day", "count", count, "since",
	        time_format_utc(state.oldest_unacked_at, since), "last_error", forward->error);
}

static void trim_due(void *arg)
{
	struct forward *forward = arg;
	struct otk_error err = {0};

	owed_queue(forward);
	age_warn(forward);
	if (queue_trim(forward->options.queue, clock_now(forward->options.clock), &err) != 0)
		log_error("old reports could not be trimmed", "error", err.message);
	loop_timer_set(forward->trim, TRIM_S * CLOCK_SECOND);
}

struct forward *forward_new(const struct forward_options *options)
{
	struct forward *forward = calloc(1, sizeof *forward);

	if (forward == NULL)
		return NULL;
	forward->options = *options;
	forward->batch_most = BATCH_MOST;
	forward->boot = report_boot();
	loop_task_init(&forward->next, forward_send, forward);
	forward->retry = loop_timer_new(options->loop, retry_due, forward);
	forward->poll = loop_timer_new(options->loop, poll_due, forward);
	forward->trim = loop_timer_new(options->loop, trim_due, forward);
	if (forward->retry == NULL || forward->poll == NULL || forward->trim == NULL) {
		forward_free(forward);
		return NULL;
	}
	loop_timer_set(forward->poll, POLL_S * CLOCK_SECOND);
	loop_timer_set(forward->trim, TRIM_S * CLOCK_SECOND);
	return forward;
}

void forward_free(struct forward *forward)
{
	if (forward == NULL)
		return;
	if (forward->state != FORWARD_OFFLINE)
		forward->options.link->cancel(forward->options.link_arg);
	loop_unpost(forward->options.loop, &forward->next);
	loop_timer_free(forward->retry);
	loop_timer_free(forward->poll);
	loop_timer_free(forward->trim);
	free(forward);
}

void forward_online(struct forward *forward)
{
	if (forward->state == FORWARD_WAIT)
		return; /* a server that sent us away is not asked sooner for that */
	/* An open call tells of a head from before: what came meanwhile is backlog too. */
	if (forward->state == FORWARD_MARK || forward->state == FORWARD_SUBMIT)
		forward->options.link->cancel(forward->options.link_arg);
	forward_ask(forward);
}

void forward_offline(struct forward *forward)
{
	/* What is in flight or waits for its time goes on; the link holds it until it is back.
	 */
	if (forward->state == FORWARD_IDLE)
		forward->state = FORWARD_OFFLINE;
}

void forward_poke(struct forward *forward)
{
	if (forward->state == FORWARD_IDLE)
		loop_post(forward->options.loop, &forward->next);
}

bool forward_is_online(const struct forward *forward)
{
	return forward->state == FORWARD_IDLE || forward->state == FORWARD_SUBMIT;
}

const char *forward_error(const struct forward *forward)
{
	return forward->error;
}

void forward_error_note(struct forward *forward, const char *message)
{
	(void)snprintf(forward->error, sizeof forward->error, "%s", message);
}
