/* TLS contexts from files, and what they say about bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "net/tls.h"

static char folder[] = "/tmp/otk-tls-XXXXXX";

static const char *path(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *out = paths[next++ % 4];

	(void)snprintf(out, sizeof paths[0], "%s/%s", folder, name);
	return out;
}

/* NAME.crt, signed by its own key in NAME.key, from now for `seconds`. */
static void pair_write(const char *name, long seconds)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	char file[64];
	FILE *out;

	assert_non_null(key);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -7200));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), seconds));
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN",
	                         MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0),
	        1);
	assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(cert)), 1);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	(void)snprintf(file, sizeof file, "%s.crt", name);
	out = fopen(path(file), "w");
	assert_non_null(out);
	assert_int_equal(PEM_write_X509(out, cert), 1);
	assert_int_equal(fclose(out), 0);
	(void)snprintf(file, sizeof file, "%s.key", name);
	out = fopen(path(file), "w");
	assert_non_null(out);
	assert_int_equal(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(out), 0);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static int files_make(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	pair_write("good", 3600);
	pair_write("other", 3600);
	pair_write("old", -3600);
	return 0;
}

static int files_remove(void **state)
{
	static const char *const NAMES[] = {
	        "good.crt", "good.key", "other.crt", "other.key", "old.crt", "old.key"};

	(void)state;
	for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
		(void)unlink(path(NAMES[i]));
	return rmdir(folder);
}

static void good_files_make_a_strict_context(void **state)
{
	struct otk_error err;
	SSL_CTX *ctx =
	        tls_server_context(path("good.crt"), path("good.key"), path("other.crt"), &err);

	(void)state;
	assert_non_null(ctx);
	assert_int_equal(SSL_CTX_get_min_proto_version(ctx), TLS1_3_VERSION);
	assert_int_equal(SSL_CTX_get_num_tickets(ctx), 0);
	assert_int_equal(SSL_CTX_get_session_cache_mode(ctx), SSL_SESS_CACHE_OFF);
	assert_int_equal(SSL_CTX_get_verify_mode(ctx),
	        SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
	assert_true((SSL_CTX_get_mode(ctx) & SSL_MODE_NO_AUTO_CHAIN) != 0);
	assert_true((SSL_CTX_get_mode(ctx) & SSL_MODE_RELEASE_BUFFERS) != 0);
	assert_int_equal(SSL_CTX_get_max_early_data(ctx), 0);
	SSL_CTX_free(ctx);
}

static void bad_files_are_named(void **state)
{
	static const struct {
		const char *certificate, *key, *ca, *reason, *words;
	} CASES[] = {
	        {"absent.crt", "good.key", "good.crt", "BAD_CERTIFICATE", "No such file"},
	        {"good.key", "good.key", "good.crt", "BAD_CERTIFICATE", "good.key"},
	        {"good.crt", "absent.key", "good.crt", "BAD_KEY", "absent.key"},
	        {"good.crt", "other.key", "good.crt", "BAD_KEY", "other.key"},
	        {"old.crt", "old.key", "good.crt", "BAD_CERTIFICATE", "expired"},
	        {"good.crt", "good.key", "absent.crt", "BAD_CA", "absent.crt"},
	        {"good.crt", "good.key", "good.key", "BAD_CA", "good.key"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct otk_error err;

		assert_null(tls_server_context(path(CASES[i].certificate), path(CASES[i].key),
		        path(CASES[i].ca), &err));
		assert_string_equal(err.reason, CASES[i].reason);
		if (strstr(err.message, CASES[i].words) == NULL)
			fail_msg("case %zu says: %s", i, err.message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(good_files_make_a_strict_context),
	        cmocka_unit_test(bad_files_are_named),
	};

	return cmocka_run_group_tests(tests, files_make, files_remove);
}
