/* ApplyInstallation: the whole installation as a declaration says it. */
#include <string.h>

#include "rpc/handlers.h"
#include "rpc/installation_change.h"
#include "rpc/installation_declare.h"
#include "rpc/service.h"

/* Nobody may saw off the branch on which the whole installation sits. */
static void check_self(
        const struct request *r, const Otklik__V1__Installation *in, struct otk_error *err)
{
	for (size_t i = 0; i < in->n_people; i++) {
		const Otklik__V1__Person *person = in->people[i];

		if (strcmp(person->code, r->principal->code) != 0)
			continue;
		for (size_t k = 0; k < person->n_grants && !person->disabled; k++) {
			if (strcmp(person->grants[k]->role, "admin") == 0 &&
			        *person->grants[k]->customer == '\0')
				return;
		}
		break;
	}
	error_field(err, "people",
	        "must declare you, '%s', with the role admin for every customer: nobody may "
	        "take administration from himself",
	        r->principal->code);
}

static int decide(struct request *r, struct installation_change *change, const char *name,
        struct otk_error *err)
{
	const Otklik__V1__ApplyInstallationRequest *in = (const void *)r->message;
	if (strcmp(name, in->installation->name) != 0)
		return error_field(err, "name",
		        "this is the installation '%s'; its name stands in every certificate",
		        name);
	return declare_ties(&change->declared, &change->stored, true, err);
}

static enum step answer(
        struct request *r, const struct installation_change *change, bool applied)
{
	Otklik__V1__ApplyInstallationResponse out =
	        OTKLIK__V1__APPLY_INSTALLATION_RESPONSE__INIT;

	out.changes = change->items;
	out.n_changes = change->count;
	out.applied = applied;
	return apply_installation_reply(r, &out);
}

enum step apply_installation_begin(
        struct request *r, const Otklik__V1__ApplyInstallationRequest *in)
{
	struct installation_change *change = request_state(r, sizeof *change);
	struct otk_error err = {0};
	const char **people;

	if (change == NULL)
		return request_no_memory(r);
	if (in->installation == NULL) {
		error_field(&err, "installation", "declare an installation");
		return request_fail(r, &err);
	}
	if (!access_is_global(&r->principal->access, PERMISSION_ADMIN))
		return request_error(r, OTK_PERMISSION_DENIED, "NOT_PERMITTED",
		        "only an administrator of every customer may do this");
	change->declared.arena = r->arena;
	if (installation_declare(in->installation, &change->declared, &err) < 0 ||
	        declare_webhook_urls(in->installation, r->service->customer_webhooks,
	                r->service->webhook_allow_private, &err) < 0)
		return request_fail(r, &err);
	check_self(r, in->installation, &err);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	people = arena_calloc(r->arena, in->installation->n_people + 1, sizeof *people);
	if (people == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < in->installation->n_people; i++)
		people[i] = in->installation->people[i]->code;
	change->people = people;
	change->people_count = in->installation->n_people;
	change->dry_run = in->dry_run;
	change->decide = decide;
	change->answer = answer;
	return request_go(r, installation_change);
}
