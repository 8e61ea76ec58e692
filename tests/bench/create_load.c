/*
 * Keeps a number of CreateTicket calls in flight over one connection for a while, and prints
 * how many were answered and how long they took, as one line of JSON.
 *
 *	create_load PROFILE IN_FLIGHT SECONDS CUSTOMER SITE
 *	create_load PROFILE IN_FLIGHT n10000 CUSTOMER SITE	that many, however long it takes
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "lib/client.h"
#include "lib/profile.h"
#include "otklik/v1/ticket.pb-c.h"

enum { IN_FLIGHT_MAX = 1024, WARM_UP_US = 500000 };

struct slot {
	struct load *load;
	int64_t started;
};

struct load {
	struct client *client;
	struct loop *loop;
	const char *customer;
	const char *site;
	int64_t measure_from;
	int64_t until;
	int64_t left; /* calls still to start */
	unsigned in_flight;
	int64_t *latencies;
	size_t count;
	size_t cap;
	size_t failed;
	struct slot slots[IN_FLIGHT_MAX];
};

static void call(struct slot *slot);

static void latency_add(struct load *load, int64_t us)
{
	if (load->count == load->cap) {
		size_t cap = load->cap == 0 ? 65536 : load->cap * 2;
		int64_t *more = realloc(load->latencies, cap * sizeof *more);

		if (more == NULL)
			exit(70);
		load->latencies = more;
		load->cap = cap;
	}
	load->latencies[load->count++] = us;
}

static void answered(void *arg, const ProtobufCMessage *reply, const struct otk_error *err)
{
	struct slot *slot = arg;
	struct load *load = slot->load;
	int64_t now = clock_monotonic();

	load->in_flight--;
	if (err != NULL || reply == NULL) {
		if (load->failed++ == 0 && err != NULL)
			(void)fprintf(stderr, "create_load: %s\n", err->message);
	} else if (slot->started >= load->measure_from) {
		latency_add(load, now - slot->started);
	}
	if (now < load->until && load->left > 0 && load->failed < 100)
		call(slot);
	else if (load->in_flight == 0)
		loop_stop(load->loop);
}

static void call(struct slot *slot)
{
	Otklik__V1__CreateTicketRequest in = OTKLIK__V1__CREATE_TICKET_REQUEST__INIT;
	struct load *load = slot->load;
	struct otk_error err;

	in.customer = (char *)(uintptr_t)load->customer;
	in.site = (char *)(uintptr_t)load->site;
	in.type = OTKLIK__V1__TICKET_TYPE__TICKET_TYPE_INCIDENT;
	in.title = "The printer on the second floor is silent";
	in.text = "It was switched on and off twice; the display stays dark.";
	in.impact = 2;
	in.urgency = 2;
	in.category = "hardware";
	in.channel = "bench";
	slot->started = clock_monotonic();
	load->left--;
	if (client_start(load->client, METHOD_CREATE_TICKET, &in.base, NULL, answered, slot,
	            &err) == NULL) {
		(void)fprintf(stderr, "create_load: %s\n", err.message);
		exit(70);
	}
	load->in_flight++;
}

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double percentile_ms(const struct load *load, double q)
{
	if (load->count == 0)
		return 0;
	return (double)load->latencies[(size_t)(q * (double)(load->count - 1))] / 1000;
}

int main(int argc, char **argv)
{
	static struct load load;
	struct client_options options;
	struct profile profile;
	struct otk_error err;
	int64_t n;
	int64_t seconds = 3600;
	int64_t start;
	bool counted = argc == 6 && argv[3][0] == 'n';

	load.left = INT64_MAX;
	if (argc != 6 || text_to_i64(argv[2], 1, IN_FLIGHT_MAX, &n) != 0 ||
	        (counted ? text_to_i64(argv[3] + 1, 1, 100000000, &load.left)
	                 : text_to_i64(argv[3], 1, 3600, &seconds)) != 0) {
		(void)fputs(
		        "usage: create_load PROFILE IN_FLIGHT SECONDS CUSTOMER SITE\n", stderr);
		return 64;
	}
	if (profile_load(argv[1], &profile, &err) != 0) {
		(void)fprintf(stderr, "create_load: %s\n", err.message);
		return 78;
	}
	load.loop = loop_new();
	options = profile_options(&profile, "create_load");
	options.fail_fast = true;
	load.client = load.loop == NULL ? NULL : client_new(load.loop, &options, &err);
	if (load.client == NULL)
		return 70;
	load.customer = argv[4];
	load.site = argv[5];
	start = clock_monotonic();
	load.measure_from = start + (counted ? 0 : WARM_UP_US);
	load.until = load.measure_from + seconds * CLOCK_SECOND;
	for (int64_t i = 0; i < n && load.left > 0; i++) {
		load.slots[i].load = &load;
		call(&load.slots[i]);
	}
	(void)loop_run(load.loop);
	if (counted)
		seconds = (clock_monotonic() - start) / CLOCK_SECOND + 1;
	qsort(load.latencies, load.count, sizeof *load.latencies, ascending);
	(void)printf(
	        "{\"creates\": %zu, \"failed\": %zu, \"per_second\": %.1f, \"p50_ms\": %.3f, "
	        "\"p99_ms\": %.3f}\n",
	        load.count, load.failed, (double)load.count / (double)seconds,
	        percentile_ms(&load, 0.50), percentile_ms(&load, 0.99));
	client_free(load.client);
	loop_free(load.loop);
	profile_release(&profile);
	free(load.latencies);
	return load.failed == 0 ? 0 : 1;
}
