/* A simulation as it comes: progress for who waits, then tables, JSON or CSV. */
#ifndef OTKLIK_CLI_SIMULATE_PRINT_H
#define OTKLIK_CLI_SIMULATE_PRINT_H

#include "cli/cli.h"
#include "otklik/v1/simulation.pb-c.h"

struct simulation_print;

/* Never NULL. The cli must outlive it. */
struct simulation_print *simulation_print_new(const struct cli *cli);
void simulation_print_item(
        struct simulation_print *out, const Otklik__V1__SimulateContractResponse *item);
/* Prints what was told. 0, or an exit code, the error being told: also of one that was cut off.
 */
int simulation_print_end(struct simulation_print *out);
void simulation_print_free(struct simulation_print *out);

#endif
