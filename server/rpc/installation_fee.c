/* What a declared contract costs, and what it gives back. */
#include <string.h>

#include "core/currency.h"
#include "core/lifecycle.h"
#include "core/priority.h"
#include "rpc/installation_contract_internal.h"

enum { CREDITS_MAX = 100, PARTS = 10000 };

/* "12.5%" as 1250 parts of 10000, above 0 and at most all. */
static bool read_part(struct declare *d, const char *path, const char *text, int16_t *out)
{
	int64_t parts;
	char digits[8];
	size_t size = strlen(text);

	if (size > 1 && size <= sizeof digits && text[size - 1] == '%') {
		memcpy(digits, text, size - 1);
		digits[size - 1] = '\0';
		if (amount_parse(digits, 2, &parts) == 0 && parts > 0 && parts <= PARTS) {
			*out = (int16_t)parts;
			return true;
		}
	}
	error_field(d->err, path,
	        "'%.40s' must be a part above 0%% and at most 100%%, such as 12.5%%", text);
	return false;
}

static void read_fee(const struct contract_reading *r)
{
	const Otklik__V1__Contract *in = r->in;
	struct contract_terms *terms = r->terms;
	struct otk_error *err = r->d->err;
	int digits = currency_digits(in->currency);

	terms->currency = "";
	if (*in->fee == '\0') {
		if (*in->currency != '\0' || *in->period != '\0')
			error_field(err, contract_path(r, "fee"),
			        "must be an amount such as 1500.00 where currency or period "
			        "is written");
		return;
	}
	if (digits < 0)
		error_field(err, contract_path(r, "currency"),
		        "'%.8s' must be a currency code of ISO 4217 such as EUR", in->currency);
	else if (amount_parse(in->fee, digits, &terms->fee) < 0)
		error_field(err, contract_path(r, "fee"),
		        "'%.40s' must be an amount of %s such as %s", in->fee, in->currency,
		        digits == 0 ? "1500" : "1500.00");
	terms->currency = in->currency;
	terms->period = (int16_t)period_months(*in->period == '\0' ? "month" : in->period);
	if (terms->period == 0)
		error_field(err, contract_path(r, "period"),
		        "'%.40s' must be month, quarter or year", in->period);
}

static bool is_same_key(const struct term_credit *a, const struct term_credit *b)
{
	return a->clock == b->clock && a->type == b->type && a->priority == b->priority &&
	       strcmp(a->service, b->service) == 0;
}

/* Of two steps of one key the lower compliance gives more. */
static void check_step(const struct contract_reading *r, const char *prefix,
        const struct term_credit *step, const struct term_credit *other)
{
	struct declare *d = r->d;

	if (!is_same_key(step, other))
		return;
	if (step->below == other->below)
		error_field(d->err, declare_path(d, "%s.below", prefix),
		        "there is a step below %s for this clock, type, priority and service "
		        "already",
		        terms_part(d->arena, other->below));
	else if ((step->below < other->below) != (step->credit > other->credit))
		error_field(d->err, declare_path(d, "%s.credit", prefix),
		        "steps must give more for less: below %s gives %s, below %s gives %s",
		        terms_part(d->arena, other->below), terms_part(d->arena, other->credit),
		        terms_part(d->arena, step->below), terms_part(d->arena, step->credit));
}

/* Is there a target whose tickets it can look at? */
static bool is_promised(const struct contract_terms *terms, const struct term_credit *credit)
{
	for (size_t i = 0; i < terms->target_count; i++) {
		const struct term_target *t = &terms->targets[i];

		if (t->clock == credit->clock &&
		        (t->type == 0 || credit->type == 0 || t->type == credit->type) &&
		        (t->priority == 0 || credit->priority == 0 ||
		                t->priority == credit->priority) &&
		        (*t->service == '\0' || *credit->service == '\0' ||
		                strcmp(t->service, credit->service) == 0))
			return true;
	}
	return false;
}

static void read_credit(const struct contract_reading *r, size_t i)
{
	const Otklik__V1__ServiceCredit *in = r->in->credits[i];
	struct contract_terms *terms = r->terms;
	struct term_credit *out = &terms->credits[terms->credit_count];
	const char *prefix = contract_path(r, "credits[%zu]", i);
	struct declare *d = r->d;

	*out = (struct term_credit){.priority = (int16_t)in->priority, .service = in->service};
	contract_tickets(r, prefix, in->type, in->priority, in->service, &out->type);
	if (!contract_clock(d, declare_path(d, "%s.clock", prefix), in->clock, &out->clock))
		return;
	if (out->clock > CLOCK_RESOLUTION)
		error_field(d->err, declare_path(d, "%s.clock", prefix),
		        "credits look at what the customer was promised: response, update or "
		        "resolution");
	else if (!is_promised(terms, out))
		error_field(d->err, declare_path(d, "%s.clock", prefix),
		        "no target promises a %s for this type, priority and service",
		        in->clock);
	if (!read_part(d, declare_path(d, "%s.below", prefix), in->below, &out->below) ||
	        !read_part(d, declare_path(d, "%s.credit", prefix), in->credit, &out->credit))
		return;
	if (out->credit > terms->credit_cap)
		error_field(d->err, declare_path(d, "%s.credit", prefix),
		        "is more than the credit_cap of %s",
		        terms_part(d->arena, terms->credit_cap));
	for (size_t k = 0; k < terms->credit_count; k++)
		check_step(r, prefix, out, &terms->credits[k]);
	terms->credit_count++;
}

void contract_read_fee(const struct contract_reading *r)
{
	const Otklik__V1__Contract *in = r->in;
	struct contract_terms *terms = r->terms;

	read_fee(r);
	terms->credit_cap = PARTS;
	if (*in->credit_cap != '\0')
		(void)read_part(r->d, contract_path(r, "credit_cap"), in->credit_cap,
		        &terms->credit_cap);
	if (in->n_credits > CREDITS_MAX)
		error_field(r->d->err, contract_path(r, "credits"), "at most %d", CREDITS_MAX);
	if (in->n_credits > 0 && *in->fee == '\0')
		error_field(r->d->err, contract_path(r, "credits"),
		        "are parts of the fee: write fee and currency");
	terms->credits = declare_take(r->d, in->n_credits, sizeof *terms->credits);
	for (size_t i = 0; !r->d->no_memory && i < in->n_credits && i < CREDITS_MAX; i++)
		read_credit(r, i);
}
