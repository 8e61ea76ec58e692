/*
 * One path for every command on a ticket: read it with its key, apply the rule in memory, save
 * it guarded by its version. A verb only fills this struct (ticket_verbs.c).
 */
#ifndef OTKLIK_RPC_TICKET_COMMAND_H
#define OTKLIK_RPC_TICKET_COMMAND_H

#include "core/lifecycle.h"
#include "rpc/request.h"
#include "wire/schema.h"

struct ticket_call {
	int64_t ticket_id;
	int64_t expected_version; /* 0: as it is */
	struct command command;   /* what needs no reference data */
	/* codes, "" or NULL: not given; resolved within the ticket's customer */
	const char *team;
	const char *assignee;
	const char *service;
	const char *site;
	const char *person;
	/* wraps the ticket in the response of the rpc */
	enum step (*reply)(struct request *r, Otklik__V1__Ticket *ticket);
};

/* Copies *call; `err` has the violations found so far. */
enum step ticket_command(
        struct request *r, const struct ticket_call *call, const struct otk_error *err);

#endif
