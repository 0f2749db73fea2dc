/*
 * hash.c
 *	  SHA-256, in hexadecimal digits, of bytes that come one after the other or of
 *	  a text.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "hash.h"

Hash *
hash_begin(void)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1)
		return (Hash *) context;
	EVP_MD_CTX_free(context);
	return NULL;
}

void
hash_add(Hash *hash, const void *bytes, size_t length)
{
	EVP_DigestUpdate((EVP_MD_CTX *) hash, bytes, length);
}

bool
hash_told(const Hash *hash, char hex[HASH_SIZE])
{
	unsigned char value[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *copy = EVP_MD_CTX_new();
	bool		told = copy != NULL && EVP_MD_CTX_copy_ex(copy, (const EVP_MD_CTX *) hash) == 1 &&
		EVP_DigestFinal_ex(copy, value, NULL) == 1;

	EVP_MD_CTX_free(copy);
	for (int i = 0; told && i < 32; i++)
		sprintf(hex + 2 * i, "%02x", value[i]);
	return told;
}

void
hash_free(Hash *hash)
{
	EVP_MD_CTX_free((EVP_MD_CTX *) hash);
}

bool
hash_text(const char *text, char hex[HASH_SIZE])
{
	Hash	   *hash = hash_begin();
	bool		told;

	if (hash == NULL)
		return false;
	hash_add(hash, text, strlen(text));
	told = hash_told(hash, hex);
	hash_free(hash);
	return told;
}
