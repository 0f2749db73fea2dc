/*
 * api.c
 *	  The APIs there are, and what a URI names in one.
 *
 * An API is what the paths of resources have in common: those of one version
 * that lie side by side.  So a resource that is declared has its URIs, and
 * those of its API, without another word.
 */
#include "postgres.h"

#include "api.h"
#include "errors.h"
#include "scalar.h"

static UmSlice base_of(const char *path);
static const char *below(const char *path, UmSlice prefix);
static bool find_resource(const char *path, UmResource *resource, const char *own,
						  UmTarget *target);
static const char *before_result(const char *rest);
static UmPlace place_below(const char *rest, UmPlace whole, UmPlace part, const char **id);
static const char *decoded(const char *segment);

/* What its hrefs begin with, up to the resource. */
UmApi
um_api_of(const UmResource *resource, UmVersion version)
{
	return (UmApi) {base_of(resource->path[version]), version};
}

/* A path without its last segment. */
static UmSlice
base_of(const char *path)
{
	int			len = strlen(path) - 1;

	while (len > 0 && path[len - 1] != '/')
		len--;
	return (UmSlice) {path, len};
}

/* The resource of an API that comes behind another one, or first; NULL where there is none. */
UmResource *
um_api_next(const UmApi *api, const UmResource *before)
{
	for (UmResource *r = before != NULL ? before->next : um_resources; r != NULL; r = r->next)
		if (r->path[api->version] != NULL &&
			um_same_slice(base_of(r->path[api->version]), api->base))
			return r;
	return NULL;
}

/* What a path means, as a client writes it; UM_NOWHERE for nothing. */
UmTarget
um_target(const char *path)
{
	UmTarget	target = {UM_NOWHERE};

	for (UmResource *r = um_resources; r != NULL; r = r->next)
		for (int v = 0; v < UM_VERSIONS; v++)
		{
			if (r->path[v] == NULL)
				continue;
			target.api = um_api_of(r, v);
			if (find_resource(path, r, r->path[v], &target) ||
				(r->other_path[v] != NULL && find_resource(path, r, r->other_path[v], &target)))
				return target;
		}
	return (UmTarget) {UM_NOWHERE};
}

/* The resource itself, or what its API has besides. */
static bool
find_resource(const char *path, UmResource *resource, const char *own, UmTarget *target)
{
	UmSlice		base = base_of(own);
	const char *rest = below(path, (UmSlice) {own, strlen(own) - 1});

	if (rest != NULL)
	{
		const char *item = resource->result != NULL ? before_result(rest) : NULL;

		target->place = place_below(item != NULL ? item : rest, UM_COLLECTION, UM_ITEM, &target->id);
		if (item != NULL)
			target->place = target->place == UM_ITEM ? UM_RESULT : UM_NOWHERE;
		target->resource = resource;
	}
	if (target->place == UM_NOWHERE && (rest = below(path, base)) != NULL)
	{
		const char *hub = below(rest, (UmSlice) {"hub", 3});

		target->resource = NULL;
		if (hub != NULL)
			target->place = place_below(hub, UM_HUB, UM_HUB_LISTENER, &target->id);
		else if (strcmp(rest, "openapi.json") == 0)
			target->place = UM_OPENAPI;
	}
	return target->place != UM_NOWHERE;
}

/* What follows a prefix, of which each character may have been encoded but the slashes; NULL for another. */
static const char *
below(const char *path, UmSlice prefix)
{
	for (int i = 0; i < prefix.len; i++)
	{
		char		c;
		int			n = um_percent_unit(path, strnlen(path, 3), &c);

		if (n == 0 || c != prefix.ptr[i] || (c == '/' && n > 1))
			return NULL;
		path += n;
	}
	return path;
}

/* Of what says that the result of one is meant that which names it: "/id" of "/id/result"; NULL for else. */
static const char *
before_result(const char *rest)
{
	const char *last = strrchr(rest, '/');
	const char *end = last != NULL && last > rest ? below(last + 1, (UmSlice) {"result", 6}) : NULL;

	return end != NULL && *end == '\0' ? pnstrdup(rest, last - rest) : NULL;
}

/* All of them, or one that is named: what is left is "", "/", or "/id". */
static UmPlace
place_below(const char *rest, UmPlace whole, UmPlace part, const char **id)
{
	if (*rest == '\0' || strcmp(rest, "/") == 0)
		return whole;
	if (*rest != '/' || strchr(rest + 1, '/') != NULL)
		return UM_NOWHERE;
	*id = decoded(rest + 1);
	return part;
}

static const char *
decoded(const char *segment)
{
	UmSlice		id = {segment, strlen(segment)};

	if (strchr(segment, '%') != NULL && !um_percent_decode(id, &id))
		ereport(ERROR, (errcode(UM_PARAMETER), errmsg("the URI is not UTF-8 text")));
	return pnstrdup(id.ptr, id.len);
}
