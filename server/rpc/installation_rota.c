/* On-call rotas of a declaration. */
#include <string.h>

#include "base/buf.h"
#include "core/rota.h"
#include "rpc/installation_declare_internal.h"

enum { ROTAS_MAX = 500 };

static const Otklik__V1__Person *find_person(const struct declare *d, const char *code)
{
	for (size_t i = 0; i < d->in->n_people; i++) {
		if (strcmp(d->in->people[i]->code, code) == 0)
			return d->in->people[i];
	}
	return NULL;
}

static void check_person(struct declare *d, const Otklik__V1__Rota *rota, size_t i, size_t k)
{
	const char *path = declare_path(d, "rotas[%zu].people[%zu]", i, k);
	const Otklik__V1__Person *person = find_person(d, rota->people[k]);

	if (person == NULL)
		error_field(d->err, path, "no person '%.64s' is declared", rota->people[k]);
	else if (*person->customer != '\0')
		error_field(d->err, path,
		        "'%s' is a customer's: the provider's people are on call",
		        person->code);
	else if (person->disabled)
		error_field(d->err, path, "'%s' is disabled", person->code);
	for (size_t n = 0; n < k; n++) {
		if (strcmp(rota->people[n], rota->people[k]) == 0)
			error_field(d->err, path, "'%.64s' is named twice", rota->people[k]);
	}
}

/* "ann,bob": their order is the order of the turns. */
static const char *people_text(struct declare *d, const Otklik__V1__Rota *rota)
{
	struct buf text = {0};
	const char *kept;

	for (size_t k = 0; k < rota->n_people; k++)
		buf_printf(&text, "%s%s", k > 0 ? "," : "", rota->people[k]);
	kept = text.failed ? NULL : arena_strdup(d->arena, buf_text(&text));
	if (kept == NULL)
		d->no_memory = true;
	buf_free(&text);
	return kept;
}

static void declare_rota(struct declare *d, size_t i)
{
	const Otklik__V1__Rota *in = d->in->rotas[i];
	struct thing *thing = declare_thing(d, THING_ROTA, in->code);
	struct rota_text text = {in->zone, in->period, in->hand_over, in->start, in->coverage};
	uint32_t layer = in->layer == 0 ? 1 : in->layer;
	struct ref_rota parsed = {0};
	struct otk_error why = {0};
	int rc = rota_parse(&text, &parsed, &why);

	rota_release(&parsed);
	if (rc == -OTK_RESOURCE_EXHAUSTED)
		d->no_memory = true;
	else if (rc < 0)
		declare_adopt(d, declare_path(d, "rotas[%zu]", i), &why);
	(void)declare_known(
	        d, &d->teams, in->team, declare_path(d, "rotas[%zu].team", i), "team");
	if (layer > ROTA_LAYERS_MAX)
		error_field(d->err, declare_path(d, "rotas[%zu].layer", i), "must be 1 to %d",
		        ROTA_LAYERS_MAX);
	if (in->n_people == 0 || in->n_people > ROTA_PEOPLE_MAX) {
		error_field(d->err, declare_path(d, "rotas[%zu].people", i),
		        "name 1 to %d people", ROTA_PEOPLE_MAX);
		return;
	}
	for (size_t k = 0; k < in->n_people; k++)
		check_person(d, in, i, k);
	if (thing == NULL)
		return;
	thing->texts[ROTA_TEAM] = in->team;
	thing->texts[ROTA_LAYER] = declare_path(d, "%u", layer);
	thing->texts[ROTA_ZONE] = *in->zone == '\0' ? "UTC" : in->zone;
	thing->texts[ROTA_PEOPLE] = people_text(d, in);
	thing->texts[ROTA_PERIOD] = in->period;
	thing->texts[ROTA_HAND_OVER] = in->hand_over;
	thing->texts[ROTA_START] = in->start;
	thing->texts[ROTA_COVERAGE] = *in->coverage == '\0' ? "always" : in->coverage;
}

void declare_rotas(struct declare *d)
{
	if (d->in->n_rotas > ROTAS_MAX) {
		error_field(d->err, "rotas", "at most %d", ROTAS_MAX);
		return;
	}
	for (size_t i = 0; !d->no_memory && i < d->in->n_rotas; i++)
		declare_rota(d, i);
}
