/*
 * Requests that take longer than a step of the loop may: each is given to a process of its own
 * (`otklikd --role compute`), whose answers are passed on as the client's credit allows. It may
 * die at any moment; then the client is told to come again.
 */
#ifndef OTKLIK_RPC_COMPUTE_H
#define OTKLIK_RPC_COMPUTE_H

#include "rpc/request.h"

/*
 * Starts a process for the request, with the customers of `scope` in view, and passes its items
 * on until the end: `return compute_run(r, scope);`. Past the process's bound of such requests
 * the answer is RESOURCE_EXHAUSTED with a time to come again.
 */
enum step compute_run(struct request *r, const char *scope);

#endif
