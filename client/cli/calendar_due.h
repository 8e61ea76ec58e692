/* `otklik calendar due`: due times computed without a server. */
#ifndef OTKLIK_CLI_CALENDAR_DUE_H
#define OTKLIK_CLI_CALENDAR_DUE_H

/*
 * Runs the verb; argv[0] is its name. Results go to standard output, errors to standard error.
 * Exit codes: 0; 64 the command line is wrong; 65 a value or a row is wrong; 66 the file cannot
 * be read; 74 the output cannot be written.
 */
int cmd_calendar_due(int argc, char **argv);

/* Prints the names of its options, a line each: for completion. */
void calendar_due_options(void);

#endif
