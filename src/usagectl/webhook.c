/*
 * webhook.c
 *	  The signature of Standard Webhooks.
 *
 * "v1," and in base64 the HMAC-SHA256 of the event's id, the time and the body,
 * with dots between, under the secret: whsec_ and its bytes in base64.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "webhook.h"

#define PREFIX "whsec_"

/* Reads a secret as people are given it. */
bool
webhook_secret(Secret *secret, const char *text)
{
	unsigned char decoded[sizeof(secret->key) + 3];
	size_t		length;
	int			n;

	secret->length = 0;
	if (strncmp(text, PREFIX, strlen(PREFIX)) == 0)
		text += strlen(PREFIX);
	length = strlen(text);
	if (length == 0 || length % 4 != 0 || length / 4 * 3 > sizeof(secret->key))
		return false;
	n = EVP_DecodeBlock(decoded, (const unsigned char *) text, length);
	if (n < 0)
		return false;
	/* the padding is counted as zeros */
	secret->length = n - (text[length - 1] == '=') - (text[length - 2] == '=');
	memcpy(secret->key, decoded, secret->length);
	OPENSSL_cleanse(decoded, sizeof(decoded));
	return secret->length > 0;
}

bool
webhook_sign(char signature[SIGNATURE_SIZE], const Secret *secret, const char *id,
			 const char *timestamp, const char *body, size_t length)
{
	EVP_PKEY   *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL, secret->key, secret->length);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char mac[EVP_MAX_MD_SIZE];
	size_t		size = sizeof(mac);
	bool		done;

	done = key != NULL && context != NULL &&
		EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
		EVP_DigestSignUpdate(context, id, strlen(id)) == 1 &&
		EVP_DigestSignUpdate(context, ".", 1) == 1 &&
		EVP_DigestSignUpdate(context, timestamp, strlen(timestamp)) == 1 &&
		EVP_DigestSignUpdate(context, ".", 1) == 1 &&
		EVP_DigestSignUpdate(context, body, length) == 1 &&
		EVP_DigestSignFinal(context, mac, &size) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	if (!done)
		return false;
	memcpy(signature, "v1,", 3);
	EVP_EncodeBlock((unsigned char *) signature + 3, mac, size);
	return true;
}

/* Whether one of the signatures, which have spaces between, is the one. */
bool
webhook_verify(const char *signatures, const Secret *secret, const char *id,
			   const char *timestamp, const char *body, size_t length)
{
	char		expected[SIGNATURE_SIZE];

	if (!webhook_sign(expected, secret, id, timestamp, body, length))
		return false;
	while (*signatures != '\0')
	{
		size_t		one = strcspn(signatures, " ");

		if (one == strlen(expected) && CRYPTO_memcmp(signatures, expected, one) == 0)
			return true;
		signatures += one;
		signatures += strspn(signatures, " ");
	}
	return false;
}
