/*
 * Where each name is declared, in the files that a server's services come from and all that those
 * import. Built once, then only read.
 */
#ifndef STD_REFLECTION_INDEX_H
#define STD_REFLECTION_INDEX_H

#include <weft/server.h>

struct reflection_index;

struct reflection_file {
	const struct weft_file *file;
	size_t number; /* from 0, without a gap */
	const struct reflection_file **imports;
	size_t n_imports;
};

/* In the order of their numbers. */
struct reflection_extension {
	const struct reflection_extension *next;
	int32_t number;
	const struct reflection_file *file;
};

/* In the server's arena. */
struct reflection_index *reflection_index_new(struct weft_server *server);
/* A file that no service imports, and what it imports. */
void reflection_index_add(struct reflection_index *index, const struct weft_file *file);
size_t reflection_index_size(const struct reflection_index *index); /* files */

/* NULL: there is none. */
const struct reflection_file *reflection_index_file(const struct reflection_index *index,
						    const char *name);
/* The file that declares `symbol`: a type, a service, or what is inside one. */
const struct reflection_file *reflection_index_symbol(const struct reflection_index *index,
						      const char *symbol);
/* False: `message` is no message. */
bool reflection_index_extensions(const struct reflection_index *index, const char *message,
				 const struct reflection_extension **ret_first);

#endif
