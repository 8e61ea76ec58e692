/* A ticket for people: its fields, clocks and journal; for programs: JSON or CSV. */
#ifndef OTKLIK_CLI_TICKET_PRINT_H
#define OTKLIK_CLI_TICKET_PRINT_H

#include "cli/cli.h"
#include "cli/table.h"
#include "otklik/v1/ticket.pb-c.h"

/* One ticket, after a command or on its own; NULL is told. 0 or an exit code. */
int ticket_print(const struct cli *cli, const Otklik__V1__Ticket *ticket);

/* For people, a line: the date promised, if any ever was, and whether it was moved or broken.
 */
void ticket_promise_print(const Otklik__V1__Ticket *ticket);

/* A table of tickets for people or as CSV, and rows for it. table_print and table_free end it.
 */
struct table *tickets_table(const struct cli *cli);
void tickets_add(struct table *table, Otklik__V1__Ticket *const *tickets, size_t count);

/* The journal, a row an entry, for people or as CSV. 0 or EXIT_IO. */
int events_print(const struct cli *cli, Otklik__V1__TicketEvent *const *events, size_t count);

/* What an event did, in a few words: "state pending (customer)", "due 2026-…". */
enum { EVENT_WORDS_SIZE = 400 };
const char *event_words(const Otklik__V1__TicketEvent *event, char out[EVENT_WORDS_SIZE]);

/* Words of enum values. */
const char *state_word(Otklik__V1__TicketState state);
const char *clock_word(Otklik__V1__ClockKind kind);
const char *clock_state_word(Otklik__V1__ClockState state);

#endif
