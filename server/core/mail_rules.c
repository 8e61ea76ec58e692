/* See mail_rules.h. */
#include "core/mail_rules.h"

#include <string.h>
#include <strings.h>

#include "core/clocks.h"
#include "core/lifecycle.h"

/* ---- whose, and where ------------------------------------------------------------------ */

static struct mail_verdict refuse(const char *reason, const char *why)
{
	return (struct mail_verdict){.action = MAIL_REFUSE, .reason = reason, .why = why};
}

static struct mail_verdict file_for(int32_t customer_id, bool follows)
{
	return (struct mail_verdict){
	        .action = MAIL_FILE, .customer_id = customer_id, .follows = follows};
}

static struct mail_verdict note(const char *why)
{
	return (struct mail_verdict){.action = MAIL_NOTE, .why = why};
}

static struct mail_verdict refuse_unknown(const struct mail_facts *f)
{
	if (f->forged)
		return refuse("UNVERIFIED_SENDER",
		        "the mail server says that the sender is another one");
	return refuse("UNKNOWN_SENDER", "nobody here has the sender's address");
}

static struct mail_verdict judge_unknown(const struct mail_facts *f)
{
	if (f->ticket_id != 0 && f->is_signed) {
		if (f->refuse_unknown_reply)
			return refuse_unknown(f);
		return note(f->forged ? "the mail server says that it is another one"
		                      : "the sender's address is not known");
	}
	switch (f->unknown) {
	case MAIL_UNKNOWN_CUSTOMER:
		return file_for(f->unknown_customer_id, false);
	case MAIL_UNKNOWN_QUEUE:
		return file_for(0, false);
	case MAIL_UNKNOWN_REFUSE:
		break;
	}
	return refuse_unknown(f);
}

/*
 * A From can be written by anybody, and a customer has the address for replies. So words count
 * as the provider's only where a mail server that is believed confirms the sender, or where the
 * letter answered was written to that very person.
 */
static struct mail_verdict judge_provider(const struct mail_facts *f)
{
	if (f->ticket_id == 0)
		return file_for(0, false);
	if (f->verified || (f->is_signed && f->written_to == f->sender_id))
		return f->ticket_closed ? note("the ticket takes no more words")
		                        : (struct mail_verdict){.action = MAIL_REPLY};
	return note("that the provider's own person wrote it is not proven");
}

static struct mail_verdict judge_customer(const struct mail_facts *f)
{
	/* a ticket of somebody else is none of his business, however he came to its address */
	if (f->ticket_id == 0 || f->ticket_customer_id != f->sender_customer_id)
		return file_for(f->sender_customer_id, false);
	if (f->ticket_closed)
		return file_for(f->sender_customer_id, true);
	return (struct mail_verdict){.action = MAIL_REPLY};
}

struct mail_verdict mail_judge(const struct mail_facts *f)
{
	if (!f->person)
		return (struct mail_verdict){.action = MAIL_JOURNAL};
	/* an address that is not the sender's own makes him nobody: least of all its owner */
	if (f->forged && !f->verify)
		return judge_unknown(f);
	if (f->senders > 1)
		return refuse("AMBIGUOUS_SENDER", "several people have the sender's address");
	if (f->verify && !f->verified)
		return refuse("UNVERIFIED_SENDER",
		        "the mail server did not confirm who the sender is");
	if (f->senders == 0)
		return judge_unknown(f);
	return f->sender_customer_id == 0 ? judge_provider(f) : judge_customer(f);
}

bool mail_is_own(const char *own, const char *from)
{
	size_t name = strcspn(own, "@");

	if (name == 0 || strncasecmp(from, own, name) != 0)
		return false;
	from += name;
	if (*from == '+')
		from += strcspn(from, "@");
	return strcasecmp(from, own + name) == 0;
}

/* ---- Authentication-Results (RFC 8601) ------------------------------------------------- */

/* Of one field as it is read: 2000 characters come, of up to 4 bytes. */
enum { PLAIN_SIZE = 8192 };

static const char *domain_of(const char *address)
{
	const char *at = strrchr(address, '@');

	return at == NULL ? address : at + 1;
}

/* The value of "name=" in one result, as long as it is. */
static const char *property(const char *result, size_t length, const char *name, size_t *size)
{
	size_t n = strlen(name);

	for (size_t i = 0; i + n <= length; i++) {
		if (strncasecmp(result + i, name, n) != 0 ||
		        (i > 0 && strchr(" \t;", result[i - 1]) == NULL))
			continue;
		*size = strcspn(result + i + n, " \t;()\"");
		if (*size > length - i - n)
			*size = length - i - n;
		return result + i + n;
	}
	return NULL;
}

static bool equal(const char *text, size_t size, const char *want)
{
	return strlen(want) == size && strncasecmp(text, want, size) == 0;
}

/* Is `domain` the other one or above it? A bare top-level domain is above nothing. */
static bool covers(const char *domain, size_t size, const char *other)
{
	size_t n = strlen(other);

	if (size == 0 || size > n || memchr(domain, '.', size) == NULL)
		return false;
	return strncasecmp(other + n - size, domain, size) == 0 &&
	       (n == size || other[n - size - 1] == '.');
}

/* DMARC speaks of From itself: where it has failed, the rest proves nothing of it. */
static bool result_denies(const char *result, size_t length, const char *from)
{
	const char *who;
	size_t size, n;
	const char *value = property(result, length, "dmarc=", &size);

	if (value == NULL || !equal(value, size, "fail"))
		return false;
	who = property(result, length, "header.from=", &n);
	return who == NULL || covers(who, n, domain_of(from));
}

static bool result_confirms(const char *result, size_t length, const char *from)
{
	const char *domain = domain_of(from);
	const char *value;
	const char *who;
	size_t size, n;

	value = property(result, length, "dmarc=", &size);
	if (value != NULL && equal(value, size, "pass")) {
		who = property(result, length, "header.from=", &n);
		return who != NULL && covers(who, n, domain);
	}
	value = property(result, length, "dkim=", &size);
	if (value != NULL && equal(value, size, "pass")) {
		who = property(result, length, "header.d=", &n);
		return who != NULL && covers(who, n, domain);
	}
	value = property(result, length, "spf=", &size);
	if (value == NULL || !equal(value, size, "pass"))
		return false;
	who = property(result, length, "smtp.mailfrom=", &n);
	for (size_t i = 0; who != NULL && i < n; i++) {
		if (who[i] != '@')
			continue;
		who += i + 1;
		n -= i + 1;
		i = (size_t)-1;
	}
	return who != NULL && equal(who, n, domain);
}

/*
 * What stands in comments and between quotation marks is what others told the mail server: it
 * must not pass for a result. Comments become blanks, quoted characters '_'; -1: too long.
 */
static int plain_of(const char *text, char out[PLAIN_SIZE])
{
	bool quoted = false;
	size_t comments = 0;
	size_t n = 0;

	for (; *text != '\0'; text++) {
		bool inside = quoted || comments > 0;
		bool escaped = inside && *text == '\\' && text[1] != '\0';

		if (n + 2 >= PLAIN_SIZE)
			return -1;
		if (escaped)
			text++;
		else if (*text == '"' && comments == 0)
			quoted = !quoted;
		else if (*text == '(' && !quoted)
			comments++;
		else if (*text == ')' && comments > 0)
			comments--;
		if (comments > 0 || (inside && !quoted && *text == ')'))
			out[n++] = ' ';
		else
			out[n++] = quoted && inside ? '_' : *text;
	}
	out[n] = '\0';
	return 0;
}

enum mail_proof mail_proof(
        const char *authserv, const char *const *results, size_t count, const char *from)
{
	enum mail_proof proof = MAIL_UNPROVEN;
	char plain[PLAIN_SIZE];
	size_t i = 0;

	while (i < count) {
		const char *text = results[i] + strspn(results[i], " \t");

		if (equal(text, strcspn(text, " \t;"), authserv))
			break;
		i++;
	}
	if (*authserv == '\0' || i == count || plain_of(results[i], plain) < 0)
		return MAIL_UNPROVEN;
	for (const char *part = strchr(plain, ';'); part != NULL;
	        part = strchr(part + 1, ';')) {
		size_t length = strcspn(part + 1, ";");

		if (result_denies(part + 1, length, from))
			return MAIL_FORGED;
		if (result_confirms(part + 1, length, from))
			proof = MAIL_CONFIRMED;
	}
	return proof;
}

/* ---- the journal ----------------------------------------------------------------------- */

static int emit(struct change *c, struct act *act, struct event *e, const char *text)
{
	int rc = c->loaded_version > 0 && c->event_count == 0
	                 ? lifecycle_tick(c, act->now, act->err)
	                 : 0;

	if (rc != 0)
		return rc;
	if (text != NULL && *text != '\0') {
		e->text = arena_strdup(c->arena, text);
		if (e->text == NULL)
			return act_fail(act, -OTK_RESOURCE_EXHAUSTED);
	}
	return act_emit(act, e);
}

int mail_note(struct change *c, enum event_cause cause, const char *text, int64_t now,
        struct otk_error *err)
{
	struct act act = {.c = c, .at = now, .now = now, .err = err};
	struct event e = act_event(&act, EVENT_MAIL_RECEIVED);

	e.cause = cause;
	e.is_public = false;
	return emit(c, &act, &e, text);
}

int mail_attach(struct change *c, const struct actor *actor, bool is_public, const char *text,
        int64_t now, int64_t *seq, struct otk_error *err)
{
	struct act act = {.c = c, .actor = *actor, .at = now, .now = now, .err = err};
	struct event e = act_event(&act, EVENT_ATTACHED);
	int rc;

	if (c->event_count == 0 && c->ticket.state >= TICKET_CLOSED)
		return error_set(err, OTK_FAILED_PRECONDITION, "STATE_FORBIDS",
		        "the ticket is %s: nothing is attached any more",
		        ticket_state_name(c->ticket.state));
	e.is_public = is_public;
	/* journalled late entries may come first: the number is known when they are there */
	rc = c->loaded_version > 0 && c->event_count == 0 ? lifecycle_tick(c, now, err) : 0;
	if (rc != 0)
		return rc;
	e.related_id = c->ticket.version + 1;
	rc = emit(c, &act, &e, text);
	*seq = c->ticket.version;
	return rc;
}

int mail_follow(struct change *c, const struct actor *actor, int64_t ticket_id, int64_t now,
        struct otk_error *err)
{
	struct act act = {.c = c, .actor = *actor, .at = now, .now = now, .err = err};
	struct event e = act_event(&act, EVENT_LINKED);

	e.related_id = ticket_id;
	return emit(c, &act, &e, NULL);
}
