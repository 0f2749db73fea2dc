/* address.h: which network addresses are the public's */
#ifndef USAGECTL_ADDRESS_H
#define USAGECTL_ADDRESS_H

#include <sys/socket.h>

extern const char *address_kind(const struct sockaddr *address);

#endif
