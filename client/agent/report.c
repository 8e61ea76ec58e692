/* Reports. */
#include "agent/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

enum { TITLE_MAX = 200, TEXT_MAX = 16 * 1024, CODE_MAX = 127 };

static char EMPTY[] = "";

struct uuid report_boot(void)
{
	struct uuid boot = {{0}};
	char text[64] = "";
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (file != NULL) {
		if (fgets(text, sizeof text, file) != NULL)
			text[strcspn(text, "\n")] = '\0';
		(void)fclose(file);
	}
	if (uuid_parse(text, &boot) != 0)
		memset(&boot, 0, sizeof boot);
	return boot;
}

/* Stamps and packs. The age is filled in when the report is sent. */
static int report_pack(Otklik__V1__Report *report, enum queue_severity severity, int64_t now,
        struct buf *out, struct queue_entry *entry)
{
	char boot_text[UUID_TEXT_SIZE];
	struct uuid boot = report_boot();
	size_t from = out->len;
	size_t size;
	uint8_t *packed;
	int rc;

	report->occurred_at_us = now;
	report->age_us = 0;
	report->boot_id = (char *)(uintptr_t)uuid_format(&boot, boot_text);
	size = otklik__v1__report__get_packed_size(report);
	packed = malloc(size + 1);
	if (packed == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	(void)otklik__v1__report__pack(report, packed);
	rc = buf_append(out, packed, size);
	free(packed);
	if (rc != 0)
		return rc;
	*entry = (struct queue_entry){
	        .severity = severity,
	        .queued_at = now,
	        .mono_at = clock_monotonic(),
	        .boot = boot,
	        .payload = out->data + from,
	        .size = size,
	};
	return 0;
}

int report_check(const struct check_spec *spec, const struct queue_check *check,
        const struct check_output *output, enum queue_severity severity, int64_t now,
        struct buf *out, struct queue_entry *entry)
{
	Otklik__V1__Report report = OTKLIK__V1__REPORT__INIT;

	report.kind = OTKLIK__V1__REPORT_KIND__REPORT_KIND_CHECK;
	report.host = spec->host;
	report.check = spec->name;
	report.state = (Otklik__V1__CheckState)(check->reported_state + 1);
	report.counter = check->counter;
	report.output = (char *)(uintptr_t)output->text;
	report.perfdata = (char *)(uintptr_t)output->perfdata;
	report.attempt = check->life.attempt;
	report.flapping = check->life.flapping;
	report.impact = spec->impact;
	report.urgency = spec->urgency;
	report.service = spec->service;
	report.category = spec->category;
	return report_pack(&report, severity, now, out, entry);
}

int report_refused(const struct queue_refusal *refusal, int64_t now, struct buf *out,
        struct queue_entry *entry)
{
	Otklik__V1__Report report = OTKLIK__V1__REPORT__INIT;

	report.kind = OTKLIK__V1__REPORT_KIND__REPORT_KIND_REFUSED;
	report.refused = (uint64_t)refusal->count;
	report.refused_from_us = refusal->from_at;
	report.refused_to_us = refusal->to_at;
	return report_pack(&report, QUEUE_HIGH, now, out, entry);
}

int report_gap(
        const struct queue_gap *gap, int64_t now, struct buf *out, struct queue_entry *entry)
{
	Otklik__V1__Report report = OTKLIK__V1__REPORT__INIT;
	char text[320];
	char epoch[UUID_TEXT_SIZE];

	report.kind = OTKLIK__V1__REPORT_KIND__REPORT_KIND_REFUSED;
	if (gap->to_seq > 0)
		report.refused = (uint64_t)(gap->to_seq - gap->from_seq + 1);
	report.refused_from_us = gap->noted_at;
	report.refused_to_us = gap->noted_at;
	(void)snprintf(text, sizeof text, "queue gap: %s (epoch %s, reports %lld to %lld)",
	        gap->reason, uuid_format(&gap->epoch, epoch), (long long)gap->from_seq,
	        (long long)gap->to_seq);
	report.text = text;
	return report_pack(&report, QUEUE_HIGH, now, out, entry);
}

int report_started(const char *agent, int64_t now, struct buf *out, struct queue_entry *entry)
{
	Otklik__V1__Report report = OTKLIK__V1__REPORT__INIT;
	char text[256];

	report.kind = OTKLIK__V1__REPORT_KIND__REPORT_KIND_STARTED;
	(void)snprintf(text, sizeof text, "otklik-agent/%s %s", OTKLIK_VERSION, agent);
	report.text = text;
	return report_pack(&report, QUEUE_LOW, now, out, entry);
}

static void field_check(const char *field, const char *value, size_t max, struct otk_error *err)
{
	size_t length = strlen(value);

	if (length > max)
		(void)error_field(
		        err, field, "has %zu bytes; at most %zu are taken", length, max);
	else if (!text_is_utf8(value, length))
		(void)error_field(err, field, "must be UTF-8");
}

static bool level_is_right(uint32_t level)
{
	return level <= 3; /* 0: the server's default */
}

int report_person(const Otklik__V1__Report *given, int64_t now, struct buf *out,
        struct queue_entry *entry, struct otk_error *err)
{
	Otklik__V1__Report report = OTKLIK__V1__REPORT__INIT;
	enum queue_severity severity = QUEUE_NORMAL;

	error_clear(err);
	if (given->title[strspn(given->title, " \t\n")] == '\0')
		(void)error_field(err, "title", "must say in a few words what is wrong");
	field_check("title", given->title, TITLE_MAX, err);
	field_check("text", given->text, TEXT_MAX, err);
	field_check("service", given->service, CODE_MAX, err);
	field_check("category", given->category, CODE_MAX, err);
	field_check("requester", given->requester, CODE_MAX, err);
	if (!level_is_right(given->impact))
		(void)error_field(err, "impact", "must be 1 (greatest) to 3");
	if (!level_is_right(given->urgency))
		(void)error_field(err, "urgency", "must be 1 (greatest) to 3");
	if (err->code != OTK_OK)
		return -(int)err->code;
	report.kind = OTKLIK__V1__REPORT_KIND__REPORT_KIND_PERSON;
	report.title = given->title;
	report.text = given->text != NULL ? given->text : EMPTY;
	report.impact = given->impact;
	report.urgency = given->urgency;
	report.service = given->service;
	report.category = given->category;
	report.requester = given->requester;
	report.type = given->type;
	if (given->impact == 1 || given->urgency == 1)
		severity = QUEUE_HIGH;
	return report_pack(&report, severity, now, out, entry);
}
