/* hash.h: SHA-256, in hexadecimal digits */
#ifndef USAGECTL_HASH_H
#define USAGECTL_HASH_H

#include <stdbool.h>
#include <stddef.h>

#define HASH_SIZE 65			/* its digits and a NUL */

typedef struct Hash Hash;

extern Hash *hash_begin(void);	/* NULL where there is no memory */
extern void hash_add(Hash *hash, const void *bytes, size_t length);
extern bool hash_told(const Hash *hash, char hex[HASH_SIZE]);	/* of what was added so far */
extern void hash_free(Hash *hash);
extern bool hash_text(const char *text, char hex[HASH_SIZE]);

#endif
