/* Wishes, words of notices and webhooks of a declaration. */
#include <stdio.h>
#include <string.h>

#include "core/notification.h"
#include "core/preference.h"
#include "core/reference.h"
#include "core/webhook_url.h"
#include "notice/message.h"
#include "notice/template.h"
#include "rpc/field.h"
#include "rpc/installation_declare_internal.h"

enum { TEMPLATES_MAX = 1000, LANGUAGE_MOST = 35, SECRET_MOST = 64 };

int wishes_parse(
        const Otklik__V1__Preference *in, struct preference *out, struct otk_error *err)
{
	const struct preference_words words = {.channel = in->channel,
	        .digest = in->digest,
	        .quiet = in->quiet_hours,
	        .mute = (const char *const *)in->mute,
	        .mute_count = in->n_mute,
	        .levels = in->levels};

	return preference_parse(&words, out, err);
}

static void declare_preference(struct declare *d, size_t i)
{
	const Otklik__V1__Person *person = d->in->people[i];
	struct preference wishes = {.channel = PREFERENCE_MAIL};
	struct otk_error why = {0};
	struct thing *thing;

	if (person->preference == NULL)
		return;
	if (wishes_parse(person->preference, &wishes, &why) < 0)
		declare_adopt(d, declare_path(d, "people[%zu].preference", i), &why);
	thing = declare_thing(d, THING_PREFERENCE, person->code);
	if (thing != NULL && preference_texts(d->arena, &wishes, thing) < 0)
		d->no_memory = true;
}

/* --- templates --------------------------------------------------------------------------- */

static void check_words(
        struct otk_error *err, const char *field, const char *text, const char *prefix)
{
	struct otk_error why = {0};
	char path[OTK_FIELD_SIZE];

	(void)snprintf(path, sizeof path, "%s%s", prefix, field);
	if (strcmp(field, "subject") == 0)
		field_line(err, path, text, TEMPLATE_SUBJECT_MAX);
	else
		field_text(err, path, text, TEMPLATE_BODY_MAX);
	if (template_try(text, &why) < 0)
		error_field(err, path, "%s", why.message);
}

void template_check_fields(
        const Otklik__V1__Template *in, const char *prefix, struct otk_error *err)
{
	size_t tag = strspn(in->language, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                                  "0123456789-");
	char path[OTK_FIELD_SIZE];

	if (template_find(in->name) < 0) {
		(void)snprintf(path, sizeof path, "%sname", prefix);
		error_field(err, path,
		        "'%.32s' is no notice; there are created, replied, answered, question, "
		        "resolved, reopened, level, promised, promise-warned, promise-broken, "
		        "asked, merged, unmerged, summary, digest, line, rest",
		        in->name);
	}
	if (tag == 0 || in->language[tag] != '\0' || tag > LANGUAGE_MOST) {
		(void)snprintf(path, sizeof path, "%slanguage", prefix);
		error_field(err, path, "must be a language tag such as en or pt-BR");
	}
	if (*in->subject == '\0' && *in->text == '\0') {
		(void)snprintf(path, sizeof path, "%stext", prefix);
		error_field(err, path, "write a subject, a text or both");
	}
	check_words(err, "subject", in->subject, prefix);
	check_words(err, "text", in->text, prefix);
}

static void declare_template(struct declare *d, size_t i)
{
	const Otklik__V1__Template *in = d->in->templates[i];
	const char *code = declare_path(d, "%s/%s%s%s", in->name, in->language,
	        *in->customer == '\0' ? "" : "/", in->customer);
	struct thing *thing;

	template_check_fields(in, declare_path(d, "templates[%zu].", i), d->err);
	if (*in->customer != '\0')
		(void)declare_known(d, &d->customers, in->customer,
		        declare_path(d, "templates[%zu].customer", i), "customer");
	for (size_t k = 0; k < i; k++) {
		const Otklik__V1__Template *other = d->in->templates[k];

		if (strcmp(other->name, in->name) == 0 &&
		        strcmp(other->language, in->language) == 0 &&
		        strcmp(other->customer, in->customer) == 0)
			error_field(d->err, declare_path(d, "templates[%zu].name", i),
			        "'%s' is declared twice", code);
	}
	thing = declare_thing(d, THING_TEMPLATE, code);
	if (thing == NULL)
		return;
	thing->texts[TEMPLATE_SUBJECT] = in->subject;
	thing->texts[TEMPLATE_TEXT] = in->text;
}

/* --- webhooks ---------------------------------------------------------------------------- */

static void declare_webhook(struct declare *d, size_t i)
{
	const Otklik__V1__Customer *customer = d->in->customers[i];
	const Otklik__V1__Webhook *in = customer->webhook;
	size_t length;
	uint32_t notices;
	struct thing *thing;

	if (in == NULL)
		return;
	length = strspn(in->secret, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                            "0123456789._-");
	if (length == 0 || in->secret[length] != '\0' || length > SECRET_MOST ||
	        in->secret[0] == '.')
		error_field(d->err, declare_path(d, "customers[%zu].webhook.secret", i),
		        "must name a file in webhook_secret_dir: 1 to %d of A-Z a-z 0-9 . _ -",
		        SECRET_MOST);
	notices = notice_bits((const char *const *)in->notices, in->n_notices,
	        declare_path(d, "customers[%zu].webhook.notices", i), d->err);
	for (size_t k = 0; k < in->n_notices; k++) {
		if (notice_find(in->notices[k]) == NOTICE_PROMISE_WARNED)
			error_field(d->err,
			        declare_path(d, "customers[%zu].webhook.notices[%zu]", i, k),
			        "the warning is for the ticket's owner: the customer is not "
			        "told of it");
	}
	thing = declare_thing(d, THING_WEBHOOK, customer->code);
	if (thing == NULL)
		return;
	thing->texts[WEBHOOK_URL] = in->url;
	thing->texts[WEBHOOK_SECRET] = in->secret;
	thing->texts[WEBHOOK_NOTICES] = notices_text(d->arena, notices);
	thing->texts[WEBHOOK_NUMBERS] = notices_numbers(d->arena, notices);
	if (thing->texts[WEBHOOK_NOTICES] == NULL || thing->texts[WEBHOOK_NUMBERS] == NULL)
		d->no_memory = true;
}

int declare_webhook_urls(const Otklik__V1__Installation *in, bool enabled, bool allow_private,
        struct otk_error *err)
{
	struct otk_error wrong = {0};

	for (size_t i = 0; i < in->n_customers; i++) {
		const char *why = NULL;
		char path[OTK_FIELD_SIZE];

		if (in->customers[i]->webhook == NULL)
			continue;
		(void)snprintf(path, sizeof path, "customers[%zu].webhook.url", i);
		why = webhook_url_check(in->customers[i]->webhook->url, allow_private);
		if (why != NULL)
			error_field(&wrong, path, "'%.80s' %s", in->customers[i]->webhook->url,
			        why);
		else if (!enabled)
			error_field(&wrong, path,
			        "this server has no webhook_secret_dir: customers cannot have "
			        "webhooks");
	}
	if (wrong.code == OTK_OK)
		return 0;
	*err = wrong;
	return -(int)wrong.code;
}

void declare_notices(struct declare *d)
{
	if (d->in->n_templates > TEMPLATES_MAX) {
		error_field(d->err, "templates", "at most %d", TEMPLATES_MAX);
		return;
	}
	for (size_t i = 0; !d->no_memory && i < d->in->n_people; i++)
		declare_preference(d, i);
	for (size_t i = 0; !d->no_memory && i < d->in->n_templates; i++)
		declare_template(d, i);
	for (size_t i = 0; !d->no_memory && i < d->in->n_customers; i++)
		declare_webhook(d, i);
}
