#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chassis/store.h"
#include "vfs_shim.h"

struct vfs_shim shim;

struct shim_file {
	sqlite3_file base;
	bool is_wal;
	sqlite3_file *real; /* right behind this struct */
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs shim_vfs;

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct shim_file *)file)->real;
}

static bool is_wal(sqlite3_file *file)
{
	return ((struct shim_file *)file)->is_wal;
}

/* Takes one of the failures that were ordered. */
static bool take(atomic_int *left)
{
	int n = atomic_load(left);

	while (n > 0)
		if (atomic_compare_exchange_weak(left, &n, n - 1))
			return true;
	return false;
}

static int shim_close(sqlite3_file *file)
{
	return real_of(file)->pMethods->xClose(real_of(file));
}

static int shim_read(sqlite3_file *file, void *room, int n, sqlite3_int64 at)
{
	return real_of(file)->pMethods->xRead(real_of(file), room, n, at);
}

static int shim_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
	if (is_wal(file) && atomic_load(&shim.full))
		return SQLITE_FULL;
	if (is_wal(file) && take(&shim.write_failures))
		return SQLITE_IOERR_WRITE;
	return real_of(file)->pMethods->xWrite(real_of(file), bytes, n, at);
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int shim_sync(sqlite3_file *file, int flags)
{
	int us = atomic_load(&shim.sync_us);

	if (!is_wal(file))
		return real_of(file)->pMethods->xSync(real_of(file), flags);
	atomic_fetch_add(&shim.wal_syncs, 1);
	if (us > 0)
		nanosleep(&(struct timespec) { .tv_nsec = us * 1000L }, NULL);
	if (take(&shim.sync_failures))
		return SQLITE_IOERR_FSYNC;
	return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int shim_file_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), ret_size);
}

static int shim_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int shim_unlock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int shim_check_reserved(sqlite3_file *file, int *ret_reserved)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), ret_reserved);
}

static int shim_control(sqlite3_file *file, int op, void *arg)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int shim_sector_size(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int shim_characteristics(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int shim_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret_map)
{
	return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, ret_map);
}

static int shim_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}

static void shim_shm_barrier(sqlite3_file *file)
{
	real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int shim_shm_unmap(sqlite3_file *file, int remove)
{
	return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static const sqlite3_io_methods shim_methods = {
	.iVersion = 2,
	.xClose = shim_close,
	.xRead = shim_read,
	.xWrite = shim_write,
	.xTruncate = shim_truncate,
	.xSync = shim_sync,
	.xFileSize = shim_file_size,
	.xLock = shim_lock,
	.xUnlock = shim_unlock,
	.xCheckReservedLock = shim_check_reserved,
	.xFileControl = shim_control,
	.xSectorSize = shim_sector_size,
	.xDeviceCharacteristics = shim_characteristics,
	.xShmMap = shim_shm_map,
	.xShmLock = shim_shm_lock,
	.xShmBarrier = shim_shm_barrier,
	.xShmUnmap = shim_shm_unmap,
};

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
		     int *ret_flags)
{
	struct shim_file *shim_file = (struct shim_file *)file;
	int rc;

	shim_file->real = (sqlite3_file *)(shim_file + 1);
	shim_file->is_wal = flags & SQLITE_OPEN_WAL;
	rc = real_vfs->xOpen(real_vfs, name, shim_file->real, flags, ret_flags);
	shim_file->base.pMethods = shim_file->real->pMethods ? &shim_methods : NULL;
	return rc;
}

void shim_install(void)
{
	if (!real_vfs) {
		real_vfs = sqlite3_vfs_find(NULL);
		assert(real_vfs);
		shim_vfs = *real_vfs;
		shim_vfs.zName = "shim";
		shim_vfs.pNext = NULL;
		shim_vfs.szOsFile += (int)sizeof(struct shim_file);
		shim_vfs.xOpen = shim_open;
		sqlite3_vfs_register(&shim_vfs, 1);
	}
	atomic_store(&shim.wal_syncs, 0);
	atomic_store(&shim.sync_us, 0);
	atomic_store(&shim.sync_failures, 0);
	atomic_store(&shim.write_failures, 0);
	atomic_store(&shim.full, false);
}
