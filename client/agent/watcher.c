/* The timetable of checks: one timer, a bounded number of runs. */
#include "agent/watcher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/check_run.h"
#include "agent/report.h"
#include "base/log.h"
#include "base/text.h"

enum { OUTPUT_SHOWN = 200, SPREAD_MOST_S = 60, VIRTUAL_POLL_MS = 20 };

struct slot {
	struct watcher *watcher;
	const struct check_spec *spec;
	struct queue_check check; /* as stored, life as of now */
	int64_t due;              /* on the watcher's clock */
	int64_t ran_at;
	char output[OUTPUT_SHOWN + 1];
	struct check_run *run; /* NULL while it waits */
	struct loop_watch *output_watch;
	struct loop_watch *exit_watch;
	struct loop_timer *timeout;
};

struct watcher {
	struct watcher_options options;
	struct loop_timer *tick;
	size_t running;
	size_t count;
	struct slot *slots;
};

static int64_t watcher_now(const struct watcher *watcher)
{
	return clock_is_virtual(watcher->options.clock) ? clock_now(watcher->options.clock)
	                                                : loop_now(watcher->options.loop);
}

static void tick_set(struct watcher *watcher)
{
	int64_t now = watcher_now(watcher);
	int64_t delay = 3600 * CLOCK_SECOND;

	if (watcher->running >= watcher->options.concurrency)
		return; /* the next end of a run ticks */
	for (size_t i = 0; i < watcher->count; i++) {
		const struct slot *slot = &watcher->slots[i];

		if (slot->run == NULL && slot->due - now < delay)
			delay = slot->due > now ? slot->due - now : 0;
	}
	if (clock_is_virtual(watcher->options.clock) && delay > VIRTUAL_POLL_MS * 1000)
		delay = VIRTUAL_POLL_MS * 1000;
	loop_timer_set(watcher->tick, delay);
}

/* How much a report matters: a recovery as much as the problem it ends. */
static enum queue_severity severity_of(enum check_state before, enum check_state now)
{
	enum check_state worst = now != CHECK_OK ? now : before;

	if (worst == CHECK_CRITICAL)
		return QUEUE_HIGH;
	return worst == CHECK_OK ? QUEUE_LOW : QUEUE_NORMAL;
}

/*
 * Queues the report that is owed. Until the queue takes it, what was reported last stays as it
 * was, so that the next run of the check owes it again.
 */
static int slot_report(struct slot *slot, const struct check_change *change,
        const struct check_output *output, struct otk_error *err)
{
	struct watcher *watcher = slot->watcher;
	int64_t now = clock_now(watcher->options.clock);
	struct queue_check next = slot->check;
	struct queue_entry entry;
	struct buf packed = {0};
	enum queue_severity severity =
	        severity_of(slot->check.reported ? slot->check.reported_state : CHECK_OK,
	                slot->check.life.hard_state);
	int64_t seq = 0;
	int rc;

	/* Above what a queue restored from a copy may have forgotten to have used, too. */
	next.counter++;
	if (now > 0 && next.counter < (uint64_t)(now / CLOCK_SECOND))
		next.counter = (uint64_t)(now / CLOCK_SECOND);
	next.reported = true;
	next.reported_state = next.life.hard_state;
	if (change->hard_changed)
		next.changed_at = now;
	rc = report_check(slot->spec, &next, output, severity, now, &packed, &entry);
	if (rc == 0) {
		entry.again =
		        !change->hard_changed && !change->flap_started && !change->flap_stopped;
		rc = queue_put(watcher->options.queue, &entry, &next, now, &seq, err);
	}
	buf_free(&packed);
	if (rc != 0)
		return rc;
	slot->check = next;
	log_info("check changed", "host", slot->spec->host, "check", slot->spec->name, "state",
	        check_state_name(next.reported_state), "flapping",
	        next.life.flapping ? "yes" : "no", "output", slot->output);
	watcher->options.reported(watcher->options.arg);
	return 0;
}

static void slot_judge(struct slot *slot, const struct check_result *result)
{
	struct check_change change =
	        check_life_apply(&slot->check.life, &slot->spec->rules, result->state);
	const struct check_life *life = &slot->check.life;
	struct otk_error err = {0};
	int rc = 0;

	(void)snprintf(
	        slot->output, sizeof slot->output, "%.*s", OUTPUT_SHOWN, result->output.text);
	text_cut_utf8(slot->output, OUTPUT_SHOWN);
	slot->ran_at = clock_now(slot->watcher->options.clock);
	if (change.flap_started || change.flap_stopped ||
	        (life->known && life->hard &&
	                (!slot->check.reported ||
	                        slot->check.reported_state != life->hard_state)))
		rc = slot_report(slot, &change, &result->output, &err);
	else if (change.moved)
		rc = queue_check_save(slot->watcher->options.queue, &slot->check, &err);
	if (rc != 0)
		log_error("a check's state could not be queued; its next run tries again",
		        "host", slot->spec->host, "check", slot->spec->name, "error",
		        err.message);
}

static void slot_ended(struct slot *slot, const struct check_result *result)
{
	struct watcher *watcher = slot->watcher;

	slot_judge(slot, result);
	slot->due = watcher_now(watcher) +
	            check_life_interval(&slot->check.life, &slot->spec->rules);
}

static void slot_clear(struct slot *slot)
{
	loop_watch_free(slot->output_watch);
	loop_watch_free(slot->exit_watch);
	slot->output_watch = slot->exit_watch = NULL;
	loop_timer_clear(slot->timeout);
	check_run_free(slot->run);
	slot->run = NULL;
}

static void slot_readable(void *arg, unsigned events)
{
	struct slot *slot = arg;

	(void)events;
	check_run_read(slot->run);
	if (check_run_output_fd(slot->run) < 0) {
		loop_watch_free(slot->output_watch);
		slot->output_watch = NULL;
	}
}

static void slot_exited(void *arg, unsigned events)
{
	struct slot *slot = arg;
	struct check_result *result = malloc(sizeof *result);

	(void)events;
	if (result == NULL)
		return; /* level-triggered: comes again */
	/* The watch must go before the descriptor that check_run_finish may close. */
	loop_watch_free(slot->output_watch);
	slot->output_watch = NULL;
	if (check_run_finish(slot->run, result)) {
		slot_clear(slot);
		slot->watcher->running--;
		slot_ended(slot, result);
		tick_set(slot->watcher);
	}
	free(result);
}

static void slot_timed_out(void *arg)
{
	struct slot *slot = arg;

	if (slot->run != NULL)
		check_run_kill(slot->run, slot->spec->timeout_s);
}

static int slot_watch(struct slot *slot)
{
	struct loop *loop = slot->watcher->options.loop;

	slot->output_watch =
	        loop_watch_new(loop, check_run_output_fd(slot->run), slot_readable, slot);
	slot->exit_watch =
	        loop_watch_new(loop, check_run_exit_fd(slot->run), slot_exited, slot);
	if (slot->output_watch == NULL || slot->exit_watch == NULL ||
	        loop_watch_set(slot->output_watch, LOOP_READ) != 0 ||
	        loop_watch_set(slot->exit_watch, LOOP_READ) != 0)
		return -OTK_RESOURCE_EXHAUSTED;
	loop_timer_set(slot->timeout, slot->spec->timeout_s * CLOCK_SECOND);
	return 0;
}

static void slot_start(struct slot *slot)
{
	struct otk_error err = {0};
	struct check_result *failed;
	int rc = check_run_start(slot->spec->argv, false, &slot->run, &err);

	if (rc == 0 && slot_watch(slot) == 0) {
		slot->watcher->running++;
		return;
	}
	if (rc == 0)
		slot_clear(slot);
	slot->due = watcher_now(slot->watcher) + slot->spec->rules.retry_interval;
	failed = rc == -OTK_FAILED_PRECONDITION ? malloc(sizeof *failed) : NULL;
	if (failed == NULL) {
		/* Our own shortage says nothing about what is checked. */
		log_error("a check could not be started", "host", slot->spec->host, "check",
		        slot->spec->name, "error", err.message);
		return;
	}
	check_run_failed(&err, failed);
	slot_ended(slot, failed);
	free(failed);
}

static void watcher_tick(void *arg)
{
	struct watcher *watcher = arg;
	int64_t now = watcher_now(watcher);

	for (size_t i = 0; i < watcher->count; i++) {
		struct slot *slot = &watcher->slots[i];

		if (watcher->running >= watcher->options.concurrency)
			break;
		if (slot->run == NULL && slot->due <= now)
			slot_start(slot);
	}
	tick_set(watcher);
}

/* FNV-1a of host and name: the same check always has the same place in its interval. */
static uint64_t name_hash(const struct check_spec *spec)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (const char *c = spec->host; *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
	for (const char *c = spec->name; *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
	return hash;
}

static int slot_init(struct slot *slot, struct watcher *watcher, const struct check_spec *spec,
        struct otk_error *err)
{
	int64_t spread = spec->rules.check_interval;

	slot->watcher = watcher;
	slot->spec = spec;
	slot->timeout = loop_timer_new(watcher->options.loop, slot_timed_out, slot);
	if (slot->timeout == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory");
	(void)snprintf(slot->check.host, sizeof slot->check.host, "%s", spec->host);
	(void)snprintf(slot->check.name, sizeof slot->check.name, "%s", spec->name);
	if (spread > SPREAD_MOST_S * CLOCK_SECOND)
		spread = SPREAD_MOST_S * CLOCK_SECOND;
	slot->due = watcher_now(watcher) + (int64_t)(name_hash(spec) % (uint64_t)spread);
	return queue_check_load(watcher->options.queue, &slot->check, err);
}

struct watcher *watcher_new(const struct watcher_options *options, struct otk_error *err)
{
	struct watcher *watcher = calloc(1, sizeof *watcher);

	if (watcher == NULL) {
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory");
		return NULL;
	}
	watcher->options = *options;
	watcher->slots = calloc(options->checks->count + 1, sizeof *watcher->slots);
	watcher->tick = loop_timer_new(options->loop, watcher_tick, watcher);
	if (watcher->slots == NULL || watcher->tick == NULL) {
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory");
		goto fail;
	}
	for (size_t i = 0; i < options->checks->count; i++) {
		int rc = slot_init(
		        &watcher->slots[i], watcher, &options->checks->checks[i], err);

		watcher->count++;
		if (rc != 0)
			goto fail;
	}
	tick_set(watcher);
	return watcher;
fail:
	watcher_free(watcher);
	return NULL;
}

void watcher_free(struct watcher *watcher)
{
	if (watcher == NULL)
		return;
	for (size_t i = 0; i < watcher->count; i++) {
		slot_clear(&watcher->slots[i]);
		loop_timer_free(watcher->slots[i].timeout);
	}
	loop_timer_free(watcher->tick);
	free(watcher->slots);
	free(watcher);
}

size_t watcher_count(const struct watcher *watcher)
{
	return watcher->count;
}

void watcher_look(const struct watcher *watcher, size_t index, struct watcher_look *out)
{
	const struct slot *slot = &watcher->slots[index];

	*out = (struct watcher_look){
	        .spec = slot->spec,
	        .check = &slot->check,
	        .ran_at = slot->ran_at,
	        .output = slot->output,
	};
}
