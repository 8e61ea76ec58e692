/* otklik watch: the feed as it happens, a line an event; survives lost connections. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/clean.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/ticket_print.h"
#include "cli/verbs.h"
#include "otklik/v1/server.pb-c.h"
#include "otklik/v1/watch.pb-c.h"

struct watching {
	struct cli *cli;
	Otklik__V1__WatchRequest request;
	char epoch[64];
	struct table *table; /* CSV */
	int64_t left;        /* items until the end; 0: endless */
	bool began;
	bool away;
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
	(void)fputs(color, stdout);
	clean_printf(stdout, "%s  #%lld %-16s %-10s %s%s%s  %s",
	        table_time_text(e->occurred_at_us, time), (long long)e->ticket_id, kind,
	        e->actor[0] != '\0' ? e->actor : "otklik", event_words(e, words),
	        e->text[0] != '\0' ? ": " : "", e->text, item->title);
	(void)printf("%s\n", color[0] != '\0' ? "\033[0m" : "");
}

/* The same for spreadsheets, with the token that resumes after it. */
static void row_print(struct watching *w, const Otklik__V1__WatchResponse *item)
{
	const Otklik__V1__TicketEvent *e = item->event;
	struct table *t = w->table;
	char kind[64];
	char words[EVENT_WORDS_SIZE];

	json_enum_word(&otklik__v1__event_kind__descriptor, (int)e->kind, kind, sizeof kind);
	table_row(t);
	table_text(t, item->feed_epoch);
	table_number(t, item->rev);
	table_time(t, e->occurred_at_us);
	table_number(t, e->ticket_id);
	table_number(t, e->seq);
	table_text(t, kind);
	table_text(t, e->actor[0] != '\0' ? e->actor : "otklik");
	table_text(t, event_words(e, words));
	table_text(t, e->text);
	table_text(t, item->title);
	(void)table_flush(t, stdout);
}

static struct table *rows_new(const struct cli *cli)
{
	static const char *const NAMES[] = {"feed_epoch", "rev", "at", "ticket", "seq", "what",
	        "actor", "detail", "text", "title"};
	struct table *t = table_new(cli);

	for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
		table_column(t, NAMES[i], 0);
	(void)table_flush(t, stdout);
	return t;
}

static void item_print(struct watching *w, const Otklik__V1__WatchResponse *item)
{
	switch (w->cli->format) {
	case FORMAT_JSON:
		(void)json_put(json_of_message(&item->base), false, stdout);
		(void)fputc('\n', stdout);
		return;
	case FORMAT_CSV:
		row_print(w, item);
		return;
	case FORMAT_TABLE:
		line_print(w, item);
		return;
	}
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
		item_print(w, item);
		if (w->left > 0 && --w->left == 0)
			loop_stop(w->cli->loop);
	} else if (!w->began) {
		clean_printf(stderr, "watching from --epoch %s --after %lld", item->feed_epoch,
		        (long long)item->rev);
		(void)fputc('\n', stderr);
	}
	w->began = true;
	if (output_check(stdout) != 0) {
		w->rc = EXIT_IO;
		loop_stop(w->cli->loop);
	}
}

/* A lost connection is taken up again for ever: whoever watches is told that it is away. */
static void state_changed(void *arg, enum client_state state, const struct otk_error *err)
{
	struct watching *w = arg;

	if (state == CLIENT_READY && w->away)
		(void)fputs("otklik: connected again\n", stderr);
	if (state == CLIENT_OFFLINE && err != NULL && !w->away) {
		clean_printf(stderr, "otklik: %s; trying again until it answers", err->message);
		(void)fputc('\n', stderr);
	}
	w->away = state == CLIENT_READY ? false : w->away || err != NULL;
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
		client_on_state(cli->client, state_changed, w);
		if (seconds > 0)
			loop_timer_set(timer, seconds * 1000000);
		(void)loop_run(cli->loop);
	}
	client_on_state(cli->client, NULL, NULL);
	client_watch_free(watch);
	if (w->began && w->rc != EXIT_IO) {
		clean_printf(stderr, "to go on from here: --epoch %s --after %lld", w->epoch,
		        (long long)w->request.after_rev);
		(void)fputc('\n', stderr);
	}
	loop_timer_free(timer);
	loop_signal_free(interrupt);
	loop_signal_free(terminate);
	return w->rc;
}

int verb_watch(struct cli *cli, int argc, char **argv)
{
	struct watching w = {.cli = cli, .request = OTKLIK__V1__WATCH_REQUEST__INIT};
	Otklik__V1__WhoAmIRequest who = OTKLIK__V1__WHO_AM_IREQUEST__INIT;
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
	        "  otklik watch --customer verf --format json     one object a line\n"
	        "  otklik watch --ticket 1042 --count 1 --seconds 60\n"
	        "  otklik watch --epoch 0b0c... --after 1841\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	/* A first call, so that a server that is away or refuses is told at once. */
	rc = cli_call(cli, METHOD_WHO_AM_I, &who.base, NULL);
	if (rc != 0)
		return rc;
	w.request.customer = (char *)(uintptr_t)customer;
	w.request.ticket_id = ticket;
	w.request.feed_epoch = (char *)(uintptr_t)epoch;
	w.request.after_rev = after;
	if (cli->format == FORMAT_CSV)
		w.table = rows_new(cli);
	rc = watch_run(&w, seconds);
	table_free(w.table);
	return rc;
}
