/*
 * address.c
 *	  Which network addresses are the public's.
 *
 * Whoever may register a callback chooses where the agent connects to, from
 * inside our network.  So an address is judged by what IANA's registries of
 * special-purpose addresses say of it: what is not reachable from everywhere is
 * not the public's.  Of IPv6 nothing is but 2000::/3, and of that not what
 * carries an IPv4 address inside, which would lead anywhere: 6to4 and Teredo;
 * mapped addresses and NAT64 lie outside of it.
 */
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "address.h"

typedef struct Network
{
	const char *kind;
	int			bits;
	unsigned char prefix[16];
} Network;

static const Network special4[] = {
	{"an unspecified", 8, {0}},
	{"a private", 8, {10}},
	{"a carrier's private", 10, {100, 64}},
	{"a loopback", 8, {127}},
	{"a link-local", 16, {169, 254}},
	{"a private", 12, {172, 16}},
	{"a reserved", 24, {192, 0, 0}},
	{"a documentation", 24, {192, 0, 2}},
	{"a 6to4", 24, {192, 88, 99}},
	{"a private", 16, {192, 168}},
	{"a benchmarking", 15, {198, 18}},
	{"a documentation", 24, {198, 51, 100}},
	{"a documentation", 24, {203, 0, 113}},
	{"a multicast", 4, {224}},
	{"a reserved", 4, {240}},
	{NULL, 0, {0}}
};

static const Network special6[] = {
	{"an unspecified", 128, {0}},
	{"a loopback", 128, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
	{"an IPv4-mapped", 96, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}},
	{"a NAT64", 96, {0, 0x64, 0xff, 0x9b}},
	{"a NAT64", 48, {0, 0x64, 0xff, 0x9b, 0, 1}},
	{"a private", 7, {0xfc}},
	{"a link-local", 10, {0xfe, 0x80}},
	{"a site-local", 10, {0xfe, 0xc0}},
	{"a multicast", 8, {0xff}},
	{"a Teredo", 32, {0x20, 0x01}},
	{"a reserved", 23, {0x20, 0x01}},
	{"a documentation", 32, {0x20, 0x01, 0x0d, 0xb8}},
	{"a 6to4", 16, {0x20, 0x02}},
	{"a documentation", 20, {0x3f, 0xff}},
	{NULL, 0, {0}}
};

static const Network global6 = {NULL, 3, {0x20}};

static const char *kind_of(const Network *network, const unsigned char *address);
static int	lies_in(const unsigned char *address, const Network *network);

/* What an address is, with its article, if it is not the public's; else NULL. */
const char *
address_kind(const struct sockaddr *address)
{
	const char *kind;

	if (address->sa_family == AF_INET)
	{
		struct sockaddr_in in;

		memcpy(&in, address, sizeof(in));
		return kind_of(special4, (const unsigned char *) &in.sin_addr);
	}
	if (address->sa_family == AF_INET6)
	{
		struct sockaddr_in6 in6;

		memcpy(&in6, address, sizeof(in6));
		kind = kind_of(special6, in6.sin6_addr.s6_addr);
		if (kind == NULL && !lies_in(in6.sin6_addr.s6_addr, &global6))
			kind = "a reserved";
		return kind;
	}
	return "no Internet";
}

static const char *
kind_of(const Network *network, const unsigned char *address)
{
	while (network->kind != NULL && !lies_in(address, network))
		network++;
	return network->kind;
}

static int
lies_in(const unsigned char *address, const Network *network)
{
	int			bytes = network->bits / 8;
	int			mask = 0xff00 >> network->bits % 8 & 0xff;

	return memcmp(address, network->prefix, bytes) == 0 &&
		(mask == 0 || (address[bytes] & mask) == network->prefix[bytes]);
}
