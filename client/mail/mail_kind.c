/* Person, machine or bounce: by what mail programs say of themselves (RFC 3834, 3464). */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mail/mail_private.h"

enum { WHY_MAX = 200, ADDRESS_MAX = 254 };

static const char *header(const struct reading *r, const char *name)
{
	const char *value = g_mime_object_get_header((GMimeObject *)r->source->message, name);

	return value == NULL ? "" : value;
}

static const char *skip_blank(const char *text)
{
	return text + strspn(text, " \t\r\n");
}

/* Does the field say one of these words? NULL: anything will do. */
static bool says(const char *value, const char *const *words)
{
	value = skip_blank(value);
	if (*value == '\0')
		return false;
	for (; words != NULL && *words != NULL; words++) {
		if (strncasecmp(value, *words, strlen(*words)) == 0)
			return true;
	}
	return words == NULL;
}

static void set(struct reading *r, enum mail_kind kind, const char *name, const char *value)
{
	char why[WHY_MAX];

	(void)snprintf(why, sizeof why, "%s: %s", name, skip_blank(value));
	r->mail->kind = kind;
	r->mail->kind_why = mail_line(r->source->arena, why, WHY_MAX);
}

/* What a robot's letter says of itself. */
static bool is_automatic(struct reading *r)
{
	static const char *const PRECEDENCE[] = {
	        "bulk", "junk", "list", "auto_reply", "auto-reply", NULL};
	static const struct {
		const char *name;
		const char *const *words;
	} FIELDS[] = {{"Precedence", PRECEDENCE}, {"X-Auto-Response-Suppress", NULL},
	        {"X-Autoreply", NULL}, {"X-Autorespond", NULL}, {"X-Mailer-Daemon", NULL},
	        {"List-Id", NULL}, {"X-Loop", NULL}};
	const char *submitted = skip_blank(header(r, "Auto-Submitted"));

	if (*submitted != '\0' && strncasecmp(submitted, "no", 2) != 0) {
		set(r, MAIL_AUTOMATIC, "Auto-Submitted", submitted);
		return true;
	}
	for (size_t i = 0; i < sizeof FIELDS / sizeof FIELDS[0]; i++) {
		const char *value = header(r, FIELDS[i].name);

		if (says(value, FIELDS[i].words)) {
			set(r, MAIL_AUTOMATIC, FIELDS[i].name, value);
			return true;
		}
	}
	return false;
}

static bool is_daemon(const char *address)
{
	static const char *const NAMES[] = {"mailer-daemon@", "postmaster@", NULL};

	return says(address, NAMES) || strcasecmp(address, "mailer-daemon") == 0;
}

void mail_kind_judge(struct reading *r)
{
	const char *path = skip_blank(header(r, "Return-Path"));
	const char *failed = header(r, "X-Failed-Recipients");
	struct mail *mail = r->mail;

	mail->kind = MAIL_PERSON;
	mail->kind_why = "";
	if (says(failed, NULL) && *mail->bounced_recipient == '\0')
		mail->bounced_recipient = mail_line(r->source->arena, failed, ADDRESS_MAX);
	if (r->report != NULL && strcasecmp(r->report, "delivery-status") == 0 &&
	        *mail->bounced_status == '5') {
		set(r, MAIL_BOUNCE, "delivery report", mail->bounced_status);
	} else if (r->report != NULL) {
		set(r, MAIL_AUTOMATIC, "report", r->report);
	} else if (says(failed, NULL)) {
		set(r, MAIL_BOUNCE, "X-Failed-Recipients", failed);
		mail_returned_read(r, buf_text(&r->text));
	} else if (is_daemon(mail->from)) {
		set(r, MAIL_AUTOMATIC, "From", mail->from);
	} else if (strncmp(path, "<>", 2) == 0) {
		set(r, MAIL_AUTOMATIC, "Return-Path", path);
	} else {
		(void)is_automatic(r);
	}
}

/* ---- what came back -------------------------------------------------------------------- */

/* The value of a field at the start of a line, its first line only; "" for none. */
static const char *field(struct arena *arena, const char *text, const char *name, size_t max)
{
	size_t n = strlen(name);
	char value[1024];

	for (const char *line = text; *line != '\0';
	        line += strcspn(line, "\n"), line += *line == '\n') {
		if (strncasecmp(line, name, n) != 0 || line[n] != ':')
			continue;
		(void)snprintf(value, sizeof value, "%.*s", (int)strcspn(line + n + 1, "\n"),
		        line + n + 1);
		return mail_line(arena, value, max);
	}
	return "";
}

/* "rfc822; anna@example.org": what stands behind the kind. */
static const char *typed(const char *value)
{
	const char *behind = strchr(value, ';');

	return skip_blank(behind == NULL ? value : behind + 1);
}

void mail_status_read(struct reading *r, const char *text)
{
	struct arena *arena = r->source->arena;
	const char *action = field(arena, text, "Action", 40);

	/* delayed, relayed, delivered: nothing has failed */
	if (strncasecmp(action, "failed", 6) != 0)
		return;
	r->mail->bounced_recipient = mail_line(arena,
	        typed(field(arena, text, "Final-Recipient", ADDRESS_MAX + 20)), ADDRESS_MAX);
	r->mail->bounced_status = field(arena, text, "Status", 20);
	r->mail->bounced_why = typed(field(arena, text, "Diagnostic-Code", 400));
	if (r->mail->bounced_status[0] != '5')
		r->mail->bounced_status = "5.0.0";
}

void mail_returned_read(struct reading *r, const char *text)
{
	char *id = (char *)(uintptr_t)field(r->source->arena, text, "Message-ID", 400);

	if (*id == '<')
		id++;
	if (strchr(id, '>') != NULL)
		*strchr(id, '>') = '\0';
	if (*r->mail->bounced_id == '\0')
		r->mail->bounced_id = id;
}
