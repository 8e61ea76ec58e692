/* otklik watch: the feed as it happens, a line an event; survives lost connections. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/json.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/ticket_print.h"
#include "cli/verbs.h"
#include "otklik/v1/watch.pb-c.h"

struct watching {
	struct cli *cli;
	Otklik__V1__WatchRequest request;
	char epoch[64];
	int64_t left; /* items until the end; 0: endless */
	int rc;
};

static const ProtobufCMessage *watch_request(void *arg)
{
	struct watching *w = arg;

	return &w->request.base;
}

static void line_print(const struct watching *w, const Otklik__V1__WatchResponse *item)
{
	const Otklik__V1__TicketEvent *e = item->event;
	char kind[64];
	char words[EVENT_WORDS_SIZE];
	char time[TABLE_TIME_SIZE];
	const char *color = "";

	json_enum_word(&otklik__v1__event_kind__descriptor, (int)e->kind, kind, sizeof kind);
	if (w->cli->color && e->kind == OTKLIK__V1__EVENT_KIND__EVENT_KIND_CLOCK_BREACHED)
		color = "\033[31m";
	else if (w->cli->color && e->kind == OTKLIK__V1__EVENT_KIND__EVENT_KIND_LEVEL_FIRED)
		color = "\033[33m";
	(void)printf("%s%s  #%lld %-16s %-10s %s%s%s  %s%s\n", color,
	        table_time_text(e->occurred_at_us, time), (long long)e->ticket_id, kind,
	        e->actor[0] != '\0' ? e->actor : "otklik", event_words(e, words),
	        e->text[0] != '\0' ? ": " : "", e->text, item->title,
	        color[0] != '\0' ? "\033[0m" : "");
}

static void watch_item(void *arg, const ProtobufCMessage *message)
{
	const Otklik__V1__WatchResponse *item =
	        (const Otklik__V1__WatchResponse *)(const void *)message;
	struct watching *w = arg;

	(void)snprintf(w->epoch, sizeof w->epoch, "%s", item->feed_epoch);
	w->request.feed_epoch = w->epoch;
	w->request.after_rev = item->rev;
	if (item->event != NULL) {
		if (w->cli->format == FORMAT_JSON) {
			json_t *object = json_of_message(message);

			(void)json_dumpf(object, stdout, JSON_COMPACT);
			(void)fputc('\n', stdout);
			json_decref(object);
		} else {
			line_print(w, item);
		}
		if (w->left > 0 && --w->left == 0)
			loop_stop(w->cli->loop);
	} else if (w->cli->format == FORMAT_TABLE) {
		(void)fprintf(stderr, "watching from %s %lld\n", item->feed_epoch,
		        (long long)item->rev);
	}
	if (fflush(stdout) != 0) {
		w->rc = EXIT_IO;
		loop_stop(w->cli->loop);
	}
}

static void watch_ended(void *arg, const struct otk_error *err)
{
	struct watching *w = arg;

	w->rc = err == NULL ? 0 : cli_fail(err);
	loop_stop(w->cli->loop);
}

static void stop(void *arg, int signo)
{
	struct watching *w = arg;

	(void)signo;
	loop_stop(w->cli->loop);
}

static void expired(void *arg)
{
	struct watching *w = arg;

	w->rc = w->left > 0 ? EXIT_TEMPORARY : 0;
	loop_stop(w->cli->loop);
}

static int watch_run(struct watching *w, int64_t seconds)
{
	static const struct client_watch_events events = {
	        .request = watch_request, .item = watch_item, .ended = watch_ended};
	struct cli *cli = w->cli;
	struct loop_signal *interrupt = loop_signal_new(cli->loop, SIGINT, stop, w);
	struct loop_signal *terminate = loop_signal_new(cli->loop, SIGTERM, stop, w);
	struct loop_timer *timer = loop_timer_new(cli->loop, expired, w);
	struct client_watch *watch = client_watch_new(cli->client, METHOD_WATCH, &events, w);

	if (watch == NULL || timer == NULL || interrupt == NULL || terminate == NULL) {
		w->rc = EXIT_SOFTWARE;
	} else {
		if (seconds > 0)
			loop_timer_set(timer, seconds * 1000000);
		(void)loop_run(cli->loop);
	}
	client_watch_free(watch);
	loop_timer_free(timer);
	loop_signal_free(interrupt);
	loop_signal_free(terminate);
	return w->rc;
}

int verb_watch(struct cli *cli, int argc, char **argv)
{
	struct watching w = {.cli = cli, .request = OTKLIK__V1__WATCH_REQUEST__INIT};
	const char *customer = "";
	const char *epoch = "";
	int64_t ticket = 0;
	int64_t after = 0;
	int64_t seconds = 0;
	const struct cli_option options[] = {
	        {"customer", 0, OPTION_TEXT, &customer, "only this one", false, 0, 0},
	        {"ticket", 0, OPTION_NUMBER, &ticket, "only this one", false, 1, INT64_MAX},
	        {"epoch", 0, OPTION_TEXT, &epoch,
	                "resume: the feed epoch of the last line seen", false, 0, 0},
	        {"after", 0, OPTION_NUMBER, &after, "resume: its rev", false, 0, INT64_MAX},
	        {"count", 'n', OPTION_NUMBER, &w.left, "end after so many events", false, 1,
	                INT64_MAX},
	        {"seconds", 0, OPTION_NUMBER, &seconds,
	                "end after so long; exits 75 if --count was not "
	                "reached",
	                false, 1, 86400},
	        {.name = NULL},
	};
	int rc = options_read(cli, "watch", "what happens to tickets, as it happens",
	        "  otklik watch\n"
	        "  otklik watch --customer verf --format json\n"
	        "  otklik watch --epoch 0b0c... --after 1841\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	rc = cli_connect(cli);
	if (rc != 0)
		return rc;
	w.request.customer = (char *)(uintptr_t)customer;
	w.request.ticket_id = ticket;
	w.request.feed_epoch = (char *)(uintptr_t)epoch;
	w.request.after_rev = after;
	return watch_run(&w, seconds);
}
