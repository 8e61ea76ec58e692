/* A ticket for people: its fields, clocks and journal; for programs: JSON or CSV. */
#ifndef OTKLIK_CLI_TICKET_PRINT_H
#define OTKLIK_CLI_TICKET_PRINT_H

#include "cli/cli.h"
#include "otklik/v1/ticket.pb-c.h"

/* One ticket, after a command or on its own. 0 or EXIT_IO. */
int ticket_print(const struct cli *cli, const Otklik__V1__Ticket *ticket);

/* A row each. 0 or EXIT_IO. */
int tickets_print(const struct cli *cli, Otklik__V1__Ticket *const *tickets, size_t count);

/* The journal, a row an entry. 0 or EXIT_IO. */
int events_print(const struct cli *cli, Otklik__V1__TicketEvent *const *events, size_t count);

/* What an event did, in a few words: "state pending (customer)", "due 2026-…". */
enum { EVENT_WORDS_SIZE = 400 };
const char *event_words(const Otklik__V1__TicketEvent *event, char out[EVENT_WORDS_SIZE]);

/* Words of enum values. */
const char *state_word(Otklik__V1__TicketState state);
const char *clock_word(Otklik__V1__ClockKind kind);
const char *clock_state_word(Otklik__V1__ClockState state);

#endif
