/* webhook.h: the signature of Standard Webhooks */
#ifndef USAGECTL_WEBHOOK_H
#define USAGECTL_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>

/* A secret, without its prefix and decoded. */
typedef struct Secret
{
	int			length;			/* 0 for none */
	unsigned char key[128];
} Secret;

#define SIGNATURE_SIZE 48		/* v1, and 32 bytes in base64 */

extern bool webhook_secret(Secret *secret, const char *text);
extern bool webhook_sign(char signature[SIGNATURE_SIZE], const Secret *secret, const char *id,
						 const char *timestamp, const char *body, size_t length);
extern bool webhook_verify(const char *signatures, const Secret *secret, const char *id,
						   const char *timestamp, const char *body, size_t length);

#endif
