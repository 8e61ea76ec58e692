/* The two ways out of a notify process, which share a loop and its transfers. */
#include "notify/deliver.h"

#include <stdlib.h>

#include "notice/template.h"
#include "notify/hooks.h"
#include "notify/letters.h"
#include "notify/transfer.h"

struct deliver {
	struct transfers *transfers;
	struct letters *letters; /* NULL: no e-mail */
	struct hooks *hooks;     /* NULL: no webhooks */
	int draining;
	void (*drained)(void *context);
	void *drained_context;
};

struct deliver *deliver_new(const struct deliver_options *options, struct otk_error *err)
{
	struct deliver *d;

	if (template_check(err) != 0)
		return NULL;
	d = calloc(1, sizeof *d);
	if (d == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(d);
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		return NULL;
	}
	d->transfers = transfers_new(options->jobs.loop);
	if (d->transfers == NULL) {
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		goto out_free;
	}
	if (options->mail.url[0] != '\0') {
		d->letters = letters_new(options, d->transfers, err);
		if (d->letters == NULL)
			goto out_free;
	}
	if (options->jobs.webhook_url[0] != '\0' || options->jobs.customer_hooks) {
		d->hooks = hooks_new(options, d->transfers, err);
		if (d->hooks == NULL)
			goto out_free;
	}
	return d;

out_free:
	deliver_free(d);
	return NULL;
}

static void one_drained(void *context)
{
	struct deliver *d = context;

	if (--d->draining == 0)
		d->drained(d->drained_context);
}

void deliver_drain(struct deliver *d, void (*drained)(void *context), void *context)
{
	d->drained = drained;
	d->drained_context = context;
	d->draining = (d->letters != NULL) + (d->hooks != NULL);
	if (d->letters != NULL)
		letters_drain(d->letters, one_drained, d);
	if (d->hooks != NULL)
		hooks_drain(d->hooks, one_drained, d);
	if (d->letters == NULL && d->hooks == NULL)
		drained(context);
}

void deliver_free(struct deliver *d)
{
	if (d == NULL)
		return;
	hooks_free(d->hooks);
	letters_free(d->letters);
	transfers_free(d->transfers);
	free(d);
	curl_global_cleanup();
}
