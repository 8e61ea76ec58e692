/* The `ics` files of a declaration made into its holidays. */
#ifndef OTKLIK_CLI_CALENDAR_ICS_H
#define OTKLIK_CLI_CALENDAR_ICS_H

#include "base/arena.h"
#include "base/status.h"
#include "cli/yaml_message.h"
#include "otklik/v1/installation.pb-c.h"

/*
 * Reads the files that the calendars name, relative to the folder of `file`, adds their dates
 * to the holidays where the calendar does not speak of the date itself, and takes the names
 * away. What is passed over is told on standard error. 0, or a negative status whose message
 * begins with file and line: of the iCalendar file where it can be read, else of `file`, whose
 * lines are given.
 */
int calendar_ics_take(struct arena *arena, const char *file, const struct yaml_lines *lines,
        Otklik__V1__Installation *in, struct otk_error *err);

#endif
