/*
 * safety.c
 *	  What holds for each connection that we make.
 *
 * Where we connect to is somebody else's choice, so: these protocols alone, no
 * redirect is followed, no proxy of the environment used and no .netrc read,
 * and certificates are verified.  An address is judged at the one place where a
 * socket is made for it: that which is connected to is that which was judged,
 * whatever a name resolves to the next time, in each family and for FTP's data
 * connections, too.  A connection that is used again was judged when it was
 * made.
 *
 * Names are resolved in threads of libcurl's, so that a slow one keeps nobody
 * else waiting.
 */
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

#include "address.h"
#include "safety.h"

static curl_socket_t make_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address);

void
safety_apply(CURL *curl, Safety *safety, const char *protocols)
{
	safety->refused[0] = '\0';
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols);
	curl_easy_setopt(curl, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	/* a thread that still resolves when its time is up is not waited for */
	curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "usagectl/" USAGECTL_VERSION);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, make_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, safety);
}

/* A socket for an address, if that may be connected to. */
static curl_socket_t
make_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	Safety	   *safety = context;
	const char *kind = safety->allow_private ? NULL : address_kind(&address->addr);
	char		name[NI_MAXHOST] = "?";

	if (kind == NULL && purpose == CURLSOCKTYPE_IPCXN)
		return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	getnameinfo(&address->addr, address->addrlen, name, sizeof(name), NULL, 0, NI_NUMERICHOST);
	snprintf(safety->refused, sizeof(safety->refused), "%.80s is %s address", name, kind != NULL ? kind : "no");
	return CURL_SOCKET_BAD;
}
