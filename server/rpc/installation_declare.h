/*
 * A declared installation as things that can be compared with the stored ones. Everything is
 * checked here first; what is wrong is named by its path ("contracts[1].targets[0].target").
 */
#ifndef OTKLIK_RPC_INSTALLATION_DECLARE_H
#define OTKLIK_RPC_INSTALLATION_DECLARE_H

#include "desk/installation.h"
#include "wire/schema.h"

/*
 * Fills *out, an empty list with its arena. 0; -OTK_INVALID_ARGUMENT with up to eight
 * violations; -OTK_RESOURCE_EXHAUSTED. Texts are borrowed from the message and the arena.
 */
int installation_declare(
        const Otklik__V1__Installation *in, struct thing_list *out, struct otk_error *err);

#endif
