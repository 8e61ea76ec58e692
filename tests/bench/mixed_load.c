/*
 * What the others do meanwhile: starts calls at a steady rate over one connection, however long
 * the answers take, four GetTicket for each CreateTicket, until its time is over. Writes a line
 *a call: when it started (seconds since 1970), how long it took (ms), get or create, ok or
 *failed.
 *
 *	mixed_load PROFILE RATE SECONDS CUSTOMER SITE TICKET
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "lib/client.h"
#include "lib/profile.h"
#include "otklik/v1/ticket.pb-c.h"

enum { CREATE_EVERY = 5 };

struct load {
	struct client *client;
	struct loop *loop;
	struct loop_timer *timer;
	const char *customer;
	const char *site;
	int64_t ticket_id;
	int64_t period_us;
	int64_t next; /* monotonic: when the next call is to start */
	int64_t until;
	int64_t since_1970; /* to be added to the monotonic clock */
	uint64_t count;
	unsigned in_flight;
};

struct one {
	struct load *load;
	int64_t started;
	bool creates;
};

static void answered(void *arg, const ProtobufCMessage *reply, const struct otk_error *err)
{
	struct one *one = arg;
	struct load *load = one->load;
	int64_t now = clock_monotonic();

	(void)printf("%.6f %.3f %s %s\n", (double)(one->started + load->since_1970) / 1e6,
	        (double)(now - one->started) / 1e3, one->creates ? "create" : "get",
	        err == NULL && reply != NULL ? "ok" : "failed");
	if (err != NULL)
		(void)fprintf(stderr, "mixed_load: %s\n", err->message);
	free(one);
	if (--load->in_flight == 0 && now >= load->until)
		loop_stop(load->loop);
}

static void call_start(struct load *load)
{
	Otklik__V1__CreateTicketRequest create = OTKLIK__V1__CREATE_TICKET_REQUEST__INIT;
	Otklik__V1__GetTicketRequest get = OTKLIK__V1__GET_TICKET_REQUEST__INIT;
	struct one *one = calloc(1, sizeof *one);
	struct client_call *call;
	struct otk_error err;

	if (one == NULL)
		exit(70);
	one->load = load;
	one->creates = load->count++ % CREATE_EVERY == 0;
	one->started = clock_monotonic();
	create.customer = (char *)(uintptr_t)load->customer;
	create.site = (char *)(uintptr_t)load->site;
	create.type = OTKLIK__V1__TICKET_TYPE__TICKET_TYPE_INCIDENT;
	create.title = "The lamp over the gate is dark";
	create.impact = 2;
	create.urgency = 2;
	get.ticket_id = load->ticket_id;
	call = one->creates ? client_start(load->client, METHOD_CREATE_TICKET, &create.base,
	                              NULL, answered, one, &err)
	                    : client_start(load->client, METHOD_GET_TICKET, &get.base, NULL,
	                              answered, one, &err);
	if (call == NULL) {
		(void)fprintf(stderr, "mixed_load: %s\n", err.message);
		exit(70);
	}
	load->in_flight++;
}

static void tick(void *arg)
{
	struct load *load = arg;
	int64_t now = clock_monotonic();

	while (load->next <= now && load->next < load->until) {
		call_start(load);
		load->next += load->period_us;
	}
	if (load->next < load->until)
		loop_timer_set(load->timer, load->next > now ? load->next - now : 0);
	else if (load->in_flight == 0)
		loop_stop(load->loop);
}

static int64_t real_offset(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * CLOCK_SECOND + now.tv_nsec / 1000 - clock_monotonic();
}

int main(int argc, char **argv)
{
	static struct load load;
	struct client_options options;
	struct profile profile;
	struct otk_error err;
	int64_t rate = 0, seconds = 0;

	if (argc != 7 || text_to_i64(argv[2], 1, 10000, &rate) != 0 ||
	        text_to_i64(argv[3], 1, 3600, &seconds) != 0 ||
	        text_to_i64(argv[6], 1, INT64_MAX, &load.ticket_id) != 0) {
		(void)fputs("usage: mixed_load PROFILE RATE SECONDS CUSTOMER SITE TICKET\n",
		        stderr);
		return 64;
	}
	if (profile_load(argv[1], &profile, &err) != 0) {
		(void)fprintf(stderr, "mixed_load: %s\n", err.message);
		return 78;
	}
	load.loop = loop_new();
	options = profile_options(&profile, "mixed_load");
	load.client = load.loop == NULL ? NULL : client_new(load.loop, &options, &err);
	load.timer = load.loop == NULL ? NULL : loop_timer_new(load.loop, tick, &load);
	if (load.client == NULL || load.timer == NULL)
		return 70;
	load.customer = argv[4];
	load.site = argv[5];
	load.period_us = CLOCK_SECOND / rate;
	load.next = clock_monotonic();
	load.until = load.next + seconds * CLOCK_SECOND;
	load.since_1970 = real_offset();
	loop_timer_set(load.timer, 0);
	(void)loop_run(load.loop);
	client_free(load.client);
	loop_timer_free(load.timer);
	loop_free(load.loop);
	profile_release(&profile);
	return fflush(stdout) == 0 ? 0 : 74;
}
