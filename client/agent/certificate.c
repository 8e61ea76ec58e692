/* The end of a certificate. */
#include "agent/certificate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/log.h"
#include "base/clock.h"
#include "base/time_text.h"

int certificate_until(const char *path, int64_t *until, struct otk_error *err)
{
	FILE *file = fopen(path, "re");
	X509 *certificate;
	struct tm end;
	int good;

	if (file == NULL)
		return error_set(err, OTK_NOT_FOUND, "NO_CERTIFICATE",
		        "certificate = %.300s: %s", path, strerror(errno));
	certificate = PEM_read_X509(file, NULL, NULL, NULL);
	(void)fclose(file);
	good = certificate != NULL && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end);
	X509_free(certificate);
	if (!good)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_CERTIFICATE",
		        "certificate = %.300s: must be a certificate in PEM", path);
	*until = (int64_t)timegm(&end) * CLOCK_SECOND;
	return 0;
}

int64_t certificate_watch(const char *path, int64_t now)
{
	struct otk_error err = {0};
	char text[TIME_TEXT_SIZE];
	int64_t until = 0;

	if (certificate_until(path, &until, &err) != 0) {
		log_error("the certificate cannot be read", "error", err.message);
		return 0;
	}
	if (until <= now)
		log_error("the certificate has expired; reports wait until it is renewed",
		        "certificate", path, "since", time_format_utc(until, text));
	else if (until - now < CERTIFICATE_WARN)
		log_warn("the certificate expires soon: renew it", "certificate", path, "until",
		        time_format_utc(until, text));
	return until;
}
