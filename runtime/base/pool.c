/*
 * See pool.h. A list of free pieces for each power of two up to 2 KiB, and for each multiple of
 * 4 KiB above; a piece that is free holds the link.
 */
#include "base/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <weft/base.h>

#include "base/poison.h"

#define SMALLEST_SHIFT 5 /* 32 bytes */
#define SMALL_SHIFT    11
#define STEP           ((size_t)4096) /* from one large size to the next */
#define SHELVES        (SMALL_SHIFT + 1 + POOL_LARGEST / STEP)
#define KEPT_BYTES     (WEFT_RED_ZONE ? 0 : (size_t)512 * 1024)      /* of each small size */
#define KEPT_LARGE     (WEFT_RED_ZONE ? 0 : (size_t)4 * 1024 * 1024) /* of all the others */

struct piece {
	struct piece *next;
};

struct shelf {
	struct piece *pieces;
	size_t vacant; /* how many more may be kept; 0 before the thread's first, and where large */
};

struct pool {
	struct shelf shelves[SHELVES];
	size_t large; /* bytes that are kept on the shelves of large pieces */
	bool watched; /* the thread's end empties it */
};

static _Thread_local struct pool pool;
static pthread_key_t at_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void empty(void *data)
{
	struct pool *own = data;

	for (size_t i = 0; i < WEFT_COUNT(own->shelves); i++) {
		struct shelf *shelf = &own->shelves[i];

		while (shelf->pieces) {
			struct piece *piece = shelf->pieces;

			shelf->pieces = piece->next;
			free(piece);
		}
		shelf->vacant = 0;
	}
	own->large = 0;
	own->watched = false; /* another key's destructor may free more */
}

static void make_key(void)
{
	if (pthread_key_create(&at_end, empty))
		abort();
}

static void open_shelves(void)
{
	pthread_once(&once, make_key);
	if (pthread_setspecific(at_end, &pool))
		abort();
	for (size_t shift = SMALLEST_SHIFT; shift <= SMALL_SHIFT; shift++)
		pool.shelves[shift].vacant = KEPT_BYTES >> shift;
	pool.watched = true;
}

/* Shelves of small pieces are numbered by the power of two, those of large ones follow. */
static size_t shelf_of(size_t size)
{
	if (size <= (size_t)1 << SMALLEST_SHIFT)
		return SMALLEST_SHIFT;
	if (size > (size_t)1 << SMALL_SHIFT)
		return SMALL_SHIFT + 1 + (size - 1) / STEP;
	return sizeof(long) * 8 - (size_t)__builtin_clzl(size - 1);
}

static size_t size_on(size_t shelf)
{
	return shelf <= SMALL_SHIFT ? (size_t)1 << shelf : (shelf - SMALL_SHIFT) * STEP;
}

void *pool_alloc(size_t size)
{
	struct shelf *shelf;
	struct piece *piece;
	size_t i;

	if (!KEPT_BYTES || size > POOL_LARGEST)
		return malloc(size);
	i = shelf_of(size);
	shelf = &pool.shelves[i];
	piece = shelf->pieces;
	if (!piece)
		return malloc(size_on(i));
	shelf->pieces = piece->next;
	if (i <= SMALL_SHIFT)
		shelf->vacant++;
	else
		pool.large -= size_on(i);
	return piece;
}

static void put(struct shelf *shelf, struct piece *piece)
{
	piece->next = shelf->pieces;
	shelf->pieces = piece;
}

/* Gives the system a large piece of another size. False: there is none. */
static bool drop_other(size_t kept)
{
	for (size_t i = SHELVES - 1; i > SMALL_SHIFT; i--) {
		struct shelf *shelf = &pool.shelves[i];
		struct piece *piece = shelf->pieces;

		if (!piece || i == kept)
			continue;
		shelf->pieces = piece->next;
		pool.large -= size_on(i);
		free(piece);
		return true;
	}
	return false;
}

/* For one more large piece: the sizes that are freed now are worth more than those of before. */
static bool make_room(size_t i)
{
	while (pool.large + size_on(i) > KEPT_LARGE)
		if (!drop_other(i))
			return false;
	return true;
}

/* Where the shelf has no place, or none of its own. */
static void free_slowly(struct piece *piece, size_t size)
{
	const size_t i = size > POOL_LARGEST ? 0 : shelf_of(size);

	if (!pool.watched)
		open_shelves();
	if (i <= SMALL_SHIFT || !make_room(i)) {
		free(piece);
		return;
	}
	pool.large += size_on(i);
	put(&pool.shelves[i], piece);
}

void pool_free(void *memory, size_t size)
{
	struct shelf *shelf;

	if (!memory)
		return;
	shelf = size > POOL_LARGEST ? NULL : &pool.shelves[shelf_of(size)];
	if (!shelf || !shelf->vacant) {
		free_slowly(memory, size);
		return;
	}
	shelf->vacant--;
	put(shelf, memory);
}
