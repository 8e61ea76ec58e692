/* The server's TLS: version 1.3 only, a client certificate always, one protocol. */
#ifndef OTKLIK_NET_TLS_H
#define OTKLIK_NET_TLS_H

#include <openssl/ssl.h>

#include "base/status.h"

/*
 * A context from PEM files: the chain to present, its key, and the authorities that sign
 * clients. NULL with err that names the file and what is wrong with it (unreadable, key and
 * certificate do not match, expired). Free with SSL_CTX_free.
 */
SSL_CTX *tls_server_context(
        const char *certificate, const char *key, const char *ca, struct otk_error *err);

/* Whether the handshake agreed on otklik/1 (a client may also offer no protocol at all). */
int tls_protocol_agreed(const SSL *ssl);

#endif
