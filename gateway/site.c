#include "site.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/etcd.h>
#include <weft/log.h>
#include <weft/protobuf.h>

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

/* FileDescriptorProto.package */
static bool is_in(const struct config_backend *backend, struct weft_bytes file)
{
	struct weft_wire_field field;
	bool in = false;

	while (weft_wire_next(&file, &field) > 0)
		if (field.number == 2 && field.type == WEFT_WIRE_BYTES)
			for (size_t i = 0; i < backend->n_packages && !in; i++)
				in = config_package_fits(backend->packages[i],
							 (const char *)field.bytes.data,
							 field.bytes.len) > 0;
	return in;
}

/* Of what backends have said, the files that are of their own packages, or the others. */
static int append_reflected(const struct site *site, bool own, struct weft_buffer *set)
{
	int r = 0;

	for (size_t i = 0; i < site->config.n_backends; i++) {
		const struct weft_buffer *files = &site->reflected[i].files;
		struct weft_bytes rest = { files->data, files->len };
		struct weft_wire_field field;

		while (r == 0 && weft_wire_next(&rest, &field) > 0)
			if (is_in(&site->config.backends[i], field.bytes) == own)
				r = weft_wire_append_bytes(set, 1, field.bytes.data,
							   field.bytes.len);
	}
	return r;
}

/* One set of all, in which the first of a name counts: what a backend says of its own packages
 * comes before what is built in, and that before what it says of others. */
static int add_sets(struct site *site, bool with_reflected, char error[256])
{
	const struct weft_bytes built_in = contracts_descriptor_set;
	struct weft_buffer set = WEFT_BUFFER_INIT;
	int r = 0;

	if (!with_reflected)
		return weft_schema_add_set(site->schema, built_in, error);
	r = append_reflected(site, true, &set);
	if (r == 0)
		r = weft_buffer_append(&set, built_in.data, built_in.len);
	if (r == 0)
		r = append_reflected(site, false, &set);
	if (r < 0)
		snprintf(error, 256, "%s", weft_errno_string(r));
	else
		r = weft_schema_add_set(site->schema, (struct weft_bytes) { set.data, set.len },
					error);
	weft_buffer_fini(&set);
	return r;
}

static int load_contracts(struct site *site, bool with_reflected, char error[256])
{
	int r;

	r = weft_schema_new(&site->schema);
	if (r < 0) {
		snprintf(error, 256, "%s", weft_errno_string(r));
		return r;
	}
	r = add_sets(site, with_reflected, error);
	for (size_t i = 0; i < site->config.n_backends && r == 0; i++)
		if (site->config.backends[i].descriptor_file)
			r = add_descriptor_file(site, site->config.backends[i].descriptor_file,
						error);
	return r < 0 ? r : route_table_new(site->schema, error, &site->routes);
}

/* What a backend says must not keep the edge from starting. */
static int load_all_contracts(struct site *site, bool first, char error[256])
{
	bool wanted = reflected_wanted(site);
	int r;

	r = load_contracts(site, wanted, error);
	if (r == 0 || !wanted || !first)
		return r;
	weft_log_error("what backends say of their contracts is not taken", WEFT_STR("why", error));
	for (size_t i = 0; i < site->config.n_backends; i++)
		site->reflected[i].current = false;
	weft_schema_free(site->schema);
	site->schema = NULL;
	return load_contracts(site, false, error);
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
	r = load_tls(site, before, error);
	if (r == 0 && !before)
		weft_etcd_register(site->config.registry, site->upstream_tls);
	if (r == 0) {
		r = reflected_ask(site, before);
		if (r < 0)
			snprintf(error, 256, "%s", weft_errno_string(r));
	}
	if (r == 0)
		r = load_all_contracts(site, !before, error);
	if (r == 0)
		r = write_document(site, error);
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
	reflected_fini(site);
	config_fini(&site->config);
	free(site);
}
