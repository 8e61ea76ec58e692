/*
 * What every call shares that changes the installation: reads what is stored, lets its caller
 * decide what shall be, and makes the difference in one transaction that holds only if nobody
 * changed reference data since they were read.
 *
 *	installation_change → stored_read [→ past_read] → changes_written → reference_renewed
 *	          ↑_______________|______________| others were faster
 */
#ifndef OTKLIK_RPC_INSTALLATION_CHANGE_H
#define OTKLIK_RPC_INSTALLATION_CHANGE_H

#include "desk/desk.h"
#include "desk/installation.h"
#include "rpc/request.h"
#include "wire/schema.h"

struct past; /* desk/installation_past.h */

/* r->state begins with one. Zero-initialised; the caller fills the first part. */
struct installation_change {
	const char *const *people; /* codes of declared people */
	size_t people_count;
	bool dry_run;
	/*
	 * Fills `declared` where that is not done yet, and takes out of `stored` what the
	 * change is not about; `name` is the installation's. 0 or a negative status with the
	 * error filled.
	 */
	int (*decide)(struct request *r, struct installation_change *change, const char *name,
	        struct otk_error *err);
	/* Replies with the items. `applied`: they were made, now or by the same call before. */
	enum step (*answer)(
	        struct request *r, const struct installation_change *change, bool applied);

	struct thing_list declared;
	struct thing_list stored;
	Otklik__V1__InstallationChange **items;
	size_t count;
	struct thing_change *changes;
	unsigned attempts;
	int64_t epoch;
	struct past *past; /* what calendars say of days that are over */
	size_t past_count;
	struct desk_wait wait;
};

enum step installation_change(struct request *r);

#endif
