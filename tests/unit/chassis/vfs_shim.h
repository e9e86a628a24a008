/*
 * A SQLite VFS that stands in front of the system's and counts, slows down or breaks what happens
 * to the write-ahead log. It becomes the default, so that a store meets it without knowing.
 */
#ifndef TESTS_VFS_SHIM_H
#define TESTS_VFS_SHIM_H

#include <stdatomic.h>
#include <stdbool.h>

struct vfs_shim {
	atomic_int wal_syncs;      /* fsyncs of the log, since shim_install() */
	atomic_int sync_us;        /* each takes this long, as on a disk */
	atomic_int sync_failures;  /* so many next syncs of the log fail */
	atomic_int write_failures; /* so many next writes to the log fail */
	atomic_bool full;          /* writes to the log find no room */
};

extern struct vfs_shim shim;

void shim_install(void); /* and forgets all that was set */

#endif
