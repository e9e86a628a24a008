/* See pool.h. A list of free pieces for each power of two; a piece that is free holds the link. */
#include "base/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <weft/base.h>

#include "base/poison.h"

#define SMALLEST_SHIFT 5 /* 32 bytes */
#define SMALL_SHIFT    11
#define LARGEST_SHIFT  17
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
	struct shelf shelves[LARGEST_SHIFT + 1];
	size_t large; /* bytes that are kept on the shelves above SMALL_SHIFT */
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

static unsigned shift_of(size_t size)
{
	if (size <= (size_t)1 << SMALLEST_SHIFT)
		return SMALLEST_SHIFT;
	return (unsigned)(sizeof(long) * 8) - (unsigned)__builtin_clzl(size - 1);
}

void *pool_alloc(size_t size)
{
	struct shelf *shelf;
	struct piece *piece;
	unsigned shift;

	if (!KEPT_BYTES || size > POOL_LARGEST)
		return malloc(size);
	shift = shift_of(size);
	shelf = &pool.shelves[shift];
	piece = shelf->pieces;
	if (!piece)
		return malloc((size_t)1 << shift);
	shelf->pieces = piece->next;
	if (shift <= SMALL_SHIFT)
		shelf->vacant++;
	else
		pool.large -= (size_t)1 << shift;
	return piece;
}

static void put(struct shelf *shelf, struct piece *piece)
{
	piece->next = shelf->pieces;
	shelf->pieces = piece;
}

/* Where the shelf has no place, or none of its own. */
static void free_slowly(struct piece *piece, size_t size)
{
	const unsigned shift = size > POOL_LARGEST ? 0 : shift_of(size);

	if (!pool.watched)
		open_shelves();
	if (shift <= SMALL_SHIFT || pool.large + ((size_t)1 << shift) > KEPT_LARGE) {
		free(piece);
		return;
	}
	pool.large += (size_t)1 << shift;
	put(&pool.shelves[shift], piece);
}

void pool_free(void *memory, size_t size)
{
	struct shelf *shelf;

	if (!memory)
		return;
	shelf = size > POOL_LARGEST ? NULL : &pool.shelves[shift_of(size)];
	if (!shelf || !shelf->vacant) {
		free_slowly(memory, size);
		return;
	}
	shelf->vacant--;
	put(shelf, memory);
}
