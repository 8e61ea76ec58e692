/* `otklik-agent report` and `status`: by the daemon, or straight at the queue without it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/daemon.h"
#include "agent/local.h"
#include "agent/queue.h"
#include "agent/report.h"
#include "agent/status_local.h"
#include "agent/verbs.h"
#include "base/buf.h"
#include "base/text.h"
#include "base/time_text.h"
#include "wire/limits.h"

enum { LOCAL_TIMEOUT_MS = 15000 };

/* The same path as in the daemon: check, pack, write, sync. */
static int report_direct(const struct settings *settings, const Otklik__V1__Report *report,
        int64_t *seq, struct otk_error *err)
{
	struct otk_clock *clock = settings_clock(settings, err);
	struct queue *queue = NULL;
	struct queue_entry entry;
	struct buf packed = {0};
	int64_t now;
	int rc;

	if (clock == NULL)
		return -OTK_FAILED_PRECONDITION;
	now = clock_now(clock);
	rc = report_person(report, now, &packed, &entry, err);
	if (rc == 0)
		rc = daemon_queue_open(settings, false, now, &queue, err);
	if (rc == 0)
		rc = queue_put(queue, &entry, NULL, now, seq, err);
	queue_close(queue);
	buf_free(&packed);
	clock_free(clock);
	return rc;
}

static int report_send(
        const struct settings *settings, Otklik__V1__Report *report, struct otk_error *err)
{
	Otklik__V1__AgentLocalRequest request = OTKLIK__V1__AGENT_LOCAL_REQUEST__INIT;
	Otklik__V1__AgentLocalResponse *response = NULL;
	struct arena *arena = arena_new(WIRE_DECODE_BUDGET);
	int64_t seq = 0;
	int rc;

	if (arena == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory");
	request.report = report;
	rc = local_call(settings->socket, &request, LOCAL_TIMEOUT_MS, arena, &response, err);
	if (rc == 0)
		seq = (int64_t)response->seq;
	else if (rc == -OTK_UNAVAILABLE && strcmp(err->reason, "NO_DAEMON") == 0)
		rc = report_direct(settings, report, &seq, err);
	if (rc == 0)
		(void)printf("ok %lld\n", (long long)seq);
	arena_free(arena);
	return rc;
}

/* Standard input, for `--text -`. */
static char *text_from_stdin(struct buf *text)
{
	char chunk[4096];
	size_t n;

	while ((n = fread(chunk, 1, sizeof chunk, stdin)) > 0 && text->len < LOCAL_REQUEST_MAX)
		(void)buf_append(text, chunk, n);
	return (char *)(uintptr_t)buf_text(text);
}

static int level_option(const char *name, const char *text, uint32_t *out)
{
	int64_t value;

	if (text == NULL)
		return 0;
	if (text_to_i64(text, 1, 3, &value) != 0) {
		(void)fprintf(
		        stderr, "otklik-agent report: --%s must be 1 (greatest) to 3\n", name);
		return EX_USAGE;
	}
	*out = (uint32_t)value;
	return 0;
}

static char *option_text(const char *value)
{
	static char empty[] = "";

	return value == NULL ? empty : (char *)(uintptr_t)value;
}

int verb_report(int argc, char **argv)
{
	static const char HELP[] =
	        "usage: otklik-agent report --title TEXT [options]\n\n"
	        "  --title TEXT      what is wrong, in a few words\n"
	        "  --text TEXT       the whole story; - reads standard input\n"
	        "  --impact N        1 (greatest) to 3\n"
	        "  --urgency N       1 (greatest) to 3\n"
	        "  --service CODE    the service concerned\n"
	        "  --category CODE   its category\n"
	        "  --requester CODE  the person who asks\n"
	        "  --request         a service request, not an incident\n"
	        "  --config FILE     settings (default " SETTINGS_PATH ")\n\n"
	        "Prints `ok NUMBER` once the report is safe on this machine's disk; it reaches "
	        "the\n"
	        "service desk as soon as the line allows, exactly once. Works without the "
	        "daemon\n"
	        "too. Exit codes: 0 taken, 64 wrong usage, 75 not taken (or not known): try "
	        "again.\n\n"
	        "examples: otklik-agent report --title 'Label printer 3 jams' --impact 3 "
	        "--urgency 2\n"
	        "          dmesg | tail | otklik-agent report --title 'Disk errors' --text -\n";
	const char *title = NULL, *text = NULL, *impact = NULL, *urgency = NULL,
	           *service = NULL;
	const char *category = NULL, *requester = NULL, *request = NULL;
	const struct verb_option options[] = {
	        {"title", &title, false},
	        {"text", &text, false},
	        {"impact", &impact, false},
	        {"urgency", &urgency, false},
	        {"service", &service, false},
	        {"category", &category, false},
	        {"requester", &requester, false},
	        {"request", &request, true},
	};
	Otklik__V1__Report report = OTKLIK__V1__REPORT__INIT;
	struct settings settings;
	struct otk_error err = {0};
	struct buf input = {0};
	const char *config;
	char **operands;
	int code = verb_options(argc, argv, options, sizeof options / sizeof options[0], HELP,
	        &config, &operands);

	if (code >= 0)
		return code;
	if (title == NULL || *operands != NULL) {
		(void)fputs("otklik-agent report: give --title TEXT (and nothing without an "
		            "option)\n",
		        stderr);
		return EX_USAGE;
	}
	code = level_option("impact", impact, &report.impact);
	if (code == 0)
		code = level_option("urgency", urgency, &report.urgency);
	if (code != 0)
		return code;
	if (settings_load(config, &settings, &err) != 0)
		return verb_fail(&err);
	report.kind = OTKLIK__V1__REPORT_KIND__REPORT_KIND_PERSON;
	report.title = option_text(title);
	report.text = text != NULL && strcmp(text, "-") == 0 ? text_from_stdin(&input)
	                                                     : option_text(text);
	report.service = option_text(service);
	report.category = option_text(category);
	report.requester = option_text(requester);
	if (request != NULL)
		report.type = OTKLIK__V1__TICKET_TYPE__TICKET_TYPE_SERVICE_REQUEST;
	if (report_send(&settings, &report, &err) != 0)
		code = verb_fail(&err);
	buf_free(&input);
	settings_release(&settings);
	return code;
}

static void status_print(const Otklik__V1__AgentStatus *status, bool daemon)
{
	static const char *const STATES[] = {"-", "OK", "WARNING", "CRITICAL", "UNKNOWN"};
	char text[TIME_TEXT_SIZE];
	char epoch[UUID_TEXT_SIZE] = "-";

	if (status->queue_epoch.len == 16) {
		struct uuid id;

		memcpy(id.bytes, status->queue_epoch.data, sizeof id.bytes);
		(void)uuid_format(&id, epoch);
	}
	(void)printf("agent      %s\ndaemon     %s\nserver     %s%s%s\n", status->agent,
	        daemon ? "running" : "not running",
	        status->connected ? "connected" : "not connected",
	        status->last_error[0] != '\0' ? ": " : "", status->last_error);
	(void)printf("queue      %llu waiting of %llu ever, epoch %s\n",
	        (unsigned long long)(status->head - status->mark),
	        (unsigned long long)status->head, epoch);
	if (status->oldest_waiting_us > 0)
		(void)printf("oldest     waits since %s\n",
		        time_format_utc(status->oldest_waiting_us, text));
	(void)printf("space      %llu of %llu KiB\n",
	        (unsigned long long)status->used_bytes / 1024,
	        (unsigned long long)status->cap_bytes / 1024);
	if (status->certificate_until_us > 0)
		(void)printf("cert       good until %s\n",
		        time_format_utc(status->certificate_until_us, text));
	if (status->refused > 0)
		(void)printf("refused    %llu reports at the cap\n",
		        (unsigned long long)status->refused);
	for (size_t i = 0; i < status->n_checks; i++) {
		const Otklik__V1__AgentCheckStatus *check = status->checks[i];
		unsigned state = (unsigned)check->state < 5 ? (unsigned)check->state : 0;

		(void)printf("check      %s/%s %s %s%u%s %s\n", check->host, check->name,
		        STATES[state], check->hard ? "hard " : "soft ", check->attempt,
		        check->flapping ? " flapping" : "", check->output);
	}
}

/* Without the daemon: what the queue's file says. */
static int status_direct(const struct settings *settings, struct arena *arena,
        Otklik__V1__AgentStatus **out, struct otk_error *err)
{
	struct otk_clock *clock = settings_clock(settings, err);
	struct queue *queue = NULL;
	struct queue_state state;
	int rc;

	if (clock == NULL)
		return -OTK_FAILED_PRECONDITION;
	rc = daemon_queue_open(settings, false, clock_now(clock), &queue, err);
	if (rc == 0)
		rc = queue_look(queue, &state, err);
	if (rc == 0)
		*out = status_local(&state, arena);
	queue_close(queue);
	clock_free(clock);
	return rc == 0 && *out == NULL
	               ? error_set(err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory")
	               : rc;
}

int verb_status(int argc, char **argv)
{
	static const char HELP[] =
	        "usage: otklik-agent status [--config FILE]\n\n"
	        "Shows the queue, the connection and every check. Exit code 0 when the daemon\n"
	        "runs, 69 when only the queue could be read.\n\n"
	        "example: otklik-agent status\n";
	Otklik__V1__AgentLocalRequest request = OTKLIK__V1__AGENT_LOCAL_REQUEST__INIT;
	Otklik__V1__AgentLocalResponse *response = NULL;
	Otklik__V1__AgentStatus *status = NULL;
	struct settings settings;
	struct otk_error err = {0};
	struct arena *arena;
	const char *config;
	char **operands;
	int code = verb_options(argc, argv, NULL, 0, HELP, &config, &operands);
	int rc;

	if (code >= 0)
		return code;
	if (*operands != NULL) {
		(void)fputs("otklik-agent status: takes no operands\n", stderr);
		return EX_USAGE;
	}
	if (settings_load(config, &settings, &err) != 0)
		return verb_fail(&err);
	arena = arena_new(WIRE_DECODE_BUDGET);
	request.status = true;
	rc = arena == NULL ? error_set(&err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory")
	                   : local_call(settings.socket, &request, LOCAL_TIMEOUT_MS, arena,
	                             &response, &err);
	code = 0;
	if (rc == 0) {
		status = response->status;
	} else if (rc == -OTK_UNAVAILABLE && arena != NULL) {
		rc = status_direct(&settings, arena, &status, &err);
		code = EX_UNAVAILABLE;
	}
	if (rc != 0)
		code = verb_fail(&err);
	else if (status != NULL)
		status_print(status, code == 0);
	arena_free(arena);
	settings_release(&settings);
	return code;
}
