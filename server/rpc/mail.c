/*
 * IntakeMail: one message becomes a ticket, words on a ticket, an entry in its journal, or is
 * refused; exactly once, however often it is handed in.
 *
 *	intake_mail_begin → facts_read → facts_found → (thread_found) → ticket_loaded
 *		→ contents_found → message_saved
 *
 * Content of attachments comes before: while some is missing the answer says which, and nothing
 * is done. Then ticket, message and attachments are one transaction.
 */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "core/lifecycle.h"
#include "core/mail_rules.h"
#include "db/rows.h"
#include "desk/load.h"
#include "desk/mail_token.h"
#include "rpc/attachment.h"
#include "rpc/caller.h"
#include "rpc/handlers.h"
#include "rpc/mail_check.h"
#include "rpc/service.h"
#include "rpc/ticket_write.h"
#include "sql/statements.h"

enum { CALL_POLICY, CALL_SEEN, CALL_FROM, CALL_ENVELOPE, CALL_LETTER };
enum {
	POLICY_ADDRESS,
	POLICY_UNKNOWN,
	POLICY_UNKNOWN_REPLY,
	POLICY_AUTHSERV,
	POLICY_UNVERIFIED
};
enum { EXCERPT = 2000 };

struct intake {
	struct ticket_write write; /* first: see ticket_write.c */
	uint8_t hash[MAIL_HASH_BYTES];
	bool loop;      /* it is a letter of our own */
	bool bounced;   /* of a letter that is ours for certain */
	int64_t letter; /* the letter it answers or that came back; 0: none known */
	int64_t ticket_id;
	struct mail_facts facts;
	struct mail_verdict verdict;
	const char *scope;
	Otklik__V1__MailOutcome outcome;
};

static enum step facts_read(struct request *r);
static enum step facts_found(struct request *r);
static enum step thread_found(struct request *r);
static enum step ticket_read(struct request *r);
static enum step ticket_loaded(struct request *r);
static enum step contents_found(struct request *r);
static enum step message_write(struct request *r);
static enum step message_saved(struct request *r);

static const Otklik__V1__IntakeMailRequest *input(const struct request *r)
{
	return (const void *)r->message;
}

static enum step reply(
        struct request *r, Otklik__V1__MailOutcome outcome, int64_t ticket_id, bool repeated)
{
	Otklik__V1__IntakeMailResponse out = OTKLIK__V1__INTAKE_MAIL_RESPONSE__INIT;

	out.outcome = outcome;
	out.ticket_id = ticket_id;
	out.repeated_delivery = repeated;
	return intake_mail_reply(r, &out);
}

static struct db_unit *unit_new(struct request *r, enum db_mode mode)
{
	struct intake *s = r->state;
	struct db_unit *unit = db_unit_new(r->arena, mode);

	if (unit != NULL)
		db_unit_scope(unit, s->scope);
	return unit;
}

/* ---- what it answers ------------------------------------------------------------------- */

/* The ticket that only a letter of ours names, and the letter itself. */
static void tokens_read(struct request *r)
{
	const Otklik__V1__IntakeMailRequest *in = input(r);
	struct intake *s = r->state;
	struct mail_token token;
	size_t size;
	const void *secret = desk_secret(r->service->desk, &size);

	s->loop = mail_token_of_id(secret, size, in->message_id, &token);
	for (size_t i = 0; s->ticket_id == 0 && i < in->n_recipients; i++) {
		if (!mail_token_of_address(secret, size, in->recipients[i], &token))
			continue;
		s->ticket_id = token.number;
		s->facts.written_to = token.who;
	}
	for (size_t i = 0; i < in->n_references; i++) {
		if (!mail_token_of_id(secret, size, in->references[i], &token))
			continue;
		if (token.kind == MAIL_TOKEN_TICKET && s->ticket_id == 0)
			s->ticket_id = token.number;
		else if (token.kind == MAIL_TOKEN_NOTICE && s->letter == 0)
			s->letter = token.number;
	}
	if (mail_token_of_id(secret, size, in->bounced_id, &token) &&
	        token.kind == MAIL_TOKEN_NOTICE) {
		s->bounced = in->kind == OTKLIK__V1__MAIL_KIND__MAIL_KIND_BOUNCE;
		s->letter = token.number;
	}
}

enum step intake_mail_begin(struct request *r, const Otklik__V1__IntakeMailRequest *in)
{
	struct intake *s = request_state(r, sizeof *s);
	struct otk_error err = {0};

	if (s == NULL)
		return request_no_memory(r);
	mail_check(in, &err);
	if (err.code == OTK_OK && mail_hash(in, s->hash) != 0)
		(void)error_set(&err, OTK_INTERNAL, "HASH", "no SHA-256");
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	s->scope = desk_scope(r->arena, &r->principal->access, PERMISSION_MAIL);
	if (s->scope == NULL)
		return request_no_memory(r);
	return request_go(r, facts_read);
}

static enum step facts_read(struct request *r)
{
	const Otklik__V1__IntakeMailRequest *in = input(r);
	struct intake *s = r->state;
	struct db_unit *unit = unit_new(r, DB_READ);

	if (desk_reference(r->service->desk) == NULL)
		return caller_no_reference(r);
	if (unit == NULL)
		return request_no_memory(r);
	s->facts = (struct mail_facts){0};
	s->ticket_id = 0;
	s->letter = 0;
	tokens_read(r);
	db_call(unit, SQL_MAIL_POLICY);
	db_call(unit, SQL_MAIL_SEEN);
	db_put_bytes(unit, s->hash, sizeof s->hash);
	db_call(unit, SQL_MAIL_SENDER);
	db_put_text(unit, in->from);
	db_call(unit, SQL_MAIL_SENDER);
	db_put_text(unit, in->envelope_from);
	db_call(unit, SQL_MAIL_LETTER);
	db_put_int(unit, s->letter);
	return request_query(r, unit, facts_found);
}

/* ---- who sent it ----------------------------------------------------------------------- */

/* The person of From, else of the envelope; and whether a mail server vouches for him. */
static void sender_find(struct request *r)
{
	const struct db_rows *policy = db_unit_rows(r->unit, CALL_POLICY);
	const Otklik__V1__IntakeMailRequest *in = input(r);
	struct intake *s = r->state;
	const struct db_rows *rows = db_unit_rows(r->unit, CALL_FROM);
	const char *authserv = db_get_text_or_empty(policy, 0, POLICY_AUTHSERV);
	enum mail_proof proof;
	const char *address = in->from; /* by which he is known, so the one to be confirmed */

	if (db_rows_count(rows) == 0 && *in->envelope_from != '\0') {
		rows = db_unit_rows(r->unit, CALL_ENVELOPE);
		address = in->envelope_from;
	}
	s->facts.senders = (int)db_rows_count(rows);
	if (s->facts.senders > 0) {
		s->facts.sender_id = (int32_t)db_get_int(rows, 0, 0);
		s->facts.sender_customer_id = (int32_t)db_get_int(rows, 0, 1);
	}
	proof = mail_proof(authserv, (const char *const *)in->authentication_results,
	        in->n_authentication_results, address);
	s->facts.verified = proof == MAIL_CONFIRMED;
	s->facts.forged = proof == MAIL_FORGED;
	if (s->facts.forged) { /* whoever it is, not the one who has the address */
		s->facts.senders = 0;
		s->facts.sender_id = 0;
		s->facts.sender_customer_id = 0;
	}
	s->facts.verify =
	        *authserv != '\0' &&
	        strcmp(db_get_text_or_empty(policy, 0, POLICY_UNVERIFIED), "refuse") == 0;
}

static void policy_find(struct request *r)
{
	const struct db_rows *policy = db_unit_rows(r->unit, CALL_POLICY);
	const struct reference *ref = desk_reference(r->service->desk);
	const char *unknown = db_get_text_or_empty(policy, 0, POLICY_UNKNOWN);
	const char *reply_policy = db_get_text_or_empty(policy, 0, POLICY_UNKNOWN_REPLY);
	const struct ref_customer *customer = NULL;
	struct intake *s = r->state;

	s->facts.refuse_unknown_reply = strcmp(reply_policy, "refuse") == 0;
	if (strncmp(unknown, "customer ", 9) == 0)
		customer = reference_customer_by_code(ref, unknown + 9);
	if (strcmp(unknown, "queue") == 0) {
		s->facts.unknown = MAIL_UNKNOWN_QUEUE;
	} else if (customer != NULL && !customer->retired) {
		s->facts.unknown = MAIL_UNKNOWN_CUSTOMER;
		s->facts.unknown_customer_id = customer->id;
	}
}

static enum step facts_found(struct request *r)
{
	const Otklik__V1__IntakeMailRequest *in = input(r);
	const struct db_rows *seen = db_unit_rows(r->unit, CALL_SEEN);
	const struct db_rows *letter = db_unit_rows(r->unit, CALL_LETTER);
	struct intake *s = r->state;
	struct db_unit *unit;
	struct db_array *ids;

	if (db_rows_count(db_unit_rows(r->unit, CALL_POLICY)) == 0)
		return request_error(r, OTK_FAILED_PRECONDITION, "MAIL_OFF",
		        "this installation takes no mail: declare `mail` in it");
	if (db_rows_count(seen) > 0)
		return reply(r, (Otklik__V1__MailOutcome)db_get_int(seen, 0, 1),
		        db_get_int(seen, 0, 2), true);
	s->loop =
	        s->loop || mail_is_own(db_get_text_or_empty(db_unit_rows(r->unit, CALL_POLICY),
	                                       0, POLICY_ADDRESS),
	                           in->from);
	s->facts.person = in->kind == OTKLIK__V1__MAIL_KIND__MAIL_KIND_PERSON && !s->loop &&
	                  !in->null_sender;
	sender_find(r);
	policy_find(r);
	if (s->ticket_id == 0 && db_rows_count(letter) == 1)
		s->ticket_id = db_get_int(letter, 0, 1);
	s->facts.is_signed = s->ticket_id != 0;
	if (s->ticket_id != 0 || s->facts.senders != 1 || in->n_references == 0)
		return request_go(r, ticket_read);
	/* no letter of ours, but maybe one that a ticket came with: others were in copy */
	unit = unit_new(r, DB_READ);
	if (unit == NULL)
		return request_no_memory(r);
	db_call(unit, SQL_MAIL_THREAD);
	db_put_int(unit, s->facts.sender_customer_id);
	ids = db_put_array(unit, DB_BYTEA, in->n_references);
	for (size_t i = 0; i < in->n_references; i++) {
		uint8_t hash[MAIL_HASH_BYTES] = {0};

		(void)mail_id_hash(in->references[i], hash);
		db_add_bytes(ids, hash, sizeof hash);
	}
	return request_query(r, unit, thread_found);
}

static enum step thread_found(struct request *r)
{
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	struct intake *s = r->state;

	if (db_rows_count(rows) == 1)
		s->ticket_id = db_get_int(rows, 0, 0);
	return request_go(r, ticket_read);
}

/* ---- what becomes of it ---------------------------------------------------------------- */

/* Comes again after a lost race or stale reference data. */
static enum step ticket_read(struct request *r)
{
	struct intake *s = r->state;
	struct db_unit *unit = unit_new(r, DB_READ);

	if (unit == NULL)
		return request_no_memory(r);
	load_calls(unit, &s->ticket_id, 1);
	return request_query(r, unit, ticket_loaded);
}

/* May he do the provider's work on the ticket's customer? */
static bool sender_works(const struct reference *ref, const struct mail_facts *f)
{
	const struct ref_principal *sender = reference_principal(ref, f->sender_id);

	return sender != NULL &&
	       access_may(&sender->access, PERMISSION_TICKET_WORK, f->ticket_customer_id);
}

static void judge(struct request *r, const struct change *change, bool found)
{
	const struct reference *ref = desk_reference(r->service->desk);
	struct intake *s = r->state;
	struct mail_facts *f = &s->facts;

	f->ticket_id = found ? change->ticket.ticket_id : 0;
	f->ticket_customer_id = found ? change->ticket.customer_id : 0;
	f->ticket_closed = found && change->ticket.state >= TICKET_CLOSED;
	if (f->senders == 1 && f->sender_customer_id == 0 && found && !sender_works(ref, f)) {
		f->verified = false;
		f->written_to = -1;
	}
	s->verdict = mail_judge(f);
	if (s->verdict.action != MAIL_FILE && found)
		s->verdict.customer_id = change->ticket.customer_id;
	else if (s->verdict.action == MAIL_JOURNAL && f->senders == 1)
		s->verdict.customer_id = f->sender_customer_id;
}

static enum step ticket_loaded(struct request *r)
{
	const Otklik__V1__IntakeMailRequest *in = input(r);
	struct intake *s = r->state;
	struct load_cursor rows = load_rows(r->unit, 0);
	struct change *change = &s->write.change;
	struct db_unit *unit;
	struct db_array *hashes;
	int rc = load_next(&rows, r->arena, desk_reference(r->service->desk), change);

	if (rc < 0)
		return request_no_memory(r);
	if (rc == 0)
		change_init(change, r->arena, desk_reference(r->service->desk));
	judge(r, change, rc > 0);
	if (s->verdict.action == MAIL_REFUSE)
		return request_error(r, OTK_PERMISSION_DENIED, s->verdict.reason, "%s: <%s>",
		        s->verdict.why, in->from);
	if (!access_may(&r->principal->access, PERMISSION_MAIL, s->verdict.customer_id)) {
		/* a robot's letter to a gateway of one customer is not worth a bounce */
		if (s->verdict.action == MAIL_JOURNAL)
			return reply(
			        r, OTKLIK__V1__MAIL_OUTCOME__MAIL_OUTCOME_JOURNALLED, 0, false);
		return request_error(r, OTK_PERMISSION_DENIED, "NOT_PERMITTED",
		        "this gateway may not hand in mail for that customer");
	}
	if (in->n_attachments == 0 || s->verdict.action == MAIL_JOURNAL)
		return request_go(r, message_write);
	unit = unit_new(r, DB_READ);
	if (unit == NULL)
		return request_no_memory(r);
	db_call(unit, SQL_MAIL_MISSING);
	db_put_int(unit, s->verdict.customer_id);
	hashes = db_put_array(unit, DB_BYTEA, in->n_attachments);
	for (size_t i = 0; i < in->n_attachments; i++)
		db_add_bytes(
		        hashes, in->attachments[i]->hash.data, in->attachments[i]->hash.len);
	return request_query(r, unit, contents_found);
}

static enum step contents_found(struct request *r)
{
	Otklik__V1__IntakeMailResponse out = OTKLIK__V1__INTAKE_MAIL_RESPONSE__INIT;
	const struct db_rows *rows = db_unit_rows(r->unit, 0);
	const struct ref_customer *customer;
	struct intake *s = r->state;

	if (db_rows_count(rows) == 0)
		return request_go(r, message_write);
	customer = reference_customer(desk_reference(r->service->desk), s->verdict.customer_id);
	out.n_needs = db_rows_count(rows);
	out.needs = arena_calloc(r->arena, out.n_needs, sizeof *out.needs);
	if (out.needs == NULL || customer == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < out.n_needs; i++)
		out.needs[i] = (uint32_t)db_get_int(rows, i, 0);
	out.needs_customer = (char *)(uintptr_t)customer->code;
	return intake_mail_reply(r, &out);
}

/* ---- the change ------------------------------------------------------------------------ */

static struct actor actor_of(const struct mail_facts *f)
{
	return (struct actor){.principal_id = f->sender_id,
	        .side = f->senders == 1 && f->sender_customer_id == 0 ? SIDE_PROVIDER
	                                                              : SIDE_CUSTOMER};
}

/* What was written; of a message that says nothing, its subject or that. */
static const char *words_of(const Otklik__V1__IntakeMailRequest *in)
{
	if (!text_is_blank(in->text))
		return in->text;
	return text_is_blank(in->subject) ? "(no text)" : in->subject;
}

/* The subject, else the first line of the text. */
static const char *title_of(struct arena *arena, const Otklik__V1__IntakeMailRequest *in)
{
	char *line;

	if (!text_is_blank(in->subject))
		return in->subject;
	line = arena_strndup(arena, in->text, strcspn(in->text, "\n\t"));
	if (line == NULL || text_is_blank(line))
		return "(no subject)";
	text_cut_utf8(line, TITLE_MAX); /* bytes: fewer characters than may be */
	return line;
}

/* Words that are nobody's: who sent them, why they are not taken as his, and what they say. */
static const char *note_of(struct arena *arena, const Otklik__V1__IntakeMailRequest *in,
        const char *why, size_t most)
{
	char *text = arena_printf(arena, "From: %s <%s>%s%s%s\nSubject: %s\n\n%s",
	        in->from_name, in->from, *why == '\0' ? "" : " (", why, *why == '\0' ? "" : ")",
	        in->subject, in->text);

	if (text != NULL)
		text_cut_utf8(text, most);
	return text;
}

static int file_ticket(struct request *r, struct otk_error *err)
{
	const Otklik__V1__IntakeMailRequest *in = input(r);
	const struct reference *ref = desk_reference(r->service->desk);
	struct intake *s = r->state;
	struct change *change = &s->write.change;
	const struct ref_principal *sender = reference_principal(ref, s->facts.sender_id);
	const int64_t followed = change->ticket.ticket_id;
	const struct actor actor = actor_of(&s->facts);
	struct new_ticket new = {.customer_id = s->verdict.customer_id,
	        .ticket_id = desk_number(r->service->desk),
	        .requester_id = s->facts.senders == 1 ? s->facts.sender_id : 0,
	        .site_id = sender == NULL ? 0 : sender->site_id,
	        .type = TICKET_INCIDENT,
	        .title = title_of(r->arena, in),
	        .text = in->text,
	        .channel = "mail"};
	int rc;

	if (new.ticket_id == 0)
		return -OTK_UNAVAILABLE;
	if (s->facts.senders == 0)
		new.text = note_of(r->arena, in,
		        s->facts.forged ? "the mail server says that it is another one" : "",
		        TEXT_MAX);
	change_init(change, r->arena, ref);
	rc = lifecycle_create(change, &new, &actor, r->now, err);
	if (rc == 0 && s->verdict.follows)
		rc = mail_follow(change, &actor, followed, r->now, err);
	s->outcome = OTKLIK__V1__MAIL_OUTCOME__MAIL_OUTCOME_FILED;
	return rc;
}

static int append_words(struct request *r, int64_t now, struct otk_error *err)
{
	const Otklik__V1__IntakeMailRequest *in = input(r);
	struct intake *s = r->state;
	const struct command command = {
	        .verb = VERB_REPLY, .actor = actor_of(&s->facts), .text = words_of(in)};

	s->outcome = OTKLIK__V1__MAIL_OUTCOME__MAIL_OUTCOME_APPENDED;
	return lifecycle_apply(&s->write.change, &command, now, err);
}

static int note_words(struct request *r, int64_t now, struct otk_error *err)
{
	struct intake *s = r->state;
	const char *text = note_of(r->arena, input(r), s->verdict.why, TEXT_MAX);

	s->outcome = OTKLIK__V1__MAIL_OUTCOME__MAIL_OUTCOME_NOTED;
	if (text == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	return mail_note(&s->write.change, CAUSE_BY_MAIL, text, now, err);
}

/* Why it is taken for a machine's. */
static const char *why_of(const Otklik__V1__IntakeMailRequest *in)
{
	return *in->kind_why == '\0' && in->null_sender ? "no envelope sender" : in->kind_why;
}

static const char *bounce_text(struct arena *arena, const Otklik__V1__IntakeMailRequest *in)
{
	return arena_printf(arena, "a letter to <%s> did not arrive: %s %s",
	        in->bounced_recipient, in->bounced_status, in->bounced_why);
}

static int journal(struct request *r, int64_t now, struct otk_error *err)
{
	const Otklik__V1__IntakeMailRequest *in = input(r);
	struct intake *s = r->state;
	const char *why = s->loop ? "a letter of our own came back" : why_of(in);
	const char *text =
	        s->bounced ? bounce_text(r->arena, in) : note_of(r->arena, in, why, EXCERPT);

	s->outcome = OTKLIK__V1__MAIL_OUTCOME__MAIL_OUTCOME_JOURNALLED;
	if (text == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	if (s->facts.ticket_id == 0)
		return 0;
	return mail_note(&s->write.change, s->bounced ? CAUSE_BOUNCE : CAUSE_AUTOMATIC_MAIL,
	        text, now, err);
}

/* ---- saving ---------------------------------------------------------------------------- */

static void record_call(struct request *r, struct db_unit *unit, bool on_ticket)
{
	const Otklik__V1__IntakeMailRequest *in = input(r);
	struct intake *s = r->state;
	bool kept = !on_ticket;
	uint8_t *id_hash = arena_alloc(r->arena, MAIL_HASH_BYTES);

	if (id_hash != NULL)
		(void)mail_id_hash(in->message_id, id_hash);
	db_call(unit, SQL_MAIL_RECORD);
	db_put_int(unit, s->verdict.customer_id);
	db_put_bytes(unit, s->hash, sizeof s->hash);
	db_put_bytes(unit, *in->message_id == '\0' ? NULL : id_hash, MAIL_HASH_BYTES);
	db_put_int(unit, (int64_t)s->outcome);
	db_put_int_if(unit, on_ticket, s->write.change.ticket.ticket_id);
	db_put_time(unit, r->now);
	db_put_text(unit, kept ? in->from : NULL);
	db_put_text(unit, kept ? in->subject : NULL);
	db_put_text(unit, !kept ? NULL : s->loop ? "a letter of our own" : why_of(in));
}

static int change_make(struct request *r, struct otk_error *err)
{
	struct intake *s = r->state;
	struct change *change = &s->write.change;
	int64_t now = s->facts.ticket_id != 0 ? ticket_write_now(r, &change->ticket) : r->now;

	switch (s->verdict.action) {
	case MAIL_FILE:
		return file_ticket(r, err);
	case MAIL_REPLY:
		return append_words(r, now, err);
	case MAIL_NOTE:
		return note_words(r, now, err);
	case MAIL_JOURNAL:
	case MAIL_REFUSE:
		break;
	}
	return journal(r, now, err);
}

static enum step message_write(struct request *r)
{
	const Otklik__V1__IntakeMailRequest *in = input(r);
	struct intake *s = r->state;
	struct change *change = &s->write.change;
	struct save *save = &s->write.save;
	struct db_unit *unit = unit_new(r, DB_REPLAY);
	struct actor actor = actor_of(&s->facts);
	struct otk_error err = {0};
	int rc = change_make(r, &err);

	if (rc == -OTK_UNAVAILABLE && err.code == OTK_OK)
		return ticket_write_number(r, &s->write, ticket_read);
	if (unit == NULL)
		return request_no_memory(r);
	memset(save, 0, sizeof *save);
	save->change = change;
	save->principal_id = r->principal->id;
	if (rc == 0 && change->event_count > 0 && s->verdict.action != MAIL_JOURNAL)
		rc = attachment_events(change, &actor, s->verdict.action != MAIL_NOTE,
		        in->attachments, in->n_attachments, change->ticket.updated_at, &err);
	if (rc == 0 && change->event_count > 0)
		rc = save_call(unit, &(struct save *){save}, 1, true);
	if (rc < 0)
		return err.code != OTK_OK ? request_fail(r, &err) : request_no_memory(r);
	if (change->event_count > 0 && s->verdict.action != MAIL_JOURNAL)
		attachment_link_call(unit, change, in->attachments, in->n_attachments);
	record_call(r, unit, change->event_count > 0);
	if (s->bounced) {
		db_call(unit, SQL_MAIL_BOUNCED);
		db_put_int(unit, s->letter);
		db_put_text(unit, bounce_text(r->arena, in));
	}
	return request_query_any(r, unit, message_saved);
}

static enum step message_saved(struct request *r)
{
	const struct otk_error *err = db_unit_error(r->unit);
	struct intake *s = r->state;
	int64_t ticket_id =
	        s->write.change.event_count > 0 ? s->write.change.ticket.ticket_id : 0;

	if (err->code == OTK_OK) {
		log_kv(LOG_INFO_LEVEL, "mail", "from", input(r)->from, "outcome",
		        s->verdict.action == MAIL_FILE ? "filed" : "taken", NULL);
		return reply(r, s->outcome, ticket_id, false);
	}
	/* handed in twice at once, or run again after a lost connection: the first one counts
	 */
	if (err->code == OTK_ALREADY_EXISTS)
		return ticket_write_again(r, &s->write, facts_read);
	if (err->code != OTK_ABORTED)
		return request_fail(r, err);
	s->write.save.outcome = strcmp(err->reason, "STALE_REFERENCE") == 0
	                                ? SAVE_STALE_REFERENCE
	                                : SAVE_CONFLICT;
	return ticket_write_again(r, &s->write, facts_read);
}
