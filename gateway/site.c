#include "site.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/log.h>

#include "contracts.h"
#include "openapi.h"

#define MAX_DESCRIPTORS ((size_t)64 << 20)

/* ---- contracts ---- */

static int read_file(const char *path, struct weft_buffer *into)
{
	FILE *file = fopen(path, "rbe");
	uint8_t *room;
	size_t n;
	int r = 0;

	if (!file)
		return -errno;
	into->limit = MAX_DESCRIPTORS;
	do {
		r = weft_buffer_reserve(into, 65536, &room);
		n = r < 0 ? 0 : fread(room, 1, 65536, file);
		into->len += n;
	} while (n > 0);
	if (r == 0 && ferror(file))
		r = -EIO;
	fclose(file);
	return r;
}

static int add_descriptor_file(struct site *site, const char *path, char error[256])
{
	struct weft_buffer set = WEFT_BUFFER_INIT;
	char why[256];
	int r;

	r = read_file(path, &set);
	if (r < 0) {
		snprintf(error, 256, "%.180s: %s", path, weft_errno_string(r));
	} else {
		r = weft_schema_add_set(site->schema, (struct weft_bytes) { set.data, set.len },
					why);
		if (r < 0)
			snprintf(error, 256, "%.80s: %.160s", path, why);
	}
	weft_buffer_fini(&set);
	return r;
}

static int load_contracts(struct site *site, char error[256])
{
	int r;

	r = weft_schema_new(&site->schema);
	if (r < 0) {
		snprintf(error, 256, "%s", weft_errno_string(r));
		return r;
	}
	r = weft_schema_add_set(site->schema, contracts_descriptor_set, error);
	for (size_t i = 0; i < site->config.n_backends && r == 0; i++)
		if (site->config.backends[i].descriptor_file)
			r = add_descriptor_file(site, site->config.backends[i].descriptor_file,
						error);
	return r < 0 ? r : route_table_new(site->schema, error, &site->routes);
}

/* FNV-1a, over 64 bits. */
static uint64_t fingerprint(const struct weft_buffer *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < text->len; i++)
		hash = (hash ^ text->data[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static int write_document(struct site *site, char error[256])
{
	int r = openapi_write(site->schema, site->routes, &site->openapi, error);

	if (r == 0)
		snprintf(site->openapi_etag, sizeof(site->openapi_etag), "\"%016llx\"",
			 (unsigned long long)fingerprint(&site->openapi));
	return r;
}

/* ---- trust ---- */

/* The same file is the same context, which watches it by itself: channels that have it live on. */
static int load_tls(struct site *site, const struct site *before, char error[256])
{
	const char *ca = site->config.upstream_ca;
	const struct weft_tls_options options = { .size = sizeof(options), .ca_file = ca };

	if (!ca)
		return 0;
	if (before && before->upstream_tls && strcmp(before->config.upstream_ca, ca) == 0) {
		site->upstream_tls = weft_tls_ref(before->upstream_tls);
		return 0;
	}
	return weft_tls_client_new(&options, error, &site->upstream_tls);
}

/* ---- the object ---- */

int site_new(struct config *take_config, const struct site *before, char error[256],
	     struct site **ret_site)
{
	struct site *site = calloc(1, sizeof(*site));
	int r;

	if (!site) {
		config_fini(take_config);
		snprintf(error, 256, "out of memory");
		return -ENOMEM;
	}
	site->refs = 1;
	site->config = *take_config;
	*take_config = (struct config) { 0 };
	r = load_contracts(site, error);
	if (r == 0)
		r = write_document(site, error);
	if (r == 0)
		r = load_tls(site, before, error);
	if (r < 0) {
		site_unref(site);
		return r;
	}
	*ret_site = site;
	return 0;
}

struct site *site_ref(struct site *site)
{
	atomic_fetch_add(&site->refs, 1);
	return site;
}

void site_unref(struct site *site)
{
	if (!site || atomic_fetch_sub(&site->refs, 1) > 1)
		return;
	weft_tls_unref(site->upstream_tls);
	weft_buffer_fini(&site->openapi);
	route_table_free(site->routes);
	weft_schema_free(site->schema);
	config_fini(&site->config);
	free(site);
}
