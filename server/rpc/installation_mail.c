/* How mail becomes tickets, of a declaration. */
#include <string.h>

#include "core/reference.h"
#include "rpc/field.h"
#include "rpc/installation_declare_internal.h"

enum { ADDRESS_MOST = 200, AUTHSERV_MOST = 200 };

/* One @, a part before it that leaves room for a token, nothing that needs quoting. */
static bool is_address(const char *text)
{
	const char *at = strchr(text, '@');

	return at != NULL && at > text && at[1] != '\0' && strchr(at + 1, '@') == NULL &&
	       at - text <= 20 && strpbrk(text, " <>\"(),;:\\[]+") == NULL;
}

static const char *check_unknown(struct declare *d, const char *unknown)
{
	if (*unknown == '\0')
		return "refuse";
	if (strncmp(unknown, "customer ", 9) == 0)
		(void)declare_known(d, &d->customers, unknown + 9, "mail.unknown", "customer");
	else if (strcmp(unknown, "refuse") != 0 && strcmp(unknown, "queue") != 0)
		error_field(d->err, "mail.unknown",
		        "must be refuse, queue or customer and its code");
	return unknown;
}

/* One of two words, the first where none is written. */
static const char *check_word(struct declare *d, const char *path, const char *word,
        const char *first, const char *second)
{
	if (*word == '\0')
		return first;
	if (strcmp(word, first) != 0 && strcmp(word, second) != 0)
		error_field(d->err, path, "must be %s or %s", first, second);
	return word;
}

void declare_mail(struct declare *d)
{
	const Otklik__V1__MailIntake *in = d->in->mail;
	struct thing *thing;

	if (in == NULL || d->no_memory)
		return;
	thing = declare_thing(d, THING_MAIL, "intake");
	if (thing == NULL)
		return;
	if (!is_address(in->address))
		error_field(d->err, "mail.address",
		        "must be an address such as desk@example.org, of at most 20 "
		        "characters before the @ and without +");
	field_line(d->err, "mail.address", in->address, ADDRESS_MOST);
	field_line(d->err, "mail.authserv_id", in->authserv_id, AUTHSERV_MOST);
	thing->texts[MAIL_ADDRESS] = in->address;
	thing->texts[MAIL_UNKNOWN] = check_unknown(d, in->unknown);
	thing->texts[MAIL_UNKNOWN_REPLY] =
	        check_word(d, "mail.unknown_reply", in->unknown_reply, "note", "refuse");
	thing->texts[MAIL_AUTHSERV_ID] = in->authserv_id;
	thing->texts[MAIL_UNVERIFIED] =
	        check_word(d, "mail.unverified", in->unverified, "accept", "refuse");
	if (*in->authserv_id == '\0' && strcmp(thing->texts[MAIL_UNVERIFIED], "refuse") == 0)
		error_field(d->err, "mail.unverified",
		        "needs authserv_id: without it nobody is confirmed");
}
