/* Who a certificate names: exactly one URI in its subjectAltName, and nothing else. */
#ifndef OTKLIK_NET_CERT_H
#define OTKLIK_NET_CERT_H

#include <stddef.h>

#include <openssl/x509.h>

#include "base/status.h"

enum { CERT_URI_MAX = 255, CERT_SERIAL_SIZE = 64 };

/*
 * Copies the certificate's one URI SAN to `uri`. -OTK_UNAUTHENTICATED with err when there is
 * none or more than one, when it is not "otklik://…", longer than CERT_URI_MAX or holds a byte
 * outside printable ASCII (an embedded NUL above all). The common name is never looked at.
 */
int cert_uri(X509 *cert, char uri[CERT_URI_MAX + 1], struct otk_error *err);

/* The serial number in hexadecimal, cut to fit. */
void cert_serial(X509 *cert, char out[CERT_SERIAL_SIZE]);

#endif
