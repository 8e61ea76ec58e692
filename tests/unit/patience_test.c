/* How long a peer may keep a connection waiting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/patience.h"

#define S(seconds) ((int64_t)((seconds)*1000000.0))

static const struct {
	const char *what;
	struct patience p;
	int64_t at;
	enum patience_verdict verdict;
	const char *why;
} CASES[] = {
        {"handshake, in time", {.state = CONN_HANDSHAKE, .since = S(100)}, S(109.9),
                PATIENCE_WAIT, NULL},
        {"handshake, late", {.state = CONN_HANDSHAKE, .since = S(100)}, S(110), PATIENCE_OVER,
                "TLS handshake took too long"},
        {"Hello, in time", {.state = CONN_HELLO, .since = S(100)}, S(104.9), PATIENCE_WAIT,
                NULL},
        {"Hello, late", {.state = CONN_HELLO, .since = S(100)}, S(105), PATIENCE_OVER,
                "no Hello in time"},
        {"finishing, in time", {.state = CONN_FINISHING, .since = S(100), .finish_us = S(5)},
                S(104), PATIENCE_WAIT, NULL},
        {"finishing, late", {.state = CONN_FINISHING, .since = S(100), .finish_us = S(5)},
                S(105), PATIENCE_OVER, "peer does not take the last frames"},
        {"closed", {.state = CONN_CLOSED}, S(1e9), PATIENCE_WAIT, NULL},
        {"idle, not yet", {.state = CONN_OPEN, .heard_at = S(100)}, S(129), PATIENCE_WAIT,
                NULL},
        {"idle", {.state = CONN_OPEN, .heard_at = S(100)}, S(130), PATIENCE_PING, NULL},
        {"pinged", {.state = CONN_OPEN, .heard_at = S(100), .pinged_at = S(130)}, S(174),
                PATIENCE_WAIT, NULL},
        {"dead", {.state = CONN_OPEN, .heard_at = S(100), .pinged_at = S(130)}, S(175),
                PATIENCE_OVER, "peer is silent"},
        {"answered a ping", {.state = CONN_OPEN, .heard_at = S(131), .pinged_at = S(130)},
                S(160), PATIENCE_WAIT, NULL},
        {"idle again", {.state = CONN_OPEN, .heard_at = S(131), .pinged_at = S(130)}, S(161),
                PATIENCE_PING, NULL},
        {"a frame, trickling", {.state = CONN_OPEN, .heard_at = S(129), .frame_at = S(100)},
                S(129.9), PATIENCE_WAIT, NULL},
        {"a frame, too long", {.state = CONN_OPEN, .heard_at = S(129), .frame_at = S(100)},
                S(130), PATIENCE_OVER, "a frame took too long"},
        {"we do not listen",
                {.state = CONN_OPEN, .heard_at = S(1), .frame_at = S(1), .deaf = true}, S(1000),
                PATIENCE_WAIT, NULL},
        {"it takes nothing",
                {.state = CONN_OPEN, .heard_at = S(129), .sent_at = S(100), .output = true},
                S(130), PATIENCE_OVER, "peer takes no data"},
        {"it takes nothing, while we do not listen",
                {.state = CONN_OPEN, .sent_at = S(100), .output = true, .deaf = true}, S(130),
                PATIENCE_OVER, "peer takes no data"},
        {"it takes something",
                {.state = CONN_OPEN, .heard_at = S(129), .sent_at = S(128), .output = true},
                S(130), PATIENCE_WAIT, NULL},
        {"it takes too little",
                {.state = CONN_OPEN,
                        .sent_at = S(219),
                        .choked_at = S(100),
                        .output = true,
                        .deaf = true},
                S(220), PATIENCE_OVER, "peer takes data too slowly"},
        {"old output, all sent", {.state = CONN_OPEN, .heard_at = S(129), .sent_at = S(1)},
                S(130), PATIENCE_WAIT, NULL},
};

static void patience_ends_when_the_protocol_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		const char *why = NULL;
		enum patience_verdict verdict = patience_judge(&CASES[i].p, CASES[i].at, &why);

		if (verdict != CASES[i].verdict)
			fail_msg("%s: verdict %d", CASES[i].what, (int)verdict);
		if (CASES[i].why != NULL)
			assert_string_equal(why, CASES[i].why);
	}
}

static void nothing_happens_before_it_is_due(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		int64_t due = patience_due(&CASES[i].p, CASES[i].at);
		const char *why;

		if (CASES[i].verdict == PATIENCE_WAIT)
			assert_true(due > CASES[i].at);
		else
			assert_true(due <= CASES[i].at);
		if (due != INT64_MAX && !CASES[i].p.deaf)
			assert_int_equal(
			        patience_judge(&CASES[i].p, due - 1, &why), PATIENCE_WAIT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(patience_ends_when_the_protocol_says),
	        cmocka_unit_test(nothing_happens_before_it_is_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
