/* What a worker needs of its loop beyond <weft/loop.h>. */
#ifndef WEFT_IO_LOOP_H
#define WEFT_IO_LOOP_H

#include <weft/loop.h>

/* Runs posted tasks, deferred ones and flushes until there are none, without a turn of the loop. */
void weft_loop_run_queued(struct weft_loop *loop);

#endif
