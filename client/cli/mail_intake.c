/*
 * otklik mail-intake: an MTA's pipe. Its exit code tells the MTA what to do with the message,
 * so a fault that is not the message's own is always EX_TEMPFAIL: nobody's letter goes back
 * because our server was away or our configuration wrong.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/clean.h"
#include "cli/content.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "mail/mail.h"
#include "otklik/v1/mail.pb-c.h"

enum { ROUNDS_MAX = 5, MEGABYTES_DEFAULT = 25, MEGABYTES_MAX = 200 };

/* ---- exit codes ------------------------------------------------------------------------ */

/* The message itself is at fault, and trying again would not help. */
static bool is_refusal(const struct otk_error *err)
{
	static const char *const REASONS[] = {
	        "UNKNOWN_SENDER", "AMBIGUOUS_SENDER", "UNVERIFIED_SENDER"};

	for (size_t i = 0; i < sizeof REASONS / sizeof REASONS[0]; i++) {
		if (strcmp(err->reason, REASONS[i]) == 0)
			return true;
	}
	return false;
}

static int exit_of(const struct otk_error *err)
{
	if (err->code == OTK_PERMISSION_DENIED)
		return is_refusal(err) ? EX_NOPERM : EX_TEMPFAIL;
	if (err->code == OTK_INVALID_ARGUMENT || err->code == OTK_OUT_OF_RANGE)
		return EX_DATAERR;
	return EX_TEMPFAIL;
}

/* One line: an MTA puts what is printed into its log and into the letter that goes back. */
static int fail(const struct otk_error *err)
{
	clean_printf(stderr, "otklik mail-intake: %s",
	        err->message[0] != '\0' ? err->message : status_name(err->code));
	if (err->violation_count > 0)
		clean_printf(stderr, " (%s: %s)", err->violations[0].field,
		        err->violations[0].description);
	(void)fputc('\n', stderr);
	return exit_of(err);
}

/* ---- the message ----------------------------------------------------------------------- */

/* All of standard input, one byte more than `most` at most; NULL with err. To be freed. */
static char *input_read(size_t most, size_t *size, struct otk_error *err)
{
	size_t cap = (size_t)64 << 10;
	char *data = malloc(cap);

	*size = 0;
	while (data != NULL) {
		ssize_t n = read(STDIN_FILENO, data + *size, cap - *size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			free(data);
			(void)error_set(err, OTK_UNAVAILABLE, "INPUT",
			        "the message cannot be read: %s", strerror(errno));
			return NULL;
		}
		*size += (size_t)n;
		if (n == 0 || *size > most)
			return data;
		if (*size == cap) {
			char *more = realloc(data, cap * 2);

			if (more == NULL)
				free(data);
			data = more;
			cap *= 2;
		}
	}
	(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	return NULL;
}

static char *text_of(const char *text)
{
	return (char *)(uintptr_t)text;
}

static void attachments_fill(
        struct cli *cli, const struct mail *mail, Otklik__V1__IntakeMailRequest *in)
{
	Otklik__V1__MailAttachment *items =
	        arena_calloc(cli->arena, mail->attachment_count + 1, sizeof *items);

	in->attachments =
	        arena_calloc(cli->arena, mail->attachment_count + 1, sizeof *in->attachments);
	if (items == NULL || in->attachments == NULL)
		return;
	for (size_t i = 0; i < mail->attachment_count; i++) {
		struct mail_attachment *a = &mail->attachments[i];

		otklik__v1__mail_attachment__init(&items[i]);
		items[i].kind = (Otklik__V1__AttachmentKind)a->kind;
		items[i].name = text_of(a->name);
		items[i].media_type = text_of(a->media_type);
		items[i].hash.data = a->hash;
		items[i].hash.len = sizeof a->hash;
		items[i].size = (int64_t)a->size;
		in->attachments[in->n_attachments++] = &items[i];
	}
}

/* "<>" or nothing between the quotation marks of the MTA's configuration: no sender. */
static bool is_null_sender(const char *sender)
{
	return sender != NULL && (*sender == '\0' || strcmp(sender, "<>") == 0 ||
	                                 strcasecmp(sender, "MAILER-DAEMON") == 0);
}

static void request_fill(struct cli *cli, const struct mail *mail, const char *sender,
        const struct option_list *recipients, Otklik__V1__IntakeMailRequest *in)
{
	size_t count = recipients->count + mail->recipient_count;

	in->kind = (Otklik__V1__MailKind)mail->kind;
	in->kind_why = text_of(mail->kind_why);
	in->message_id = text_of(mail->message_id);
	in->from = text_of(mail->from);
	in->from_name = text_of(mail->from_name);
	in->null_sender = is_null_sender(sender);
	in->envelope_from = text_of(sender == NULL || in->null_sender ? "" : sender);
	in->subject = text_of(mail->subject);
	in->text = text_of(mail->text);
	in->sent_at_us = mail->sent_at;
	in->references = (char **)(uintptr_t)mail->references;
	in->n_references = mail->reference_count;
	in->authentication_results = (char **)(uintptr_t)mail->results;
	in->n_authentication_results = mail->result_count;
	in->bounced_id = text_of(mail->bounced_id);
	in->bounced_recipient = text_of(mail->bounced_recipient);
	in->bounced_status = text_of(mail->bounced_status);
	in->bounced_why = text_of(mail->bounced_why);
	in->recipients = arena_calloc(cli->arena, count + 1, sizeof *in->recipients);
	/* those of the envelope first: they are what the MTA knows */
	for (size_t i = 0; in->recipients != NULL && i < recipients->count; i++)
		in->recipients[in->n_recipients++] = text_of(recipients->items[i]);
	for (size_t i = 0; in->recipients != NULL && i < mail->recipient_count &&
	                   in->n_recipients < MAIL_RECIPIENTS_MAX;
	        i++)
		in->recipients[in->n_recipients++] = text_of(mail->recipients[i]);
	attachments_fill(cli, mail, in);
}

/* ---- handing it in --------------------------------------------------------------------- */

struct sending {
	struct content_put put;
	struct otk_error *err;
};

static int send_bytes(void *arg, const void *data, size_t size)
{
	struct sending *s = arg;

	return content_put_bytes(&s->put, data, size, s->err);
}

static int content_send(struct cli *cli, const struct mail *mail, size_t index,
        const char *customer, struct otk_error *err)
{
	struct sending *s = calloc(1, sizeof *s);
	int rc;

	if (s == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	s->err = err;
	s->put.cli = cli;
	s->put.customer = customer;
	s->put.hash = mail->attachments[index].hash;
	s->put.size = (int64_t)mail->attachments[index].size;
	rc = mail_attachment_read(mail, index, send_bytes, s);
	if (rc == 0)
		rc = content_put_end(&s->put, err);
	free(s);
	return rc;
}

/* What the server lacks. 0 or negative with err. */
static int contents_send(struct cli *cli, const struct mail *mail,
        const Otklik__V1__IntakeMailResponse *out, struct otk_error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < out->n_needs; i++) {
		if (out->needs[i] >= mail->attachment_count)
			return error_set(err, OTK_INTERNAL, "BAD_ANSWER",
			        "the server asks for an attachment that there is not");
		rc = content_send(cli, mail, out->needs[i], out->needs_customer, err);
	}
	return rc;
}

static int hand_in(struct cli *cli, const struct mail *mail,
        const Otklik__V1__IntakeMailRequest *in, const ProtobufCMessage **reply,
        struct otk_error *err)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		const Otklik__V1__IntakeMailResponse *out;
		int rc = client_call(cli->client, METHOD_INTAKE_MAIL, &in->base, reply, err);

		if (rc != 0)
			return rc;
		out = (const Otklik__V1__IntakeMailResponse *)(const void *)*reply;
		if (out->n_needs == 0)
			return 0;
		rc = contents_send(cli, mail, out, err);
		/* pieces of two deliveries of one file may have met: once more */
		if (rc != 0 && err->code != OTK_ABORTED)
			return rc;
	}
	return error_set(err, OTK_ABORTED, "NEVER_ENOUGH",
	        "the server keeps asking for attachments that it was given");
}

static int told(const struct cli *cli, const ProtobufCMessage *reply)
{
	const Otklik__V1__IntakeMailResponse *out =
	        (const Otklik__V1__IntakeMailResponse *)(const void *)reply;
	char word[32];

	if (cli->format == FORMAT_JSON)
		return json_print_message(reply, stdout);
	json_enum_word(
	        &otklik__v1__mail_outcome__descriptor, (int)out->outcome, word, sizeof word);
	(void)printf("%s%s", word, out->repeated_delivery ? " before" : "");
	if (out->ticket_id != 0)
		(void)printf(" ticket %lld", (long long)out->ticket_id);
	(void)printf("\n");
	return 0;
}

static int deliver(struct cli *cli, const char *data, size_t size, size_t most,
        const char *sender, const struct option_list *recipients)
{
	Otklik__V1__IntakeMailRequest in = OTKLIK__V1__INTAKE_MAIL_REQUEST__INIT;
	struct mail_limits limits = MAIL_LIMITS;
	struct otk_error err = {0};
	const ProtobufCMessage *reply = NULL;
	struct mail *mail;
	int rc;

	limits.bytes = most;
	if (limits.attachment_bytes < most)
		limits.attachment_bytes =
		        most < MAIL_ATTACHMENT_MOST ? most : MAIL_ATTACHMENT_MOST;
	mail = mail_parse(data, size, &limits, &err);
	if (mail == NULL)
		return fail(&err);
	request_fill(cli, mail, sender, recipients, &in);
	rc = cli_connect(cli);
	if (rc != 0) {
		mail_free(mail);
		return EX_TEMPFAIL; /* it was told: the profile or its files */
	}
	rc = hand_in(cli, mail, &in, &reply, &err);
	mail_free(mail);
	return rc == 0 ? told(cli, reply) : fail(&err);
}

int verb_mail_intake(struct cli *cli, int argc, char **argv)
{
	struct option_list recipients = {.count = 0};
	const char *sender = NULL;
	int64_t megabytes = MEGABYTES_DEFAULT;
	const struct cli_option options[] = {
	        {"sender", 'f', OPTION_TEXT, &sender, "envelope sender, '' or <> for none",
	                false, 0, 0},
	        {"recipient", 0, OPTION_LIST, &recipients,
	                "envelope recipient (default: $RECIPIENT)", false, 0, 0},
	        {"max-megabytes", 0, OPTION_NUMBER, &megabytes,
	                "a larger message is refused (default: 25)", false, 1, MEGABYTES_MAX},
	        {.name = NULL},
	};
	struct otk_error err = {0};
	size_t size, most;
	char *data;
	int rc = options_read(cli, "mail-intake",
	        "hand in one message from standard input, for a mail server's pipe",
	        "  otklik --profile mail mail-intake --sender \"$sender\" --recipient \"$to\" "
	        "< "
	        "message\n\n"
	        "Exit codes are those of sysexits.h: 0 taken (now or before); 65 a message "
	        "that\n"
	        "cannot be read or is too large; 77 a sender who may not write; 75 anything "
	        "that\n"
	        "is not the message's fault: the mail server tries again.\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	/* Exim's and Postfix's pipes say it so: an address in an argument is a risk they avoid
	 */
	if (sender == NULL)
		sender = getenv("SENDER");
	if (recipients.count == 0 && getenv("RECIPIENT") != NULL)
		recipients.items[recipients.count++] = getenv("RECIPIENT");
	most = (size_t)megabytes << 20;
	data = input_read(most, &size, &err);
	if (data == NULL)
		return fail(&err);
	rc = deliver(cli, data, size, most, sender, &recipients);
	free(data);
	return rc;
}
