/* The commands: each fills a struct ticket_call from its message; ticket_command.c does it. */
#include <string.h>

#include "base/text.h"
#include "rpc/field.h"
#include "rpc/handlers.h"
#include "rpc/ticket_command.h"

/* VERB_REPLY(take, Take, TAKE): wraps the ticket in TakeTicketResponse. */
#define VERB_REPLY(verb, Verb, VERB)                                                           \
	static enum step verb##_reply(struct request *r, Otklik__V1__Ticket *ticket)           \
	{                                                                                      \
		Otklik__V1__##Verb##TicketResponse out =                                       \
		        OTKLIK__V1__##VERB##_TICKET_RESPONSE__INIT;                            \
                                                                                               \
		out.ticket = ticket;                                                           \
		return verb##_ticket_reply(r, &out);                                           \
	}

VERB_REPLY(take, Take, TAKE)
VERB_REPLY(assign, Assign, ASSIGN)
VERB_REPLY(reply, Reply, REPLY)
VERB_REPLY(note, Note, NOTE)
VERB_REPLY(pend, Pend, PEND)
VERB_REPLY(resume, Resume, RESUME)
VERB_REPLY(resolve, Resolve, RESOLVE)
VERB_REPLY(close, Close, CLOSE)
VERB_REPLY(reopen, Reopen, REOPEN)
VERB_REPLY(cancel, Cancel, CANCEL)
VERB_REPLY(classify, Classify, CLASSIFY)
VERB_REPLY(ask, Ask, ASK)

static enum step follow_reply(struct request *r, Otklik__V1__Ticket *ticket)
{
	Otklik__V1__WatchTicketResponse out = OTKLIK__V1__WATCH_TICKET_RESPONSE__INIT;

	out.ticket = ticket;
	return watch_ticket_reply(r, &out);
}

static enum step waive_reply(struct request *r, Otklik__V1__Ticket *ticket)
{
	Otklik__V1__WaiveClockResponse out = OTKLIK__V1__WAIVE_CLOCK_RESPONSE__INIT;

	out.ticket = ticket;
	return waive_clock_reply(r, &out);
}

/* What every command's message has. */
#define CALL(verb_, in_, reply_)                                                               \
	{                                                                                      \
		.ticket_id = (in_)->ticket_id, .expected_version = (in_)->expected_version,    \
		.command = {.verb = (verb_)}, .reply = (reply_)                                \
	}

static const char *given(const char *text)
{
	return text == NULL || *text == '\0' ? NULL : text;
}

static void need_text(struct otk_error *err, const char *text, const char *remedy)
{
	if (text == NULL || text_is_blank(text))
		error_field(err, "text", "%s", remedy);
}

enum step take_ticket_begin(struct request *r, const Otklik__V1__TakeTicketRequest *in)
{
	const struct ticket_call call = CALL(VERB_TAKE, in, take_reply);
	const struct otk_error err = {0};

	return ticket_command(r, &call, &err);
}

enum step assign_ticket_begin(struct request *r, const Otklik__V1__AssignTicketRequest *in)
{
	struct ticket_call call = CALL(VERB_ASSIGN, in, assign_reply);
	struct otk_error err = {0};

	call.team = in->team;
	call.assignee = in->assignee;
	call.command.clear_assignee = in->clear_assignee;
	call.command.text = given(in->text);
	if (*in->team == '\0' && *in->assignee == '\0' && !in->clear_assignee)
		error_field(&err, "assignee", "name a team or a person");
	if (*in->assignee != '\0' && in->clear_assignee)
		error_field(&err, "clear_assignee", "contradicts the assignee");
	return ticket_command(r, &call, &err);
}

enum step reply_ticket_begin(struct request *r, const Otklik__V1__ReplyTicketRequest *in)
{
	struct ticket_call call = CALL(VERB_REPLY, in, reply_reply);
	struct otk_error err = {0};

	call.command.text = given(in->text);
	call.command.spoken = in->spoken;
	call.command.pend = (enum pending_reason)in->pend;
	call.command.until = in->until_us;
	need_text(&err, in->text, "say what the reply is");
	if (in->until_us < 0)
		error_field(&err, "until_us", "must be an instant");
	return ticket_command(r, &call, &err);
}

enum step note_ticket_begin(struct request *r, const Otklik__V1__NoteTicketRequest *in)
{
	struct ticket_call call = CALL(VERB_NOTE, in, note_reply);
	struct otk_error err = {0};

	call.command.text = given(in->text);
	need_text(&err, in->text, "say what the note is");
	return ticket_command(r, &call, &err);
}

enum step pend_ticket_begin(struct request *r, const Otklik__V1__PendTicketRequest *in)
{
	struct ticket_call call = CALL(VERB_PEND, in, pend_reply);
	struct otk_error err = {0};

	call.command.text = given(in->text);
	call.command.pend = (enum pending_reason)in->reason;
	call.command.until = in->until_us;
	if (in->reason == OTKLIK__V1__PENDING_REASON__PENDING_REASON_CUSTOMER)
		need_text(&err, in->text, "ask the customer a question: it is public");
	if (in->reason == 0)
		error_field(&err, "reason", "say customer, scheduled, supplier or change");
	if (in->until_us < 0)
		error_field(&err, "until_us", "must be an instant");
	return ticket_command(r, &call, &err);
}

enum step resume_ticket_begin(struct request *r, const Otklik__V1__ResumeTicketRequest *in)
{
	struct ticket_call call = CALL(VERB_RESUME, in, resume_reply);
	const struct otk_error err = {0};

	call.command.text = given(in->text);
	return ticket_command(r, &call, &err);
}

enum step resolve_ticket_begin(struct request *r, const Otklik__V1__ResolveTicketRequest *in)
{
	struct ticket_call call = CALL(VERB_RESOLVE, in, resolve_reply);
	struct otk_error err = {0};

	call.command.text = given(in->text);
	need_text(&err, in->text, "tell the customer what was done");
	return ticket_command(r, &call, &err);
}

enum step close_ticket_begin(struct request *r, const Otklik__V1__CloseTicketRequest *in)
{
	struct ticket_call call = CALL(VERB_CLOSE, in, close_reply);
	const struct otk_error err = {0};

	call.command.text = given(in->text);
	return ticket_command(r, &call, &err);
}

enum step reopen_ticket_begin(struct request *r, const Otklik__V1__ReopenTicketRequest *in)
{
	struct ticket_call call = CALL(VERB_REOPEN, in, reopen_reply);
	const struct otk_error err = {0};

	call.command.text = given(in->text);
	return ticket_command(r, &call, &err);
}

enum step cancel_ticket_begin(struct request *r, const Otklik__V1__CancelTicketRequest *in)
{
	struct ticket_call call = CALL(VERB_CANCEL, in, cancel_reply);
	const struct otk_error err = {0};

	call.command.text = given(in->text);
	return ticket_command(r, &call, &err);
}

enum step classify_ticket_begin(struct request *r, const Otklik__V1__ClassifyTicketRequest *in)
{
	struct ticket_call call = CALL(VERB_CLASSIFY, in, classify_reply);
	struct otk_error err = {0};

	call.service = in->service;
	call.site = in->site;
	call.command.impact = (int16_t)(in->impact & 0xff);
	call.command.urgency = (int16_t)(in->urgency & 0xff);
	call.command.priority = (int16_t)(in->priority & 0xff);
	call.command.type = (int16_t)in->type;
	call.command.category = given(in->category);
	call.command.subcategory = given(in->subcategory);
	call.command.title = given(in->title);
	call.command.text = given(in->text);
	field_scale(&err, "impact", in->impact, 3);
	field_scale(&err, "urgency", in->urgency, 3);
	field_scale(&err, "priority", in->priority, 5);
	if (in->priority != 0)
		need_text(&err, in->text, "say why the priority is set against the matrix");
	field_line(&err, "category", in->category, CATEGORY_MAX);
	field_line(&err, "subcategory", in->subcategory, CATEGORY_MAX);
	field_line(&err, "title", in->title, TITLE_MAX);
	if (*in->title != '\0' && text_is_blank(in->title))
		error_field(&err, "title", "say in one line what the matter is");
	return ticket_command(r, &call, &err);
}

enum step waive_clock_begin(struct request *r, const Otklik__V1__WaiveClockRequest *in)
{
	struct ticket_call call = CALL(VERB_WAIVE, in, waive_reply);
	struct otk_error err = {0};

	call.command.clock = (enum clock_kind)in->clock;
	call.command.text = given(in->text);
	if (in->clock == 0)
		error_field(&err, "clock",
		        "say response, update, resolution, operational or supplier");
	need_text(&err, in->text, "say why the breach is not to count");
	return ticket_command(r, &call, &err);
}

enum step ask_ticket_begin(struct request *r, const Otklik__V1__AskTicketRequest *in)
{
	struct ticket_call call = CALL(VERB_ASK, in, ask_reply);
	struct otk_error err = {0};

	call.command.text = given(in->text);
	need_text(&err, in->text, "say what you would like to know");
	return ticket_command(r, &call, &err);
}

enum step watch_ticket_begin(struct request *r, const Otklik__V1__WatchTicketRequest *in)
{
	struct ticket_call call =
	        CALL(in->remove ? VERB_UNFOLLOW : VERB_FOLLOW, in, follow_reply);
	const struct otk_error err = {0};

	call.person = in->person;
	return ticket_command(r, &call, &err);
}
