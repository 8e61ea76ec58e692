/* Reports as protobuf messages: what the queue stores and the server reads. */
#ifndef OTKLIK_AGENT_REPORT_H
#define OTKLIK_AGENT_REPORT_H

#include "agent/check_file.h"
#include "agent/check_run.h"
#include "agent/queue.h"
#include "base/buf.h"
#include "otklik/v1/agent.pb-c.h"

/* Identity of the present boot of this machine; nil where the system does not tell. */
struct uuid report_boot(void);

/*
 * Each packs one report into `out` (appended) and fills the entry: severity, times, boot, and
 * payload pointing into `out`. `now` is the wall clock. 0, or a negative status.
 */
int report_check(const struct check_spec *spec, const struct queue_check *check,
        const struct check_output *output, enum queue_severity severity, int64_t now,
        struct buf *out, struct queue_entry *entry);
int report_refused(const struct queue_refusal *refusal, int64_t now, struct buf *out,
        struct queue_entry *entry);
int report_gap(
        const struct queue_gap *gap, int64_t now, struct buf *out, struct queue_entry *entry);
int report_started(const char *agent, int64_t now, struct buf *out, struct queue_entry *entry);

/*
 * A person's report: checks that it has a title and that everything is in bounds (err names
 * the field), stamps it and packs it.
 */
int report_person(const Otklik__V1__Report *given, int64_t now, struct buf *out,
        struct queue_entry *entry, struct otk_error *err);

#endif
