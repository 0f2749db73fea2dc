/*
 * exchange.c
 *	  What we have to do with a server, whichever protocol it speaks.
 *
 * A server is what it says it is: by its certificate, or by a host key that is
 * known.  FTP's data come over connections that we make, to the host that we
 * speak with, whatever it answers.
 *
 * What failed is told with what to do about it, and whether it may go the next
 * time: a refused login, a file that is not there, a wrong certificate stay,
 * until somebody sees to them; a server that is busy or gone comes back.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "exchange.h"

static bool add_command(Exchange *exchange, const char *command, const char *name, const char *other);
static void add_path(Buffer *line, const char *folder, const char *name);
static bool start_libcurl(void);
static void set_limits(Exchange *exchange);
static void set_ssh(Exchange *exchange);
static void set_ftp(Exchange *exchange);
static bool set_s3(Exchange *exchange);
static const char *known_hosts(const Place *place, char *home, size_t size);
static size_t note(char *data, size_t size, size_t count, void *context);
static int	judge_host_key(CURL *curl, const struct curl_khkey *known, const struct curl_khkey *found,
						   enum curl_khmatch match, void *context);
static const char *key_type(enum curl_khtype type);
static int	on_progress(void *context, curl_off_t download_total, curl_off_t downloaded, curl_off_t upload_total,
						curl_off_t uploaded);
static bool failed_http(Exchange *exchange, long status, const char *what, Trouble *trouble);
static bool failed_ftp(Exchange *exchange, long status, const char *what, Trouble *trouble);
static bool lasts(CURLcode code);
static const char *advice(const Exchange *exchange, CURLcode code);

bool
exchange_begin(Exchange *exchange, const Place *place, const char *segment, Trouble *trouble)
{
	const Access *access = place->access;
	const char *ca_file = access != NULL && access->ca_file != NULL ? access->ca_file :
		place->network != NULL ? place->network->ca_file : NULL;
	char	   *url;
	bool		good;

	memset(exchange, 0, sizeof(Exchange));
	exchange->place = place;
	exchange->safety.allow_private = place_is_private(place);
	if (!start_libcurl() || (exchange->curl = curl_easy_init()) == NULL)
		return trouble_passes(trouble, "out of memory");
	safety_apply(exchange->curl, &exchange->safety, place->scheme == SCHEME_SFTP ? "sftp" :
				 exchange_is_http(exchange) ? "http,https" : "ftp,ftps");
	url = place_address(place, segment);
	good = curl_easy_setopt(exchange->curl, CURLOPT_URL, url) == CURLE_OK;
	free(url);
	curl_easy_setopt(exchange->curl, CURLOPT_ERRORBUFFER, exchange->error);
	curl_easy_setopt(exchange->curl, CURLOPT_WRITEFUNCTION, note);
	curl_easy_setopt(exchange->curl, CURLOPT_WRITEDATA, exchange);
	set_limits(exchange);
	if (ca_file != NULL)
	{
		curl_easy_setopt(exchange->curl, CURLOPT_CAINFO, ca_file);
		curl_easy_setopt(exchange->curl, CURLOPT_CAPATH, NULL);
	}
	if (access != NULL && access->user != NULL)
	{
		curl_easy_setopt(exchange->curl, CURLOPT_USERNAME, access->user);
		curl_easy_setopt(exchange->curl, CURLOPT_PASSWORD, access->password != NULL ? access->password : "");
	}
	if (place->scheme == SCHEME_SFTP)
		set_ssh(exchange);
	else if (place->scheme == SCHEME_S3)
		good = good && set_s3(exchange);
	else if (!exchange_is_http(exchange))
		set_ftp(exchange);
	return good || trouble_passes(trouble, "out of memory");
}

void
exchange_end(Exchange *exchange)
{
	curl_easy_cleanup(exchange->curl);
	curl_slist_free_all(exchange->headers);
	curl_slist_free_all(exchange->commands);
	memset(exchange, 0, sizeof(Exchange));
}

/* From its start to its end. */
bool
exchange_run(Exchange *exchange, const char *what, Trouble *trouble)
{
	CURLcode	code;

	curl_easy_setopt(exchange->curl, CURLOPT_HTTPHEADER, exchange->headers);
	do
	{
		exchange->said[0] = exchange->error[0] = '\0';
		code = curl_easy_perform(exchange->curl);
	} while (exchange_again(exchange, code));
	return exchange_succeeded(exchange, code) || exchange_failed(exchange, code, what, trouble);
}

/* What has no body to speak of has its status. */
bool
exchange_succeeded(const Exchange *exchange, CURLcode code)
{
	long		status = exchange_status(exchange);

	return code == CURLE_OK && (!exchange_is_http(exchange) || status == 200 || status == 201 || status == 203 || status == 204);
}

/*
 * libcurl takes an SSH server that goes away while we log in for one that
 * refuses us.  Once more, and we know.
 */
bool
exchange_again(Exchange *exchange, CURLcode code)
{
	bool		again = code == CURLE_LOGIN_DENIED && exchange->place->scheme == SCHEME_SFTP && !exchange->denied;

	exchange->denied = exchange->denied || again;
	return again;
}

bool
exchange_header(Exchange *exchange, const char *name, const char *value)
{
	Buffer		line = {NULL, 0, 0};
	struct curl_slist *more;

	buffer_print(&line, "%s: %s", name, value);
	more = curl_slist_append(exchange->headers, line.text);
	buffer_free(&line);
	if (more != NULL)
		exchange->headers = more;
	return more != NULL;
}

/*
 * SFTP's rename does not replace a file, so the one that is there goes before:
 * at no time has half a file the name.
 */
bool
exchange_rename(Exchange *exchange, const char *from, const char *to)
{
	if (exchange->place->scheme == SCHEME_SFTP)
		return add_command(exchange, "*rm", to, NULL) && add_command(exchange, "rename", from, to);
	return add_command(exchange, "RNFR", from, NULL) && add_command(exchange, "RNTO", to, NULL);
}

bool
exchange_remove(Exchange *exchange, const char *name)
{
	return add_command(exchange, exchange->place->scheme == SCHEME_SFTP ? "rm" : "DELE", name, NULL);
}

/* They alone, in the folder that it was begun with. */
bool
exchange_run_commands(Exchange *exchange, const char *what, Trouble *trouble)
{
	curl_easy_setopt(exchange->curl, exchange->place->scheme == SCHEME_SFTP ? CURLOPT_QUOTE : CURLOPT_POSTQUOTE,
					 exchange->commands);
	curl_easy_setopt(exchange->curl, CURLOPT_NOBODY, 1L);
	return exchange_run(exchange, what, trouble);
}

/* FTP's names are those of the folder that we are in then; SFTP's are told the way, between quotes. */
static bool
add_command(Exchange *exchange, const char *command, const char *name, const char *other)
{
	Buffer		line = {NULL, 0, 0};
	struct curl_slist *more;

	buffer_print(&line, "%s", command);
	for (; name != NULL; name = other, other = NULL)
		if (exchange->place->scheme == SCHEME_SFTP)
			add_path(&line, exchange->place->path, name);
		else
			buffer_print(&line, " %s", name);
	more = curl_slist_append(exchange->commands, line.text);
	buffer_free(&line);
	if (more != NULL)
		exchange->commands = more;
	return more != NULL;
}

static void
add_path(Buffer *line, const char *folder, const char *name)
{
	const char *parts[] = {folder, name};

	/* that of the user's home is where a server begins */
	if (strncmp(folder, "/~/", 3) == 0)
		parts[0] += 3;
	buffer_print(line, " \"");
	for (int i = 0; i < 2; i++)
		for (const char *p = parts[i]; *p != '\0'; p++)
			buffer_print(line, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
	buffer_print(line, "\"");
}

bool
exchange_is_http(const Exchange *exchange)
{
	Scheme		scheme = exchange->place->scheme;

	return scheme == SCHEME_HTTP || scheme == SCHEME_HTTPS || scheme == SCHEME_S3;
}

/* HTTP's or FTP's last one; 0 for none. */
long
exchange_status(const Exchange *exchange)
{
	long		status = 0;

	curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* Keeps the beginning of what a server has to say of a failure. */
size_t
exchange_note(Exchange *exchange, const char *data, size_t length)
{
	size_t		already = strlen(exchange->said);
	size_t		room = sizeof(exchange->said) - 1 - already;
	size_t		taken = length < room ? length : room;

	memcpy(exchange->said + already, data, taken);
	exchange->said[already + taken] = '\0';
	return length;
}

/* ---- before ---- */

static bool
start_libcurl(void)
{
	static bool started;

	started = started || curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
	return started;
}

/* One version of HTTP, whose end is plain to see and which waits when we do. */
static void
set_limits(Exchange *exchange)
{
	CURL	   *curl = exchange->curl;
	long		timeout = exchange->place->config->timeout;

	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, timeout < 30 ? timeout : 30L);
	curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, timeout);
	/* that which was judged, until we are done */
	curl_easy_setopt(curl, CURLOPT_DNS_CACHE_TIMEOUT, -1L);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	/* there is no . or .. in it, and what libcurl signs it wants to have put right itself */
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, exchange->place->scheme == SCHEME_S3 ? 0L : 1L);
	curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 128 * 1024L);
	curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 256 * 1024L);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
}

static void
set_ssh(Exchange *exchange)
{
	CURL	   *curl = exchange->curl;
	const Access *access = exchange->place->access;
	char		home[1000];
	long		ways = 0;

	/* libcurl would look for keys of its own if it had none */
	if (access->key_file != NULL)
	{
		ways |= CURLSSH_AUTH_PUBLICKEY;
		curl_easy_setopt(curl, CURLOPT_SSH_PRIVATE_KEYFILE, access->key_file);
		if (access->passphrase != NULL)
			curl_easy_setopt(curl, CURLOPT_KEYPASSWD, access->passphrase);
	}
	if (access->password != NULL)
		ways |= CURLSSH_AUTH_PASSWORD | CURLSSH_AUTH_KEYBOARD;
	curl_easy_setopt(curl, CURLOPT_SSH_AUTH_TYPES, ways);
	curl_easy_setopt(curl, CURLOPT_SSH_KNOWNHOSTS, known_hosts(exchange->place, home, sizeof(home)));
	curl_easy_setopt(curl, CURLOPT_SSH_KEYFUNCTION, judge_host_key);
	curl_easy_setopt(curl, CURLOPT_SSH_KEYDATA, exchange);
}

static void
set_ftp(Exchange *exchange)
{
	CURL	   *curl = exchange->curl;

	curl_easy_setopt(curl, CURLOPT_FTPPORT, NULL);
	curl_easy_setopt(curl, CURLOPT_FTP_USE_EPSV, 1L);
	curl_easy_setopt(curl, CURLOPT_FTP_SKIP_PASV_IP, 1L);
	if (exchange->place->scheme == SCHEME_FTPS)
		curl_easy_setopt(curl, CURLOPT_USE_SSL, (long) CURLUSESSL_ALL);
}

static bool
set_s3(Exchange *exchange)
{
	char		provider[200];

	snprintf(provider, sizeof(provider), "aws:amz:%.60s:s3", exchange->place->access->region);
	return curl_easy_setopt(exchange->curl, CURLOPT_AWS_SIGV4, provider) == CURLE_OK;
}

static const char *
known_hosts(const Place *place, char *home, size_t size)
{
	if (place->access->known_hosts != NULL)
		return place->access->known_hosts;
	if (place->network != NULL && place->network->known_hosts != NULL)
		return place->network->known_hosts;
	if (place->config->known_hosts != NULL)
		return place->config->known_hosts;
	snprintf(home, size, "%.900s/.ssh/known_hosts", getenv("HOME") != NULL ? getenv("HOME") : "/nonexistent");
	return home;
}

/* ---- what libcurl calls ---- */

/* Where nobody waits for an answer's body. */
static size_t
note(char *data, size_t size, size_t count, void *context)
{
	return exchange_note(context, data, size * count);
}

/* Nothing is ever added: a key is known because somebody has compared it. */
static int
judge_host_key(CURL *curl, const struct curl_khkey *known, const struct curl_khkey *found, enum curl_khmatch match,
			   void *context)
{
	Exchange   *exchange = context;
	const Place *place = exchange->place;
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned char fingerprint[64];
	char		home[1000];
	const char *file = known_hosts(place, home, sizeof(home));
	const char *port = place->port != NULL ? place->port : "22";

	(void) curl;
	(void) known;
	if (match == CURLKHMATCH_OK)
		return CURLKHSTAT_FINE;
	EVP_Digest(found->key, found->len > 0 ? found->len : strlen(found->key), hash, NULL, EVP_sha256(), NULL);
	EVP_EncodeBlock(fingerprint, hash, 32);
	fingerprint[43] = '\0';		/* without the = at its end, as ssh-keygen prints it */
	snprintf(exchange->host_key, sizeof(exchange->host_key),
			 match == CURLKHMATCH_MISMATCH ?
			 "its %s host key SHA256:%s is not the one in \"%s\": it was changed, or this is another server; "
			 "ask its operator before you replace it with what ssh-keyscan -p %s %s prints" :
			 "its %s host key SHA256:%s is not known in \"%s\"; "
			 "compare it with what its operator says, and add what ssh-keyscan -p %s %s prints",
			 key_type(found->keytype), (char *) fingerprint, file, port, place->host);
	return CURLKHSTAT_REJECT;
}

static const char *
key_type(enum curl_khtype type)
{
	return type == CURLKHTYPE_RSA ? "RSA" : type == CURLKHTYPE_DSS ? "DSA" :
		type == CURLKHTYPE_ECDSA ? "ECDSA" : type == CURLKHTYPE_ED25519 ? "ED25519" : "";
}

static int
on_progress(void *context, curl_off_t download_total, curl_off_t downloaded, curl_off_t upload_total,
			curl_off_t uploaded)
{
	Exchange   *exchange = context;

	(void) download_total;
	(void) downloaded;
	(void) upload_total;
	(void) uploaded;
	if (!config_goes_on(exchange->place->config))
		exchange->stopped = true;
	return exchange->stopped;
}

/* ---- after ---- */

/* Tells why; always false.  A code of CURLE_OK is a status that is none of success. */
bool
exchange_failed(Exchange *exchange, CURLcode code, const char *what, Trouble *trouble)
{
	const char *shown = exchange->place->shown;
	long		status = exchange_status(exchange);

	if (exchange->stopped)
		return trouble_passes(trouble, "%s: %s was given up", shown, what);
	if (exchange->safety.refused[0] != '\0' && exchange->place->stranger)
		return trouble_lasts(trouble, "%s: %s, which no redirect is followed to; allow-private = yes in [network] allows it, "
							 "or order that url", shown, exchange->safety.refused);
	if (exchange->safety.refused[0] != '\0')
		return trouble_lasts(trouble, "%s: %s, which is not connected to; allow-private = yes in [%s %s] or in [network] allows it",
							 shown, exchange->safety.refused, exchange->place->scheme == SCHEME_S3 ? "bucket" : "host",
							 exchange->place->host);
	if (exchange->host_key[0] != '\0')
		return trouble_lasts(trouble, "%s: %s", shown, exchange->host_key);
	if (code == CURLE_OK)
		return failed_http(exchange, status, what, trouble);
	if (!exchange_is_http(exchange) && exchange->place->scheme != SCHEME_SFTP && status >= 400 &&
		(code == CURLE_FTP_COULDNT_RETR_FILE || code == CURLE_UPLOAD_FAILED || code == CURLE_QUOTE_ERROR ||
		 code == CURLE_REMOTE_ACCESS_DENIED || code == CURLE_PARTIAL_FILE || code == CURLE_LOGIN_DENIED ||
		 code == CURLE_REMOTE_FILE_NOT_FOUND))
		return failed_ftp(exchange, status, what, trouble);
	return (lasts(code) ? trouble_lasts : trouble_passes)
		(trouble, "%s: %s failed: %s%s", shown, what,
		 exchange->error[0] != '\0' ? exchange->error : curl_easy_strerror(code), advice(exchange, code));
}

/* S3's says in one word what is wrong with a request. */
static bool
failed_http(Exchange *exchange, long status, const char *what, Trouble *trouble)
{
	static const long passing[] = {408, 421, 423, 425, 429, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524};
	const char *code = strstr(exchange->said, "<Code>");
	const char *hint = status == 401 || status == 403 ? "; see to the credentials in the agent's configuration" :
		status == 404 || status == 410 ? "; there is no such file" :
		status == 405 ? "; the server does not do that there" :
		status / 100 == 3 ? "; redirects are not followed here, so give the url that it leads to" :
		status == 507 ? "; its disk is full" : "";
	bool		passes = false;

	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		passes = passes || passing[i] == status;
	return (passes ? trouble_passes : trouble_lasts)
		(trouble, "%s: %s was answered %ld%s%.*s%s", exchange->place->shown, what, status, code != NULL ? " " : "",
		 code != NULL ? (int) strcspn(code + 6, "<") : 0, code != NULL ? code + 6 : "", hint);
}

/* A 5yz is for good, says FTP, but not when it is the room for files that is used up. */
static bool
failed_ftp(Exchange *exchange, long status, const char *what, Trouble *trouble)
{
	const char *hint = status == 530 || status == 430 ? "; see to the user and the password in the agent's configuration" :
		status == 550 ? "; there is no such file or folder, or no right to it" :
		status == 452 || status == 552 ? "; its disk or its quota is full" : "";

	return (status >= 500 && status != 552 ? trouble_lasts : trouble_passes)
		(trouble, "%s: %s was answered %ld%s", exchange->place->shown, what, status, hint);
}

static bool
lasts(CURLcode code)
{
	static const CURLcode lasting[] = {
		CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT, CURLE_NOT_BUILT_IN,
		CURLE_REMOTE_ACCESS_DENIED, CURLE_LOGIN_DENIED, CURLE_REMOTE_FILE_NOT_FOUND, CURLE_PEER_FAILED_VERIFICATION,
		CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS,
		CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_USE_SSL_FAILED, CURLE_REMOTE_FILE_EXISTS
	};

	for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
		if (lasting[i] == code)
			return true;
	return false;
}

static const char *
advice(const Exchange *exchange, CURLcode code)
{
	bool		ssh = exchange->place->scheme == SCHEME_SFTP;

	switch (code)
	{
		case CURLE_LOGIN_DENIED:
			return !ssh ? "; see to its user and password in the agent's configuration" :
				"; see to its user, password or key in the agent's configuration; an RSA key is of no use before libssh2 1.11, an Ed25519 one is";
		case CURLE_PEER_FAILED_VERIFICATION:
			return ssh ? "" : "; its certificate has to be mended, or ca-file in the agent's configuration to name who vouches for it";
		case CURLE_SSL_CACERT_BADFILE:
			return "; see to ca-file in the agent's configuration";
		case CURLE_REMOTE_FILE_NOT_FOUND:
			return "; there is no such file";
		case CURLE_REMOTE_ACCESS_DENIED:
			return "; its user has no right to it there";
		case CURLE_USE_SSL_FAILED:
			return "; the server speaks no TLS, and ftp: would do without";
		default:
			return "";
	}
}
