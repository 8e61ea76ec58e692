/* TLS of the client. */
#include "lib/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "wire/limits.h"

/* Wire form of the ALPN list: length, name. */
static const unsigned char ALPN[] = {8, 'o', 't', 'k', 'l', 'i', 'k', '/', '1'};

static int bio_write(BIO *bio, const char *data, int size)
{
	int fd = (int)(intptr_t)BIO_get_data(bio);
	ssize_t n = send(fd, data, (size_t)size, MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	return (int)n;
}

static int bio_read(BIO *bio, char *data, int size)
{
	int fd = (int)(intptr_t)BIO_get_data(bio);
	ssize_t n = recv(fd, data, (size_t)size, 0);

	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	else if (n == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	return (int)n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)number;
	(void)pointer;
	if (command == BIO_CTRL_EOF)
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	return command == BIO_CTRL_FLUSH;
}

/* Made once; OpenSSL needs it for as long as the process lives. */
static BIO_METHOD *bio_method(void)
{
	static BIO_METHOD *method;

	if (method != NULL)
		return method;
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket, no signal");
	if (method == NULL)
		return NULL;
	(void)BIO_meth_set_write(method, bio_write);
	(void)BIO_meth_set_read(method, bio_read);
	(void)BIO_meth_set_ctrl(method, bio_ctrl);
	return method;
}

static int file_error(const char *option, const char *path, struct otk_error *err)
{
	unsigned long code = ERR_peek_last_error();
	const char *why = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code))
	                                         : ERR_reason_error_string(code);
	int rc;

	/* Of a file that cannot be opened OpenSSL's last error says no more than "system lib".
	 */
	if (access(path, R_OK) != 0)
		why = strerror(errno);
	rc = error_set(err, OTK_FAILED_PRECONDITION, "BAD_CREDENTIALS",
	        "cannot use %s %s: %s; look at the file, or name another in the profile",
	        option, path, why == NULL ? "it is not PEM" : why);
	ERR_clear_error();
	return rc;
}

static int files_load(
        SSL_CTX *context, const struct tls_identity *identity, struct otk_error *err)
{
	if (SSL_CTX_load_verify_locations(context, identity->ca_file, NULL) != 1)
		return file_error("ca", identity->ca_file, err);
	if (SSL_CTX_use_certificate_chain_file(context, identity->cert_file) != 1)
		return file_error("cert", identity->cert_file, err);
	if (SSL_CTX_use_PrivateKey_file(context, identity->key_file, SSL_FILETYPE_PEM) != 1)
		return file_error("key", identity->key_file, err);
	if (SSL_CTX_check_private_key(context) != 1)
		return error_set(err, OTK_FAILED_PRECONDITION, "BAD_CREDENTIALS",
		        "the key %s does not belong to the certificate %s", identity->key_file,
		        identity->cert_file);
	if (X509_cmp_current_time(X509_get0_notAfter(SSL_CTX_get0_certificate(context))) < 0)
		return error_set(err, OTK_UNAUTHENTICATED, "CERTIFICATE_EXPIRED",
		        "your certificate %s has expired; ask an administrator for a new one",
		        identity->cert_file);
	return 0;
}

SSL_CTX *tls_client_context(const struct tls_identity *identity, struct otk_error *err)
{
	SSL_CTX *context;

	ERR_clear_error();
	context = SSL_CTX_new(TLS_client_method());
	if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
	        SSL_CTX_set_alpn_protos(context, ALPN, sizeof ALPN) != 0) {
		(void)error_set(
		        err, OTK_INTERNAL, "TLS_SETUP", "this OpenSSL cannot do TLS 1.3");
		goto out_free_context;
	}
	/*
	 * No sessions: every connection is to be judged by its certificates. No automatic
	 * chain: OpenSSL would build and verify our own at every handshake; the file holds it.
	 */
	(void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
	                                           SSL_OP_NO_COMPRESSION |
	                                           SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN |
	                                        SSL_MODE_ENABLE_PARTIAL_WRITE |
	                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	if (files_load(context, identity, err) == 0)
		return context;
out_free_context:
	SSL_CTX_free(context);
	return NULL;
}

static int name_require(SSL *ssl, const char *server_name)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, server_name, address) == 1 ||
	        inet_pton(AF_INET6, server_name, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server_name);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (SSL_set_tlsext_host_name(ssl, server_name) != 1)
		return 0;
	return SSL_set1_host(ssl, server_name);
}

SSL *tls_client_new(SSL_CTX *context, int fd, const char *server_name)
{
	BIO_METHOD *method = bio_method();
	SSL *ssl = SSL_new(context);
	BIO *bio = method == NULL ? NULL : BIO_new(method);

	if (ssl == NULL || bio == NULL || name_require(ssl, server_name) != 1) {
		BIO_free(bio);
		SSL_free(ssl);
		return NULL;
	}
	BIO_set_data(bio, (void *)(intptr_t)fd);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_connect_state(ssl);
	return ssl;
}

/* Alerts of the server, in words. In TLS 1.3 those about our certificate come at first read. */
static const struct {
	int alert;
	enum otk_status code;
	const char *reason;
	const char *text;
} ALERTS[] = {
        {SSL_AD_CERTIFICATE_EXPIRED, OTK_UNAUTHENTICATED, "CERTIFICATE_EXPIRED",
                "the server says that your certificate has expired; ask for a new one"},
        {SSL_AD_CERTIFICATE_REVOKED, OTK_UNAUTHENTICATED, "CERTIFICATE_REJECTED",
                "the server says that your certificate was revoked; ask for a new one"},
        {SSL_AD_UNKNOWN_CA, OTK_UNAUTHENTICATED, "CERTIFICATE_REJECTED",
                "the server does not know the authority that signed your certificate; use "
                "one made for this installation"},
        {TLS13_AD_CERTIFICATE_REQUIRED, OTK_UNAUTHENTICATED, "CERTIFICATE_REQUIRED",
                "the server wants a client certificate; set cert and key in the profile"},
        {SSL_AD_BAD_CERTIFICATE, OTK_UNAUTHENTICATED, "CERTIFICATE_REJECTED",
                "the server refused your certificate; ask for a new one"},
        {SSL_AD_CERTIFICATE_UNKNOWN, OTK_UNAUTHENTICATED, "CERTIFICATE_REJECTED",
                "the server refused your certificate; ask for a new one"},
        {SSL_AD_UNSUPPORTED_CERTIFICATE, OTK_UNAUTHENTICATED, "CERTIFICATE_REJECTED",
                "your certificate is not of a kind the server takes; ask for a new one"},
        {SSL_AD_ACCESS_DENIED, OTK_UNAUTHENTICATED, "CERTIFICATE_REJECTED",
                "the server refused your certificate; ask an administrator"},
        {SSL_AD_PROTOCOL_VERSION, OTK_FAILED_PRECONDITION, "VERSION_MISMATCH",
                "the server does not speak TLS 1.3; is this the otklik port?"},
        {SSL_AD_NO_APPLICATION_PROTOCOL, OTK_FAILED_PRECONDITION, "VERSION_MISMATCH",
                "the server does not speak " WIRE_ALPN "; upgrade the older side"},
};

static int explain_verify(
        long result, const struct tls_identity *identity, struct otk_error *err)
{
	switch (result) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return error_set(err, OTK_UNAUTHENTICATED, "SERVER_NAME_MISMATCH",
		        "the server's certificate is not for %s; correct `server`, or set "
		        "`server_name` to the name in its certificate",
		        identity->server_name);
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return error_set(err, OTK_UNAUTHENTICATED, "SERVER_CERTIFICATE_EXPIRED",
		        "the server's certificate has expired; its operator must renew it");
	default:
		return error_set(err, OTK_UNAUTHENTICATED, "SERVER_NOT_TRUSTED",
		        "the server's certificate is not trusted by %s: %s; is it the right "
		        "server, and the right `ca`?",
		        identity->ca_file, X509_verify_cert_error_string(result));
	}
}

static int explain_protocol(
        SSL *ssl, const struct tls_identity *identity, struct otk_error *err)
{
	unsigned long code = ERR_peek_error();
	int alert = ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET;
	const char *why = ERR_reason_error_string(code);

	if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		return explain_verify(SSL_get_verify_result(ssl), identity, err);
	for (size_t i = 0; i < sizeof ALERTS / sizeof ALERTS[0]; i++) {
		if (ALERTS[i].alert == alert)
			return error_set(
			        err, ALERTS[i].code, ALERTS[i].reason, "%s", ALERTS[i].text);
	}
	if (ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER)
		return error_set(err, OTK_FAILED_PRECONDITION, "NOT_TLS",
		        "the server does not speak TLS; is this the otklik port?");
	return error_set(err, OTK_UNAVAILABLE, "TLS_FAILED", "TLS failed: %s",
	        why == NULL ? "unknown error" : why);
}

int tls_explain(SSL *ssl, int ssl_error, const struct tls_identity *identity, int before_hello,
        struct otk_error *err)
{
	int rc;

	if (ssl_error == SSL_ERROR_SSL)
		rc = explain_protocol(ssl, identity, err);
	else if (ssl_error == SSL_ERROR_SYSCALL && errno != 0)
		rc = error_set(err, OTK_UNAVAILABLE, "CONNECTION_LOST",
		        "the connection to the server broke: %s", strerror(errno));
	else if (before_hello)
		rc = error_set(err, OTK_UNAVAILABLE, "CONNECTION_REFUSED",
		        "the server closed the connection before its greeting; it may be too "
		        "busy, or refuse your address or certificate");
	else
		rc = error_set(err, OTK_UNAVAILABLE, "CONNECTION_LOST",
		        "the server closed the connection");
	ERR_clear_error();
	return rc;
}
