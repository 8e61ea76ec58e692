/* What the files that read a declaration share; nobody else includes this. */
#ifndef OTKLIK_RPC_INSTALLATION_DECLARE_INTERNAL_H
#define OTKLIK_RPC_INSTALLATION_DECLARE_INTERNAL_H

#include "rpc/installation_declare.h"

/* Codes of one kind, sorted, for looking up what others refer to. */
struct names {
	const char **codes;
	size_t count;
};

struct declare {
	const Otklik__V1__Installation *in;
	struct thing_list *list;
	struct arena *arena;
	struct otk_error *err;
	bool no_memory;
	struct names customers;
	struct names sites;    /* "customer/site" */
	struct names services; /* "customer/service" */
	struct names teams;
	struct names calendars;
	const struct thing_list *stored; /* where calendars are, for a contract alone */
	struct declare_warning *warnings;
	size_t warning_count;
};

/* "sites[3].zone" in the arena; "" when that is out. */
const char *declare_path(struct declare *d, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
/* "customer/code" likewise. */
const char *declare_pair(struct declare *d, const char *customer, const char *code);

bool declare_is_known(const struct names *names, const char *code);
/* True when known; else a violation of the field. "" is not known. */
bool declare_known(struct declare *d, const struct names *names, const char *code,
        const char *field, const char *what);

/* Violations of a part, put under `prefix` ("calendars[2]"). */
void declare_adopt(struct declare *d, const char *prefix, const struct otk_error *part);

struct thing *declare_thing(struct declare *d, enum thing_kind kind, const char *code);
void *declare_take(struct declare *d, size_t count, size_t size);

/* installation_calendar.c, installation_contract.c */
void declare_calendars(struct declare *d);
void declare_contracts(struct declare *d);
/* Fields are named with `prefix` before them; it must live as long as the declaration. */
void declare_contract(struct declare *d, const Otklik__V1__Contract *in, const char *prefix);
/* A calendar that was declared, or stored where only a contract is; NULL. And its zone. */
const struct thing *declare_calendar_thing(const struct declare *d, const char *code);
const char *declare_calendar_zone(const struct declare *d, const char *code);
/* installation_mail.c */
void declare_mail(struct declare *d);
/* installation_notice.c */
void declare_notices(struct declare *d);
/* installation_rota.c */
void declare_rotas(struct declare *d);

#endif
