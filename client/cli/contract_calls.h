/* Calls about contracts that several verbs make. */
#ifndef OTKLIK_CLI_CONTRACT_CALLS_H
#define OTKLIK_CLI_CONTRACT_CALLS_H

#include <stdbool.h>

#include "cli/cli.h"
#include "otklik/v1/contract.pb-c.h"

/*
 * Both: 0 or an exit code, the error being printed; of a file with file and line, and warnings
 * too. The reply lives as long as the client.
 */
int contract_apply_file(struct cli *cli, const char *file, bool dry_run,
        const Otklik__V1__ApplyContractResponse **out);
int contract_get(struct cli *cli, const char *code, int64_t version,
        const Otklik__V1__GetContractResponse **out);

#endif
