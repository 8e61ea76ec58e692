/* Customers, sites, teams, services, people and agents of a declaration. */
#include "rpc/installation_declare.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/tz.h"
#include "core/access.h"
#include "core/reference.h"
#include "rpc/field.h"
#include "rpc/installation_declare_internal.h"

enum { EMAIL_MAX = 254, LANGUAGE_MAX = 35, THINGS_MAX = 5000 };

const char *declare_path(struct declare *d, const char *format, ...)
{
	char path[OTK_FIELD_SIZE];
	const char *copy;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(path, sizeof path, format, args);
	va_end(args);
	copy = arena_strdup(d->arena, path);
	if (copy == NULL)
		d->no_memory = true;
	return copy == NULL ? "" : copy;
}

const char *declare_pair(struct declare *d, const char *customer, const char *code)
{
	const char *pair = arena_printf(d->arena, "%s/%s", customer, code);

	if (pair == NULL)
		d->no_memory = true;
	return pair == NULL ? "" : pair;
}

void *declare_take(struct declare *d, size_t count, size_t size)
{
	void *memory = arena_calloc(d->arena, count > 0 ? count : 1, size);

	if (memory == NULL)
		d->no_memory = true;
	return memory;
}

struct thing *declare_thing(struct declare *d, enum thing_kind kind, const char *code)
{
	struct thing *thing = thing_add(d->list, kind, code);

	if (thing == NULL)
		d->no_memory = true;
	return thing;
}

void declare_adopt(struct declare *d, const char *prefix, const struct otk_error *part)
{
	for (size_t i = 0; i < part->violation_count; i++)
		error_field(d->err, declare_path(d, "%s.%s", prefix, part->violations[i].field),
		        "%s", part->violations[i].description);
	if (part->violation_count == 0)
		error_field(d->err, prefix, "%s", part->message);
}

/* --- codes ------------------------------------------------------------------------------- */

static int compare_codes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void names_sort(struct names *names)
{
	if (names->count > 1)
		qsort(names->codes, names->count, sizeof *names->codes, compare_codes);
}

static bool names_has(const struct names *names, const char *code)
{
	return names->count > 0 && bsearch(&code, names->codes, names->count,
	                                   sizeof *names->codes, compare_codes) != NULL;
}

bool declare_is_known(const struct names *names, const char *code)
{
	return names_has(names, code);
}

bool declare_known(struct declare *d, const struct names *names, const char *code,
        const char *field, const char *what)
{
	if (names_has(names, code))
		return true;
	if (*code == '\0')
		error_field(d->err, field, "name a %s", what);
	else
		error_field(d->err, field, "no %s '%s' is declared", what, code);
	return false;
}

static bool is_code(const char *code)
{
	size_t length = strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return length >= 1 && length <= CODE_MAX && code[length] == '\0';
}

/* The element `i` of one kind: where it stands and its code. */
typedef const char *code_of(const Otklik__V1__Installation *in, size_t i);

/* Agents are counted on behind the people. */
static const char *code_path(struct declare *d, const char *where, size_t i)
{
	if (strcmp(where, "people") == 0 && i >= d->in->n_people)
		return declare_path(d, "agents[%zu].code", i - d->in->n_people);
	return declare_path(d, "%s[%zu].code", where, i);
}

/* Checks the codes of a kind; a repeat is told at the later one. */
static void check_codes(struct declare *d, const char *where, size_t count, code_of *code)
{
	const char **sorted = declare_take(d, count, sizeof *sorted);

	if (sorted == NULL)
		return;
	if (count > THINGS_MAX)
		error_field(d->err, where, "at most %d", THINGS_MAX);
	for (size_t i = 0; i < count; i++) {
		sorted[i] = code(d->in, i);
		if (!is_code(sorted[i]))
			error_field(d->err, code_path(d, where, i),
			        "must be 1 to %d of a-z 0-9 . _ -", CODE_MAX);
	}
	qsort(sorted, count, sizeof *sorted, compare_codes);
	for (size_t i = 1; i < count; i++) {
		size_t at = count;

		if (strcmp(sorted[i - 1], sorted[i]) != 0)
			continue;
		while (at > 0 && strcmp(code(d->in, at - 1), sorted[i]) != 0)
			at--;
		error_field(d->err, code_path(d, where, at - 1), "'%s' is declared twice",
		        sorted[i]);
	}
}

#define CODE_OF(kind)                                                                          \
	static const char *kind##_code(const Otklik__V1__Installation *in, size_t i)           \
	{                                                                                      \
		return in->kind[i]->code;                                                      \
	}
CODE_OF(customers)
CODE_OF(teams)
CODE_OF(calendars)
CODE_OF(contracts)
CODE_OF(rotas)
#undef CODE_OF

/* People and agents are both principals: one name space. */
static const char *principal_code(const Otklik__V1__Installation *in, size_t i)
{
	return i < in->n_people ? in->people[i]->code : in->agents[i - in->n_people]->code;
}

static void gather(struct declare *d, struct names *names, size_t count, code_of *code)
{
	names->codes = declare_take(d, count, sizeof *names->codes);
	for (size_t i = 0; names->codes != NULL && i < count; i++)
		names->codes[names->count++] = code(d->in, i);
	names_sort(names);
}

/* --- texts ------------------------------------------------------------------------------- */

static void check_name(struct declare *d, const char *path, const char *name)
{
	if (*name == '\0')
		error_field(d->err, path, "a name is needed");
	field_line(d->err, path, name, NAME_TEXT_MAX);
}

static void check_zone(struct declare *d, const char *path, const char *zone)
{
	const struct tz *tz;
	struct otk_error why = {0};

	if (*zone != '\0' && tz_find(zone, &tz, &why) < 0)
		error_field(d->err, path,
		        "'%.64s' is no time zone; write one such as Europe/Berlin", zone);
}

static void check_language(struct declare *d, const char *path, const char *language)
{
	size_t length = strspn(language, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                                 "0123456789-");

	if (language[length] != '\0' || length > LANGUAGE_MAX)
		error_field(d->err, path, "must be a language tag such as en or pt-BR");
}

/* --- kinds ------------------------------------------------------------------------------- */

static void declare_customers(struct declare *d)
{
	for (size_t i = 0; i < d->in->n_customers; i++) {
		const Otklik__V1__Customer *c = d->in->customers[i];
		struct thing *thing = declare_thing(d, THING_CUSTOMER, c->code);

		if (thing == NULL)
			return;
		check_name(d, declare_path(d, "customers[%zu].name", i), c->name);
		check_zone(d, declare_path(d, "customers[%zu].zone", i), c->zone);
		check_language(d, declare_path(d, "customers[%zu].language", i), c->language);
		if (strcmp(c->code, "provider") == 0)
			error_field(d->err, declare_path(d, "customers[%zu].code", i),
			        "'provider' is the provider itself; choose another code");
		thing->texts[CUSTOMER_NAME] = c->name;
		thing->texts[CUSTOMER_ZONE] = *c->zone == '\0' ? "UTC" : c->zone;
		thing->texts[CUSTOMER_LANGUAGE] = *c->language == '\0' ? "en" : c->language;
	}
}

static const char *customer_zone(const struct declare *d, const char *code)
{
	for (size_t i = 0; i < d->in->n_customers; i++) {
		if (strcmp(d->in->customers[i]->code, code) == 0)
			return *d->in->customers[i]->zone == '\0' ? "UTC"
			                                          : d->in->customers[i]->zone;
	}
	return "UTC";
}

/* Whether customer (none: all of them) and code are those of "customer/code". */
static bool is_pair(const char *pair, const char *customer, const char *code)
{
	const char *slash = strchr(pair, '/');
	size_t length = slash == NULL ? 0 : (size_t)(slash - pair);

	return slash != NULL && strcmp(slash + 1, code) == 0 &&
	       (*customer == '\0' ||
	               (strlen(customer) == length && memcmp(customer, pair, length) == 0));
}

/* The path of the last site or service of that pair. */
static const char *pair_path(struct declare *d, const char *where, const char *pair)
{
	bool sites = strcmp(where, "sites") == 0;
	size_t i = sites ? d->in->n_sites : d->in->n_services;

	while (i-- > 0) {
		const char *customer =
		        sites ? d->in->sites[i]->customer : d->in->services[i]->customer;
		const char *code = sites ? d->in->sites[i]->code : d->in->services[i]->code;

		if (is_pair(pair, customer, code))
			return declare_path(d, "%s[%zu].code", where, i);
	}
	return where;
}

/* Told once a repeat; `code` names the pair. */
static void check_pairs(struct declare *d, const struct names *names, const char *where)
{
	for (size_t i = 1; i < names->count; i++) {
		if (strcmp(names->codes[i - 1], names->codes[i]) == 0)
			error_field(d->err, pair_path(d, where, names->codes[i]),
			        "'%s' is declared twice", names->codes[i]);
	}
}

static void declare_sites(struct declare *d)
{
	d->sites.codes = declare_take(d, d->in->n_sites, sizeof *d->sites.codes);
	for (size_t i = 0; !d->no_memory && i < d->in->n_sites; i++) {
		const Otklik__V1__Site *s = d->in->sites[i];
		const char *pair = declare_pair(d, s->customer, s->code);
		struct thing *thing = declare_thing(d, THING_SITE, pair);

		if (thing == NULL)
			return;
		d->sites.codes[d->sites.count++] = pair;
		if (!is_code(s->code))
			error_field(d->err, declare_path(d, "sites[%zu].code", i),
			        "must be 1 to %d of a-z 0-9 . _ -", CODE_MAX);
		(void)declare_known(d, &d->customers, s->customer,
		        declare_path(d, "sites[%zu].customer", i), "customer");
		check_name(d, declare_path(d, "sites[%zu].name", i), s->name);
		if (*s->calendar != '\0')
			(void)declare_known(d, &d->calendars, s->calendar,
			        declare_path(d, "sites[%zu].calendar", i), "calendar");
		thing->texts[SITE_CALENDAR] = s->calendar;
		check_zone(d, declare_path(d, "sites[%zu].zone", i), s->zone);
		thing->texts[SITE_NAME] = s->name;
		thing->texts[SITE_ZONE] =
		        *s->zone == '\0' ? customer_zone(d, s->customer) : s->zone;
	}
	names_sort(&d->sites);
	check_pairs(d, &d->sites, "sites");
}

static void declare_teams(struct declare *d)
{
	for (size_t i = 0; i < d->in->n_teams; i++) {
		const Otklik__V1__Team *t = d->in->teams[i];
		struct thing *thing = declare_thing(d, THING_TEAM, t->code);

		if (thing == NULL)
			return;
		check_name(d, declare_path(d, "teams[%zu].name", i), t->name);
		thing->texts[TEAM_NAME] = t->name;
	}
}

static void declare_service(
        struct declare *d, const char *customer, const char *code, const char *name)
{
	const char *pair = declare_pair(d, customer, code);
	struct thing *thing = declare_thing(d, THING_SERVICE, pair);

	if (thing == NULL)
		return;
	d->services.codes[d->services.count++] = pair;
	thing->texts[SERVICE_NAME] = name;
}

/* A service without a customer is one of each customer. */
static void declare_services(struct declare *d)
{
	size_t most = d->in->n_services * (d->in->n_customers > 0 ? d->in->n_customers : 1);

	if (most > (size_t)THINGS_MAX * 4) {
		error_field(d->err, "services", "at most %d for all customers together",
		        THINGS_MAX * 4);
		return;
	}
	d->services.codes = declare_take(d, most, sizeof *d->services.codes);
	for (size_t i = 0; !d->no_memory && i < d->in->n_services; i++) {
		const Otklik__V1__Service *s = d->in->services[i];

		if (!is_code(s->code))
			error_field(d->err, declare_path(d, "services[%zu].code", i),
			        "must be 1 to %d of a-z 0-9 . _ -", CODE_MAX);
		check_name(d, declare_path(d, "services[%zu].name", i), s->name);
		if (*s->customer != '\0') {
			if (declare_known(d, &d->customers, s->customer,
			            declare_path(d, "services[%zu].customer", i), "customer"))
				declare_service(d, s->customer, s->code, s->name);
			continue;
		}
		for (size_t k = 0; !d->no_memory && k < d->in->n_customers; k++)
			declare_service(d, d->in->customers[k]->code, s->code, s->name);
	}
	names_sort(&d->services);
	check_pairs(d, &d->services, "services");
}

/* --- people ------------------------------------------------------------------------------ */

static void check_grant(struct declare *d, const Otklik__V1__Person *person, size_t i, size_t k,
        struct person_terms *terms)
{
	const Otklik__V1__Grant *grant = person->grants[k];
	const char *path = declare_path(d, "people[%zu].grants[%zu].role", i, k);
	enum role role;

	if (role_parse(grant->role, &role) < 0 || role == ROLE_AGENT) {
		error_field(d->err, path,
		        "'%.40s' must be requester, engineer, lead, manager, admin or mail",
		        grant->role);
		return;
	}
	if (*person->customer != '\0' && role != ROLE_REQUESTER && role != ROLE_MANAGER)
		error_field(d->err, path,
		        "a customer's person may be requester or manager, not %s", grant->role);
	path = declare_path(d, "people[%zu].grants[%zu].customer", i, k);
	if (*person->customer != '\0' && strcmp(grant->customer, person->customer) != 0)
		error_field(d->err, path, "must be '%s', whose person '%s' is",
		        person->customer, person->code);
	else if (*grant->customer != '\0')
		(void)declare_known(d, &d->customers, grant->customer, path, "customer");
	for (size_t n = 0; n < terms->grant_count; n++) {
		if (terms->roles[n] == (int16_t)role &&
		        strcmp(terms->customers[n], grant->customer) == 0)
			error_field(d->err, path, "this grant is written twice");
	}
	terms->roles[terms->grant_count] = (int16_t)role;
	terms->customers[terms->grant_count++] = grant->customer;
}

static void check_teams(struct declare *d, const Otklik__V1__Person *person, size_t i,
        struct person_terms *terms)
{
	for (size_t k = 0; k < person->n_teams; k++) {
		const char *path = declare_path(d, "people[%zu].teams[%zu]", i, k);

		(void)declare_known(d, &d->teams, person->teams[k], path, "team");
		for (size_t n = 0; n < k; n++) {
			if (strcmp(person->teams[n], person->teams[k]) != 0)
				continue;
			error_field(d->err, path, "'%s' is named twice", person->teams[k]);
			break; /* said once: 2000 times one team took seconds to say */
		}
		terms->teams[terms->team_count++] = person->teams[k];
	}
	if (person->n_teams > 0 && *person->customer != '\0')
		error_field(d->err, declare_path(d, "people[%zu].teams", i),
		        "teams are the provider's; '%s' is a customer's person", person->code);
}

static int compare_emails(const void *a, const void *b)
{
	return strcasecmp(thing_text(*(struct thing *const *)a, PERSON_EMAIL),
	        thing_text(*(struct thing *const *)b, PERSON_EMAIL));
}

/* Allowed, for a team may have one address; but whose a letter from it is cannot be told. */
static void note_shared_emails(struct declare *d)
{
	struct thing **people = declare_take(d, d->list->count, sizeof *people);
	size_t count = 0;

	for (size_t i = 0; people != NULL && i < d->list->count; i++) {
		struct thing *thing = &d->list->things[i];

		if (thing->kind == THING_PERSON && *thing_text(thing, PERSON_EMAIL) != '\0')
			people[count++] = thing;
	}
	if (count > 1)
		qsort(people, count, sizeof *people, compare_emails);
	for (size_t i = 1; i < count; i++) {
		if (compare_emails(&people[i - 1], &people[i]) != 0)
			continue;
		for (size_t k = 0; k < 2; k++) {
			people[i - k]->note = arena_printf(d->arena,
			        "warning: '%s' has this address too: mail from it is refused",
			        people[i - 1 + k]->code);
			d->no_memory = d->no_memory || people[i - k]->note == NULL;
		}
	}
}

static void declare_person(struct declare *d, size_t i)
{
	const Otklik__V1__Person *p = d->in->people[i];
	struct thing *thing = declare_thing(d, THING_PERSON, p->code);
	struct person_terms *terms = declare_take(d, 1, sizeof *terms);
	const char *path = declare_path(d, "people[%zu].email", i);

	check_name(d, declare_path(d, "people[%zu].name", i), p->name);
	if (*p->email != '\0' && strchr(p->email, '@') == NULL)
		error_field(d->err, path, "must be an address such as name@example.org");
	field_line(d->err, path, p->email, EMAIL_MAX);
	if (*p->customer != '\0')
		(void)declare_known(d, &d->customers, p->customer,
		        declare_path(d, "people[%zu].customer", i), "customer");
	check_zone(d, declare_path(d, "people[%zu].zone", i), p->zone);
	check_language(d, declare_path(d, "people[%zu].language", i), p->language);
	if (p->n_grants > ACCESS_GRANTS_MAX)
		error_field(d->err, declare_path(d, "people[%zu].grants", i), "at most %d",
		        ACCESS_GRANTS_MAX);
	if (thing == NULL || terms == NULL || p->n_grants > ACCESS_GRANTS_MAX ||
	        p->n_teams > THINGS_MAX)
		return;
	terms->roles = declare_take(d, p->n_grants, sizeof *terms->roles);
	terms->customers = declare_take(d, p->n_grants, sizeof *terms->customers);
	terms->teams = declare_take(d, p->n_teams, sizeof *terms->teams);
	if (d->no_memory)
		return;
	for (size_t k = 0; k < p->n_grants; k++)
		check_grant(d, p, i, k, terms);
	check_teams(d, p, i, terms);
	thing->terms.person = terms;
	thing->texts[PERSON_NAME] = p->name;
	thing->texts[PERSON_EMAIL] = p->email;
	thing->texts[PERSON_CUSTOMER] = p->customer;
	thing->texts[PERSON_ZONE] = p->zone;
	thing->texts[PERSON_LANGUAGE] = p->language;
	thing->texts[PERSON_GRANTS] = terms_grants(d->arena, terms);
	thing->texts[PERSON_TEAMS] = terms_join(d->arena, terms->teams, terms->team_count);
	thing->texts[PERSON_DISABLED] = p->disabled ? "yes" : "";
	if (thing->texts[PERSON_GRANTS] == NULL || thing->texts[PERSON_TEAMS] == NULL)
		d->no_memory = true;
}

/* "customer/site", or a site's code alone where only one customer has such a site. */
static const char *agent_site(struct declare *d, size_t i)
{
	const char *site = d->in->agents[i]->site;
	const char *path = declare_path(d, "agents[%zu].site", i);
	const char *found = NULL;

	if (strchr(site, '/') != NULL || *site == '\0')
		return declare_known(d, &d->sites, site, path, "site") ? site : NULL;
	for (size_t k = 0; k < d->in->n_sites; k++) {
		if (strcmp(d->in->sites[k]->code, site) != 0)
			continue;
		if (found != NULL) {
			error_field(d->err, path,
			        "several customers have a site '%s': write customer/site",
			        site);
			return NULL;
		}
		found = declare_pair(d, d->in->sites[k]->customer, site);
	}
	if (found == NULL)
		error_field(d->err, path, "no site '%s' is declared", site);
	return found;
}

static void declare_agents(struct declare *d)
{
	for (size_t i = 0; i < d->in->n_agents; i++) {
		const Otklik__V1__Agent *a = d->in->agents[i];
		struct thing *thing = declare_thing(d, THING_AGENT, a->code);

		if (thing == NULL)
			return;
		thing->texts[AGENT_SITE] = agent_site(d, i);
		if (*a->team != '\0')
			(void)declare_known(d, &d->teams, a->team,
			        declare_path(d, "agents[%zu].team", i), "team");
		thing->texts[AGENT_TEAM] = a->team;
		thing->texts[AGENT_DISABLED] = a->disabled ? "yes" : "";
	}
}

int installation_declare(
        const Otklik__V1__Installation *in, struct thing_list *out, struct otk_error *err)
{
	struct otk_error wrong = {0};
	struct declare d = {.in = in, .list = out, .arena = out->arena, .err = &wrong};

	check_codes(&d, "customers", in->n_customers, customers_code);
	check_codes(&d, "teams", in->n_teams, teams_code);
	check_codes(&d, "calendars", in->n_calendars, calendars_code);
	check_codes(&d, "contracts", in->n_contracts, contracts_code);
	check_codes(&d, "rotas", in->n_rotas, rotas_code);
	check_codes(&d, "people", in->n_people + in->n_agents, principal_code);
	gather(&d, &d.customers, in->n_customers, customers_code);
	gather(&d, &d.teams, in->n_teams, teams_code);
	gather(&d, &d.calendars, in->n_calendars, calendars_code);
	declare_customers(&d);
	declare_sites(&d);
	declare_teams(&d);
	declare_services(&d);
	for (size_t i = 0; !d.no_memory && i < in->n_people; i++)
		declare_person(&d, i);
	if (!d.no_memory)
		note_shared_emails(&d);
	declare_agents(&d);
	declare_calendars(&d);
	declare_contracts(&d);
	if (!d.no_memory)
		(void)declare_ties(out, NULL, true, &wrong);
	declare_rotas(&d);
	declare_mail(&d);
	if (!d.no_memory)
		declare_notices(&d);
	if (d.no_memory)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE",
		        "the installation does not fit in the memory of one request");
	if (wrong.code != OTK_OK) {
		*err = wrong;
		return -(int)wrong.code;
	}
	return 0;
}

/* --- a contract alone -------------------------------------------------------------------- */

/* The codes of stored things of a kind that are in use. */
static void gather_stored(struct declare *d, struct names *names, enum thing_kind kind)
{
	names->codes = declare_take(d, d->stored->count, sizeof *names->codes);
	for (size_t i = 0; names->codes != NULL && i < d->stored->count; i++) {
		const struct thing *thing = &d->stored->things[i];

		if (thing->kind == kind && !thing->retired)
			names->codes[names->count++] = thing->code;
	}
	names_sort(names);
}

int contract_declare(const Otklik__V1__Contract *in, const struct thing_list *stored,
        struct thing_list *out, const struct declare_warning **warnings, size_t *warning_count,
        struct otk_error *err)
{
	struct otk_error wrong = {0};
	struct declare d = {.list = out, .arena = out->arena, .err = &wrong, .stored = stored};

	gather_stored(&d, &d.customers, THING_CUSTOMER);
	gather_stored(&d, &d.sites, THING_SITE);
	gather_stored(&d, &d.services, THING_SERVICE);
	gather_stored(&d, &d.teams, THING_TEAM);
	gather_stored(&d, &d.calendars, THING_CALENDAR);
	if (!is_code(in->code))
		error_field(&wrong, "code", "must be 1 to %d of a-z 0-9 . _ -", CODE_MAX);
	if (!d.no_memory)
		declare_contract(&d, in, "");
	if (!d.no_memory)
		(void)declare_ties(out, stored, false, &wrong);
	if (d.no_memory)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE",
		        "the contract does not fit in the memory of one request");
	if (wrong.code != OTK_OK) {
		*err = wrong;
		return -(int)wrong.code;
	}
	out->things[out->count - 1].separate = true;
	*warnings = d.warnings;
	*warning_count = d.warning_count;
	return 0;
}
