/*
 * What a message by mail means to the desk: whose it is, where it goes, and what it leaves in
 * the journal. Pure; server/rpc/mail.c finds the facts.
 */
#ifndef OTKLIK_CORE_MAIL_RULES_H
#define OTKLIK_CORE_MAIL_RULES_H

#include "core/change.h"

enum mail_unknown { MAIL_UNKNOWN_REFUSE, MAIL_UNKNOWN_QUEUE, MAIL_UNKNOWN_CUSTOMER };

struct mail_facts {
	bool person; /* not automatic, no bounce, no loop */
	int senders; /* people known by the sender's address: 0, 1, 2 for several */
	int32_t sender_id;
	int32_t sender_customer_id; /* 0: the provider's */
	bool verified;              /* a mail server that is believed confirmed the sender */
	bool forged;                /* it said that From is another one's */
	bool verify;                /* mail that is not confirmed is refused */
	/* The ticket it answers; 0: none. */
	int32_t ticket_customer_id;
	int64_t ticket_id;
	bool ticket_closed; /* takes no more words */
	bool is_signed;     /* found by what only a letter of ours says */
	int32_t written_to; /* the person whom that letter was written to; 0: not known */
	/* The installation's policy. */
	enum mail_unknown unknown;
	int32_t unknown_customer_id;
	bool refuse_unknown_reply;
};

enum mail_action {
	MAIL_REFUSE = 1,
	MAIL_FILE,    /* a new ticket */
	MAIL_REPLY,   /* words of `actor` on the ticket */
	MAIL_NOTE,    /* kept on the ticket, as nobody's words */
	MAIL_JOURNAL, /* automatic: one entry on the ticket, or none */
};

struct mail_verdict {
	enum mail_action action;
	const char *reason;  /* of a refusal: for programs */
	const char *why;     /* of a refusal or a note: for people */
	int32_t customer_id; /* of the ticket filed */
	bool follows;        /* the ticket filed follows the one that takes no more words */
};

struct mail_verdict mail_judge(const struct mail_facts *facts);

/*
 * Is `from` the address that people write to, with a token or without? Whoever forwards our
 * letters in our name would have them filed, told of and forwarded again.
 */
bool mail_is_own(const char *own, const char *from);

enum mail_proof {
	MAIL_UNPROVEN,
	MAIL_CONFIRMED,
	MAIL_FORGED /* the domain's own policy (DMARC) was not met */
};

/*
 * What `authserv` says of the domain of `from` in these Authentication-Results (the topmost
 * first). Only the topmost of that name counts: whoever sends may write others below. It
 * confirms by DMARC, by DKIM of that domain or one above it, or by SPF of that domain.
 */
enum mail_proof mail_proof(
        const char *authserv, const char *const *results, size_t count, const char *from);

/*
 * Journals a message that is nobody's words: internal, resumes nothing. cause: AUTOMATIC_MAIL,
 * BOUNCE, BY_MAIL. 0 or negative with err.
 */
int mail_note(struct change *c, enum event_cause cause, const char *text, int64_t now,
        struct otk_error *err);

/*
 * Journals that a file hangs on the ticket; *seq names it. Not for tickets that take no more
 * words unless they did so in the same change. 0 or negative with err.
 */
int mail_attach(struct change *c, const struct actor *actor, bool is_public, const char *text,
        int64_t now, int64_t *seq, struct otk_error *err);

/* Journals that the ticket follows another one. 0 or negative with err. */
int mail_follow(struct change *c, const struct actor *actor, int64_t ticket_id, int64_t now,
        struct otk_error *err);

#endif
