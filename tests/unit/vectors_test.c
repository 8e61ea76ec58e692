/*
 * The hex vectors of proto/README.md: each is made here and must stand there as
 * `name: hex`; a vector that is missing or differs is printed as it should be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "wire/decode.h"
#include "wire/frame.h"
#include "wire/limits.h"
#include "wire/methods.h"
#include "wire/schema.h"

static const uint8_t KEY[FRAME_KEY_SIZE] = {0x6f, 0x9c, 0x1f, 0x0a, 0x3b, 0x5d, 0x4e, 0x21,
        0x8a, 0x44, 0x0d, 0x5e, 0x11, 0xc2, 0x77, 0x01};

struct vectors {
	char *readme;
	int failures;
};

static void check(struct vectors *vectors, const char *name, const struct frame_header *header,
        const ProtobufCMessage *message)
{
	uint8_t bytes[1024];
	struct buf line = {0};
	size_t size;

	assert_true(frame_size(message) <= sizeof bytes);
	size = frame_pack(header, message, bytes);
	assert_int_equal(buf_printf(&line, "\n%s: ", name), 0);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(buf_printf(&line, "%02x", bytes[i]), 0);
	assert_int_equal(buf_puts(&line, "\n"), 0);
	if (strstr(vectors->readme, line.data) == NULL) {
		print_message("proto/README.md should have:%s", line.data);
		vectors->failures++;
	}
	if (message != NULL) {
		struct otk_error err;

		assert_int_equal(decode_check(message->descriptor, bytes + FRAME_HEADER_SIZE,
		                         size - FRAME_HEADER_SIZE, &err),
		        0);
	}
	buf_free(&line);
}

static void greetings(struct vectors *v)
{
	Otklik__V1__Hello hello = OTKLIK__V1__HELLO__INIT;
	Otklik__V1__Limits limits = OTKLIK__V1__LIMITS__INIT;
	Otklik__V1__GoAway goaway = OTKLIK__V1__GO_AWAY__INIT;

	hello.version_min = hello.version_max = 1;
	hello.limits = &limits;
	hello.build = "otklik/0.1.0";
	limits.frame_bytes = WIRE_PAYLOAD_MAX;
	check(v, "hello-client", &(struct frame_header){.type = FRAME_HELLO}, &hello.base);
	hello.build = "otklikd/0.1.0";
	hello.server_time_us = 1774000000000000;
	hello.principal = "otklik://example/person/anna";
	hello.version = 1;
	limits.in_flight = WIRE_IN_FLIGHT_MAX;
	limits.timeout_ms = WIRE_DEADLINE_MAX_MS;
	limits.ping_after_ms = WIRE_PING_IDLE_MS;
	check(v, "hello-server", &(struct frame_header){.type = FRAME_HELLO}, &hello.base);
	goaway.reason = "SHUTTING_DOWN";
	goaway.message = "the server is being restarted";
	goaway.retry_after_ms = 500;
	check(v, "goaway", &(struct frame_header){.type = FRAME_GOAWAY}, &goaway.base);
}

static void calls(struct vectors *v)
{
	Otklik__V1__GetTicketRequest get = OTKLIK__V1__GET_TICKET_REQUEST__INIT;
	Otklik__V1__GetTicketResponse got = OTKLIK__V1__GET_TICKET_RESPONSE__INIT;
	Otklik__V1__Ticket ticket = OTKLIK__V1__TICKET__INIT;
	Otklik__V1__CreateTicketRequest create = OTKLIK__V1__CREATE_TICKET_REQUEST__INIT;
	struct frame_header header = {
	        .type = FRAME_REQUEST, .method = METHOD_GET_TICKET, .request_id = 1};

	get.ticket_id = 4711;
	check(v, "request-get-ticket", &header, &get.base);
	ticket.id = 4711;
	ticket.version = 3;
	ticket.customer = "acme";
	ticket.type = OTKLIK__V1__TICKET_TYPE__TICKET_TYPE_INCIDENT;
	ticket.state = OTKLIK__V1__TICKET_STATE__TICKET_STATE_NEW;
	ticket.title = "принтер";
	got.ticket = &ticket;
	check(v, "response-get-ticket",
	        &(struct frame_header){.type = FRAME_RESPONSE, .request_id = 1}, &got.base);
	create.customer = "acme";
	create.type = OTKLIK__V1__TICKET_TYPE__TICKET_TYPE_INCIDENT;
	create.title = "принтер";
	create.impact = 2;
	create.urgency = 3;
	header = (struct frame_header){.type = FRAME_REQUEST,
	        .method = METHOD_CREATE_TICKET,
	        .request_id = 2,
	        .deadline_ms = 5000};
	memcpy(header.key, KEY, sizeof KEY);
	check(v, "request-create-ticket", &header, &create.base);
}

static void answers_and_flow(struct vectors *v)
{
	Otklik__V1__Status status = OTKLIK__V1__STATUS__INIT;
	Otklik__V1__FieldViolation violation = OTKLIK__V1__FIELD_VIOLATION__INIT;
	Otklik__V1__FieldViolation *violations[] = {&violation};
	Otklik__V1__WatchRequest watch = OTKLIK__V1__WATCH_REQUEST__INIT;
	Otklik__V1__WatchResponse item = OTKLIK__V1__WATCH_RESPONSE__INIT;
	Otklik__V1__Credit credit = OTKLIK__V1__CREDIT__INIT;

	violation.field = "title";
	violation.description = "must not be empty";
	status.code = OTK_INVALID_ARGUMENT;
	status.reason = "INVALID_FIELD";
	status.message = "title: must not be empty";
	status.violations = violations;
	status.n_violations = 1;
	check(v, "status-error", &(struct frame_header){.type = FRAME_STATUS, .request_id = 2},
	        &status.base);
	otklik__v1__status__init(&status);
	check(v, "status-end-of-stream",
	        &(struct frame_header){.type = FRAME_STATUS, .request_id = 3}, &status.base);
	watch.customer = "acme";
	check(v, "request-watch",
	        &(struct frame_header){
	                .type = FRAME_REQUEST, .method = METHOD_WATCH, .request_id = 3},
	        &watch.base);
	item.feed_epoch = "e1";
	item.rev = 42;
	check(v, "item", &(struct frame_header){.type = FRAME_ITEM, .request_id = 3},
	        &item.base);
	credit.items = 32;
	check(v, "credit", &(struct frame_header){.type = FRAME_CREDIT, .request_id = 3},
	        &credit.base);
	check(v, "cancel", &(struct frame_header){.type = FRAME_CANCEL, .request_id = 3}, NULL);
	check(v, "ping", &(struct frame_header){.type = FRAME_PING, .request_id = 7}, NULL);
	check(v, "pong", &(struct frame_header){.type = FRAME_PONG, .request_id = 7}, NULL);
}

static void the_specification_shows_what_the_code_does(void **state)
{
	struct vectors vectors = {0};
	FILE *file = fopen(OTKLIK_SOURCE_DIR "/proto/README.md", "r");
	struct buf text = {0};
	char line[4096];

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof line, file) != NULL)
		assert_int_equal(buf_puts(&text, line), 0);
	(void)fclose(file);
	vectors.readme = text.data;
	greetings(&vectors);
	calls(&vectors);
	answers_and_flow(&vectors);
	buf_free(&text);
	assert_int_equal(vectors.failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_specification_shows_what_the_code_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
