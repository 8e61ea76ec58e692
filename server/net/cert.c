/* The principal in a certificate. */
#include "net/cert.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/x509v3.h>

static const char SCHEME[] = "otklik://";

/* By length: the bytes of an IA5String may hold a NUL, and text functions would stop there. */
static bool uri_is_ours(const unsigned char *bytes, size_t length)
{
	if (length <= sizeof SCHEME - 1 || length > CERT_URI_MAX ||
	        memcmp(bytes, SCHEME, sizeof SCHEME - 1) != 0)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] <= 0x20 || bytes[i] >= 0x7F)
			return false;
	}
	return true;
}

int cert_uri(X509 *cert, char uri[CERT_URI_MAX + 1], struct otk_error *err)
{
	const ASN1_IA5STRING *found = NULL;
	GENERAL_NAMES *names;
	int uris = 0;
	int rc = 0;

	/* NULL too when the extension stands there twice. */
	names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	if (names == NULL)
		return error_set(err, OTK_UNAUTHENTICATED, "CERTIFICATE_WITHOUT_PRINCIPAL",
		        "the certificate has no readable subjectAltName; ask for one that "
		        "names "
		        "you as otklik://…");
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_URI) {
			uris++;
			found = name->d.uniformResourceIdentifier;
		}
	}
	if (uris != 1) {
		rc = error_set(err, OTK_UNAUTHENTICATED, "CERTIFICATE_WITHOUT_PRINCIPAL",
		        "the certificate has %d URIs in its subjectAltName; it must have one",
		        uris);
	} else if (!uri_is_ours(
	                   ASN1_STRING_get0_data(found), (size_t)ASN1_STRING_length(found))) {
		rc = error_set(err, OTK_UNAUTHENTICATED, "CERTIFICATE_WITHOUT_PRINCIPAL",
		        "the URI in the certificate is not otklik://… in printable ASCII of at "
		        "most %d bytes",
		        CERT_URI_MAX);
	} else {
		size_t length = (size_t)ASN1_STRING_length(found);

		memcpy(uri, ASN1_STRING_get0_data(found), length);
		uri[length] = '\0';
	}
	GENERAL_NAMES_free(names);
	return rc;
}

void cert_serial(X509 *cert, char out[CERT_SERIAL_SIZE])
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = number == NULL ? NULL : BN_bn2hex(number);

	(void)snprintf(out, CERT_SERIAL_SIZE, "%s", hex == NULL ? "?" : hex);
	OPENSSL_free(hex);
	BN_free(number);
}
