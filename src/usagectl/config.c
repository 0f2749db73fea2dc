/*
 * config.c
 *	  Where we may go, and with which credentials.
 *
 *		[network]
 *		timeout = 60
 *
 *		[directory /srv/usage]
 *		roles = mediation
 *
 *		[host sftp.partner.example]
 *		user = usage
 *		key-file = /etc/usage_mgmt/id_ed25519
 *
 * An order in the database has a url and nothing else: what there is to say of
 * a host is said here, by whoever runs the agent.  So the file is no use to
 * those who could order anything: what others may change is refused, and so is
 * what others may read where it holds a secret.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config.h"

/* Sections that a key may be in. */
#define NETWORK 1
#define DIRECTORY 2
#define HOST 4
#define BUCKET 8
#define CREDENTIAL 16
#define SPOOL 32
#define ACCESS (HOST | BUCKET | CREDENTIAL)

typedef enum Form
{
	WORD,						/* any text */
	YES_NO,
	SECONDS,
	BYTES,
	FILE_NAME,					/* that may not be there */
	READABLE,					/* a file that is */
	PRIVATE,					/* the same, which others cannot read */
	SECRET,						/* a text that makes this file one such */
	SECRET_FILE					/* its first line is the text */
} Form;

typedef struct Key
{
	const char *name;
	int			sections;
	Form		form;
	size_t		offset;			/* of the Config, the Directory or the Access */
} Key;

static const Key keys[] = {
	{"allow-private", NETWORK, YES_NO, offsetof(Config, allow_private)},
	{"allow-redirects", NETWORK, YES_NO, offsetof(Config, allow_redirects)},
	{"known-hosts", NETWORK, FILE_NAME, offsetof(Config, known_hosts)},
	{"timeout", NETWORK, SECONDS, offsetof(Config, timeout)},
	{"directory", SPOOL, READABLE, offsetof(Config, spool)},
	{"size", SPOOL, BYTES, offsetof(Config, spool_size)},
	{"read-only", DIRECTORY, YES_NO, offsetof(Directory, read_only)},
	{"roles", DIRECTORY, WORD, offsetof(Directory, roles)},
	{"access-key", BUCKET | CREDENTIAL, WORD, offsetof(Access, user)},
	{"allow-private", HOST | BUCKET, YES_NO, offsetof(Access, allow_private)},
	{"ca-file", ACCESS, READABLE, offsetof(Access, ca_file)},
	{"endpoint", BUCKET | CREDENTIAL, WORD, offsetof(Access, endpoint)},
	{"for", CREDENTIAL, WORD, offsetof(Access, hosts)},
	{"key-file", HOST | CREDENTIAL, PRIVATE, offsetof(Access, key_file)},
	{"known-hosts", HOST | CREDENTIAL, FILE_NAME, offsetof(Access, known_hosts)},
	{"passphrase", HOST | CREDENTIAL, SECRET, offsetof(Access, passphrase)},
	{"passphrase-file", HOST | CREDENTIAL, SECRET_FILE, offsetof(Access, passphrase)},
	{"password", HOST | CREDENTIAL, SECRET, offsetof(Access, password)},
	{"password-file", HOST | CREDENTIAL, SECRET_FILE, offsetof(Access, password)},
	{"region", BUCKET | CREDENTIAL, WORD, offsetof(Access, region)},
	{"roles", ACCESS, WORD, offsetof(Access, roles)},
	{"secret-key", BUCKET | CREDENTIAL, SECRET, offsetof(Access, password)},
	{"secret-key-file", BUCKET | CREDENTIAL, SECRET_FILE, offsetof(Access, password)},
	{"user", HOST | CREDENTIAL, WORD, offsetof(Access, user)},
};

typedef struct Reader
{
	Config	   *config;
	Trouble    *trouble;
	const char *file;
	int			line;
	mode_t		mode;			/* of the file */
	int			section;		/* that we are in, or 0 */
	void	   *what;			/* its Config, Directory or Access */
} Reader;

static bool read_lines(Reader *reader, FILE *in);
static bool read_line(Reader *reader, char *line);
static bool begin_section(Reader *reader, char *text);
static bool begin_directory(Reader *reader, const char *path);
static bool has_dots(const char *path);
static bool begin_access(Reader *reader, AccessKind kind, int section, const char *name);
static bool end_section(Reader *reader);
static bool set_key(Reader *reader, const char *name, const char *value);
static bool set_value(Reader *reader, const Key *key, const char *value);
static bool set_flag(Reader *reader, const Key *key, const char *value);
static bool set_size(Reader *reader, const Key *key, const char *value);
static bool set_text(Reader *reader, const Key *key, const char *value);
static bool set_secret(Reader *reader, const Key *key, const char *file);
static bool check_file(Reader *reader, const char *file, bool secret);
static bool fault(Reader *reader, const char *format,...) __attribute__((format(printf, 2, 3)));
static char *trim(char *text);

/* Without a file: nothing below file:, and no credentials. */
Config *
config_read(const char *file, Trouble *trouble)
{
	Config	   *config = calloc(1, sizeof(Config));
	Reader		reader = {config, trouble, file, 0, 0, 0, NULL};
	struct stat status;
	FILE	   *in;
	bool		read = false;

	if (config == NULL)
	{
		trouble_passes(trouble, "out of memory");
		return NULL;
	}
	config->timeout = 60;
	config->spool_size = INT64_C(10) << 30;
	if (file == NULL)
		return config;
	config->file = strdup(file);
	in = fopen(file, "re");
	if (in == NULL || fstat(fileno(in), &status) < 0)
		trouble_system(trouble, errno, "configuration file \"%s\"", file);
	else if (S_ISREG(status.st_mode) && (status.st_mode & S_IWOTH))
		trouble_lasts(trouble, "configuration file \"%s\" can be changed by anybody; chmod o-w it", file);
	else
	{
		reader.mode = status.st_mode;
		read = read_lines(&reader, in);
	}
	if (in != NULL)
		fclose(in);
	if (read)
		return config;
	config_free(config);
	return NULL;
}

void
config_free(Config *config)
{
	if (config == NULL)
		return;
	for (Directory *one = config->directories, *next; one != NULL; one = next)
	{
		next = one->next;
		free(one->path);
		free(one->roles);
		free(one);
	}
	for (Access *one = config->accesses, *next; one != NULL; one = next)
	{
		char	   *texts[] = {one->name, one->hosts, one->roles, one->user, one->password, one->key_file,
		one->passphrase, one->known_hosts, one->ca_file, one->region, one->endpoint};

		next = one->next;
		for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
			free(texts[i]);
		free(one);
	}
	free(config->known_hosts);
	free(config->spool);
	free(config->file);
	free(config);
}

/* Asks, once a second at most, whether we are to go on. */
bool
config_goes_on(const Config *config)
{
	static time_t asked;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (config->tick == NULL || now.tv_sec == asked)
		return true;
	asked = now.tv_sec;
	return config->tick(config->tick_context);
}

/* Whether a name is among those of a list with spaces or commas. */
bool
config_lists(const char *list, const char *name)
{
	static const char between[] = ", \t";
	size_t		length;

	for (list += strspn(list, between); *list != '\0'; list += strspn(list, between))
	{
		length = strcspn(list, between);
		if (length == strlen(name) && strncmp(list, name, length) == 0)
			return true;
		list += length;
	}
	return false;
}

/* One slash between two parts of a path, which is all that several mean. */
void
config_plain_path(char *path)
{
	char	   *to = path;

	for (const char *from = path; *from != '\0'; from++)
		if (*from != '/' || to == path || to[-1] != '/')
			*to++ = *from;
	*to = '\0';
}

static bool
read_lines(Reader *reader, FILE *in)
{
	char	   *line = NULL;
	size_t		space = 0;
	bool		good = true;

	while (good && getline(&line, &space, in) >= 0)
	{
		reader->line++;
		good = read_line(reader, trim(line));
	}
	free(line);
	if (good && ferror(in))
		return trouble_system(reader->trouble, errno, "configuration file \"%s\"", reader->file);
	return good && end_section(reader);
}

static bool
read_line(Reader *reader, char *line)
{
	char	   *equals = strchr(line, '=');
	size_t		length = strlen(line);

	if (length == 0 || line[0] == '#' || line[0] == ';')
		return true;
	if (line[0] == '[')
	{
		if (line[length - 1] != ']')
			return fault(reader, "\"%s\" has no ] at its end", line);
		line[length - 1] = '\0';
		return end_section(reader) && begin_section(reader, trim(line + 1));
	}
	/* what it is may be a secret that was split */
	if (equals == NULL)
		return fault(reader, "is neither [section] nor key = value");
	*equals = '\0';
	return set_key(reader, trim(line), trim(equals + 1));
}

static bool
begin_section(Reader *reader, char *text)
{
	static const struct
	{
		const char *name;
		int			section;
		AccessKind	kind;
	}			kinds[] = {
		{"host", HOST, ACCESS_HOST},
		{"bucket", BUCKET, ACCESS_BUCKET},
		{"credential", CREDENTIAL, ACCESS_CREDENTIAL},
	};
	size_t		length = strcspn(text, " \t");
	char	   *name = trim(text + length);

	text[length] = '\0';
	if ((strcmp(text, "network") == 0 || strcmp(text, "spool") == 0) && *name == '\0')
	{
		reader->section = text[0] == 'n' ? NETWORK : SPOOL;
		reader->what = reader->config;
		return true;
	}
	if (strcmp(text, "directory") == 0)
		return begin_directory(reader, name);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(text, kinds[i].name) == 0 && *name != '\0')
			return begin_access(reader, kinds[i].kind, kinds[i].section, name);
	return fault(reader, "[%s] is none of [network], [spool], [directory PATH], [host NAME], [bucket NAME], [credential NAME]",
				 text);
}

static bool
begin_directory(Reader *reader, const char *path)
{
	Directory  *directory = calloc(1, sizeof(Directory));
	size_t		end;

	if (directory == NULL || (directory->path = strdup(path)) == NULL)
	{
		free(directory);
		return fault(reader, "out of memory");
	}
	config_plain_path(directory->path);
	end = strlen(directory->path);
	if (end > 1 && directory->path[end - 1] == '/')
		directory->path[end - 1] = '\0';
	directory->next = reader->config->directories;
	reader->config->directories = directory;
	reader->section = DIRECTORY;
	reader->what = directory;
	if (path[0] != '/' || has_dots(path))
		return fault(reader, "directory \"%s\" is no absolute path", path);
	for (const Directory *one = directory->next; one != NULL; one = one->next)
		if (strcmp(one->path, directory->path) == 0)
			return fault(reader, "a section for \"%s\" is there already", directory->path);
	return true;
}

/* Whether a part of a path is . or .., so that it is not the one that it seems to be. */
static bool
has_dots(const char *path)
{
	while (*(path += strspn(path, "/")) != '\0')
	{
		size_t		length = strcspn(path, "/");

		if (length <= 2 && strspn(path, ".") >= length)
			return true;
		path += length;
	}
	return false;
}

static bool
begin_access(Reader *reader, AccessKind kind, int section, const char *name)
{
	Access	   *access;

	for (access = reader->config->accesses; access != NULL; access = access->next)
		if (access->kind == kind && strcasecmp(access->name, name) == 0)
			return fault(reader, "a section for \"%s\" is there already", name);
	access = calloc(1, sizeof(Access));
	if (access == NULL)
		return fault(reader, "out of memory");
	access->kind = kind;
	access->name = strdup(name);
	access->next = reader->config->accesses;
	reader->config->accesses = access;
	reader->section = section;
	reader->what = access;
	return true;
}

/* What a section has to say. */
static bool
end_section(Reader *reader)
{
	Access	   *access = reader->what;

	if (!(reader->section & ACCESS))
		return true;
	if (access->kind == ACCESS_CREDENTIAL && access->hosts == NULL)
		return fault(reader, "[credential %s] ends here without for = HOST..., the hosts or buckets that it may be given to",
					 access->name);
	if (access->key_file != NULL && access->user == NULL)
		return fault(reader, "the section of \"%s\" ends here with a key-file and no user", access->name);
	return true;
}

static bool
set_key(Reader *reader, const char *name, const char *value)
{
	bool		known = false;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i].name, name) == 0)
		{
			known = true;
			if (keys[i].sections & reader->section)
				return *value != '\0' ? set_value(reader, &keys[i], value) : fault(reader, "%s has no value", name);
		}
	return fault(reader, known ? "%s has no place in this section" : "%s is no key that is known here", name);
}

static bool
set_value(Reader *reader, const Key *key, const char *value)
{
	if (key->form == YES_NO || key->form == SECONDS)
		return set_flag(reader, key, value);
	if (key->form == BYTES)
		return set_size(reader, key, value);
	if (*(char **) ((char *) reader->what + key->offset) != NULL)
		return fault(reader, "%s comes twice in this section", key->name);
	if (key->form == SECRET && (reader->mode & S_IROTH))
		return fault(reader, "%s is a secret, and anybody can read this file; chmod o-r it", key->name);
	if (key->form == SECRET_FILE)
		return set_secret(reader, key, value);
	if (key->form >= FILE_NAME && key->form <= PRIVATE && value[0] != '/')
		return fault(reader, "%s is no absolute path", key->name);
	if ((key->form == READABLE || key->form == PRIVATE) && !check_file(reader, value, key->form == PRIVATE))
		return false;
	return set_text(reader, key, value);
}

static bool
set_flag(Reader *reader, const Key *key, const char *value)
{
	void	   *place = (char *) reader->what + key->offset;
	char	   *end;
	long		seconds;

	if (key->form == SECONDS)
	{
		seconds = strtol(value, &end, 10);
		if (*end != '\0' || seconds < 1 || seconds > 3600)
			return fault(reader, "%s is a number of seconds, 1 to 3600", key->name);
		*(int *) place = seconds;
		return true;
	}
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return fault(reader, "%s is yes or no", key->name);
	*(bool *) place = strcmp(value, "yes") == 0;
	return true;
}

static bool
set_size(Reader *reader, const Key *key, const char *value)
{
	static const char units[] = "kMGT";
	char	   *end;
	long		number = strtol(value, &end, 10);
	const char *unit = *end != '\0' ? strchr(units, *end) : NULL;

	if (end == value || number < 1 || number > 1000000 || (*end != '\0' && (unit == NULL || end[1] != '\0')))
		return fault(reader, "%s is a number of bytes, such as 500M or 10G", key->name);
	*(int64_t *) ((char *) reader->what + key->offset) = (int64_t) number << (unit != NULL ? 10 * (unit - units + 1) : 0);
	return true;
}

static bool
set_text(Reader *reader, const Key *key, const char *value)
{
	char	  **place = (char **) ((char *) reader->what + key->offset);

	*place = strdup(value);
	return *place != NULL || fault(reader, "out of memory");
}

/* The first line of a file. */
static bool
set_secret(Reader *reader, const Key *key, const char *file)
{
	char	   *line = NULL;
	size_t		space = 0;
	FILE	   *in;
	bool		good;

	if (!check_file(reader, file, true))
		return false;
	in = fopen(file, "re");
	good = in != NULL && getline(&line, &space, in) >= 0;
	if (good)
	{
		line[strcspn(line, "\r\n")] = '\0';
		good = *line != '\0';
	}
	if (in != NULL)
		fclose(in);
	good = good ? set_text(reader, key, line) : fault(reader, "\"%s\" has nothing in its first line", file);
	free(line);
	return good;
}

static bool
check_file(Reader *reader, const char *file, bool secret)
{
	struct stat status;
	int			fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool		known = fd >= 0 && fstat(fd, &status) == 0;
	int			error = errno;

	if (fd >= 0)
		close(fd);
	if (!known)
		return trouble_system(reader->trouble, error, "configuration file \"%s\", line %d: \"%s\"", reader->file,
							  reader->line, file);
	if (secret && (status.st_mode & (S_IROTH | S_IWOTH)))
		return fault(reader, "anybody can read or change \"%s\"; chmod o-rw it", file);
	return true;
}

/* Always false. */
static bool
fault(Reader *reader, const char *format,...)
{
	char		text[600];
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return trouble_lasts(reader->trouble, "configuration file \"%s\", line %d: %s", reader->file, reader->line, text);
}

static char *
trim(char *text)
{
	size_t		length;

	while (isspace((unsigned char) *text))
		text++;
	length = strlen(text);
	while (length > 0 && isspace((unsigned char) text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}
