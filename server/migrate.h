/* `otklikd migrate`: the schema of this build, and somebody who may begin. */
#ifndef OTKLIK_SERVER_MIGRATE_H
#define OTKLIK_SERVER_MIGRATE_H

#include "settings.h"

/* 0, or a negative status with err. Says on standard output what it did. */
int migrate_run(const struct settings *settings, struct otk_error *err);

#endif
