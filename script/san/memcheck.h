/*
 * memcheck.h
 *	  Takes the place of Valgrind's valgrind/memcheck.h in a server built with
 *	  USE_VALGRIND and AddressSanitizer: what the memory contexts and the buffer
 *	  manager tell Valgrind, AddressSanitizer is told.
 *
 * Without it AddressSanitizer knows what malloc gave and nothing of palloc's
 * pieces of that, nor of buffers that nobody has pinned.
 */
#ifndef UM_MEMCHECK_H
#define UM_MEMCHECK_H

#include <sanitizer/asan_interface.h>

#define VALGRIND_MAKE_MEM_NOACCESS(p, n)		__asan_poison_memory_region((p), (n))
#define VALGRIND_MAKE_MEM_UNDEFINED(p, n)		__asan_unpoison_memory_region((p), (n))
#define VALGRIND_MAKE_MEM_DEFINED(p, n)			__asan_unpoison_memory_region((p), (n))
#define VALGRIND_MEMPOOL_ALLOC(pool, p, n)		__asan_unpoison_memory_region((p), (n))
#define VALGRIND_MEMPOOL_CHANGE(pool, p, q, n)	__asan_unpoison_memory_region((q), (n))
#define VALGRIND_MEMPOOL_FREE(pool, p)			((void) 0)
#define VALGRIND_CREATE_MEMPOOL(pool, r, z)		((void) 0)
#define VALGRIND_DESTROY_MEMPOOL(pool)			((void) 0)
#define VALGRIND_CHECK_MEM_IS_DEFINED(p, n)		((void) 0)

#endif
