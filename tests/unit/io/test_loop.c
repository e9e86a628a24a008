/* The loop: the order within a turn, timers, descriptors, posts of other threads; the worker; and
 * both as guests on somebody else's loop. */
#include <ev.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weft/worker.h>

#include <cmocka.h>

static struct weft_loop *loop;
static char order[64];
static size_t order_len;

static void note(char c)
{
	assert_true(order_len < sizeof(order) - 1);
	order[order_len++] = c;
	order[order_len] = '\0';
}

static int make_loop(void **state)
{
	order_len = 0;
	order[0] = '\0';
	return weft_loop_new(&loop);
}

static int free_loop(void **state)
{
	weft_loop_free(loop);
	return 0;
}

/* A task that notes a letter. */
struct letter {
	struct weft_task task;
	char c;
	void (*then)(struct letter *letter);
};

static void run_letter(struct weft_task *task)
{
	struct letter *letter = weft_container_of(task, struct letter, task);

	note(letter->c);
	if (letter->then)
		letter->then(letter);
}

static struct letter letter(char c)
{
	return (struct letter) { .task.run = run_letter, .c = c };
}

static void stop_loop(struct weft_timer *timer, void *data)
{
	weft_loop_stop(loop);
}

static void stop_loop_task(struct weft_task *task)
{
	weft_loop_stop(loop);
}

static struct letter deferred, deferred_by_deferred, flushed, deferred_by_flush;

static void defer_another(struct letter *letter)
{
	weft_loop_defer(loop, &deferred_by_deferred.task);
}

static void defer_from_flush(struct letter *letter)
{
	weft_loop_defer(loop, &deferred_by_flush.task);
}

static void flush_and_defer(struct weft_fd *watch, unsigned events, void *data)
{
	weft_loop_flush(loop, &flushed.task);
	weft_loop_defer(loop, &deferred.task);
	note('c');
	weft_fd_free(watch);
}

/* Callbacks, then tasks until there are none, then flushes, then the tasks that these made. */
static void a_turn_has_an_order(void **state)
{
	struct weft_timer stop;
	int pair[2];

	deferred = letter('d');
	deferred.then = defer_another;
	deferred_by_deferred = letter('e');
	flushed = letter('f');
	flushed.then = defer_from_flush;
	deferred_by_flush = letter('g');

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	weft_fd_new(loop, pair[0], WEFT_WRITABLE, flush_and_defer, NULL);
	weft_timer_init(&stop, stop_loop, NULL);
	weft_timer_start(loop, &stop, 5 * WEFT_MS);
	weft_loop_run(loop);
	assert_string_equal(order, "cdefg");
	close(pair[0]);
	close(pair[1]);
}

static struct letter again;

static void run_again(struct letter *letter)
{
	order_len = 0;
	weft_loop_defer(loop, &letter->task);
}

/* A task that always defers itself keeps the processor, not the loop. */
static void endless_tasks_do_not_starve_timers(void **state)
{
	struct weft_timer stop;

	again = letter('x');
	again.then = run_again;
	weft_loop_defer(loop, &again.task);
	weft_timer_init(&stop, stop_loop, NULL);
	weft_timer_start(loop, &stop, WEFT_MS);
	weft_loop_run(loop);
	assert_false(weft_timer_started(&stop));
	again.then = NULL;
}

static struct weft_fd *watched;
static unsigned readable_seen;

static void read_one(struct weft_fd *watch, unsigned events, void *data)
{
	int *pair = data;
	char byte;

	assert_ptr_equal(watch, watched);
	assert_int_equal(events, WEFT_READABLE);
	assert_int_equal(read(pair[0], &byte, 1), 1);
	if (++readable_seen == 3) {
		weft_fd_set(watch, 0);
		assert_int_equal(write(pair[1], "x", 1), 1);
		weft_loop_stop(loop);
	}
}

static void descriptors_are_watched(void **state)
{
	struct weft_timer stop;
	int pair[2];

	readable_seen = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	assert_int_equal(write(pair[1], "abc", 3), 3);
	watched = weft_fd_new(loop, pair[0], 0, read_one, pair);
	weft_fd_set(watched, WEFT_READABLE);
	weft_loop_run(loop);
	assert_int_equal(readable_seen, 3);

	/* Nobody watches now, although there is a byte. */
	weft_timer_init(&stop, stop_loop, NULL);
	weft_timer_start(loop, &stop, WEFT_MS);
	weft_loop_run(loop);
	assert_int_equal(readable_seen, 3);
	weft_fd_free(watched);
	close(pair[0]);
	close(pair[1]);
}

static void see_signal(int signal, void *data)
{
	*(int *)data = signal;
	weft_loop_stop(loop);
}

static void raise_signal(struct weft_task *task)
{
	raise(SIGUSR1);
}

static void signals_arrive(void **state)
{
	struct weft_task task = { .run = raise_signal };
	struct weft_signal *watch;
	int seen = 0;

	watch = weft_signal_new(loop, SIGUSR1, see_signal, &seen);
	weft_loop_defer(loop, &task);
	weft_loop_run(loop);
	assert_int_equal(seen, SIGUSR1);
	weft_signal_free(watch);
}

#define TIMERS 10000

static struct weft_timer timers[TIMERS];
static bool expected[TIMERS];
static size_t left;
static uint64_t last_at;

static void expire(struct weft_timer *timer, void *data)
{
	assert_true(expected[timer - timers]);
	assert_false(weft_timer_started(timer));
	assert_true(timer->at >= last_at);
	assert_true(weft_now() >= timer->at);
	expected[timer - timers] = false;
	last_at = timer->at;
	if (--left == 0)
		weft_loop_stop(loop);
}

static void many_timers_fire_in_order(void **state)
{
	uint64_t start = weft_now();
	uint32_t random = 7;

	left = 0;
	last_at = 0;
	for (size_t i = 0; i < TIMERS; i++)
		weft_timer_init(&timers[i], expire, NULL);
	for (size_t step = 0; step < 5 * TIMERS; step++) {
		size_t i;

		random = random * 1664525 + 1013904223;
		i = (random >> 8) % TIMERS;
		random = random * 1664525 + 1013904223;
		if (random >> 30 == 0) {
			weft_timer_stop(loop, &timers[i]);
			expected[i] = false;
		} else {
			weft_timer_start_at(loop, &timers[i],
					    start + (random >> 8) % (20 * WEFT_MS));
			expected[i] = true;
		}
		assert_int_equal(weft_timer_started(&timers[i]), expected[i]);
	}
	for (size_t i = 0; i < TIMERS; i++)
		left += expected[i];
	assert_true(left > TIMERS / 2);
	weft_loop_run(loop);
	assert_int_equal(left, 0);
	for (size_t i = 0; i < TIMERS; i++)
		assert_false(expected[i]);
}

static void start_again(struct weft_timer *timer, void *data)
{
	unsigned *count = data;

	if (++*count == 100)
		weft_loop_stop(loop);
	weft_timer_start(loop, timer, 0);
}

static void a_timer_may_start_itself_for_at_once(void **state)
{
	struct weft_timer timer;
	unsigned count = 0;

	weft_timer_init(&timer, start_again, &count);
	weft_timer_start(loop, &timer, 0);
	weft_loop_run(loop);
	assert_true(count >= 100);
	weft_timer_stop(loop, &timer);
	weft_timer_stop(loop, &timer);

	weft_timer_start(loop, &timer, WEFT_NEVER);
	assert_false(weft_timer_started(&timer));
}

static void a_stop_before_the_run_counts(void **state)
{
	weft_loop_stop(loop);
	weft_loop_run(loop);
}

#define THREADS 4
#define POSTS   20000

struct post {
	struct weft_task task;
	unsigned thread;
	unsigned number;
};

static unsigned next_number[THREADS];
static unsigned posts_seen;
static pthread_t loop_thread;

static void see_post(struct weft_task *task)
{
	struct post *post = weft_container_of(task, struct post, task);

	assert_true(pthread_equal(pthread_self(), loop_thread));
	assert_int_equal(post->number, next_number[post->thread]);
	next_number[post->thread]++;
	free(post);
	if (++posts_seen == THREADS * POSTS)
		weft_loop_stop(loop);
}

static void *post_many(void *data)
{
	for (unsigned i = 0; i < POSTS; i++) {
		struct post *post = calloc(1, sizeof(*post));

		post->task.run = see_post;
		post->thread = (unsigned)(uintptr_t)data;
		post->number = i;
		weft_loop_post(loop, &post->task);
	}
	return NULL;
}

static void posts_keep_their_order(void **state)
{
	pthread_t threads[THREADS];

	loop_thread = pthread_self();
	posts_seen = 0;
	memset(next_number, 0, sizeof(next_number));
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, post_many, (void *)i), 0);
	weft_loop_run(loop);
	assert_int_equal(posts_seen, THREADS * POSTS);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void what_was_posted_before_the_end_runs(void **state)
{
	struct letter a = letter('a');
	struct weft_task stop = { .run = stop_loop_task };

	weft_loop_post(loop, &stop);
	weft_loop_run(loop);
	weft_loop_post(loop, &a.task);
	weft_loop_free(loop);
	assert_string_equal(order, "a");
	assert_int_equal(weft_loop_new(&loop), 0);
}

struct seen_worker {
	struct weft_task task;
	struct weft_worker *worker;
	unsigned runs;
};

static void see_worker(struct weft_task *task)
{
	struct seen_worker *seen = weft_container_of(task, struct seen_worker, task);
	char name[16];

	assert_ptr_equal(weft_worker_current(), seen->worker);
	pthread_getname_np(pthread_self(), name, sizeof(name));
	assert_string_equal(name, "worker-3");
	seen->runs++;
}

static void a_worker_has_a_thread(void **state)
{
	struct seen_worker first, second;
	struct weft_worker *worker;

	assert_null(weft_worker_current());
	assert_int_equal(weft_worker_new(3, &worker), 0);
	assert_int_equal(weft_worker_index(worker), 3);
	first = second = (struct seen_worker) { .task.run = see_worker, .worker = worker };
	assert_int_equal(weft_worker_start(worker), 0);
	weft_worker_post(worker, &first.task);
	weft_worker_post(worker, &second.task);
	weft_worker_stop(worker);
	weft_worker_stop(worker);
	weft_worker_join(worker);
	assert_int_equal(first.runs + second.runs, 2);
	weft_worker_free(worker);
	assert_null(weft_worker_current());
}

static void count_here(struct weft_task *task)
{
	struct seen_worker *seen = weft_container_of(task, struct seen_worker, task);

	assert_ptr_equal(weft_worker_current(), seen->worker);
	seen->runs++;
	weft_worker_stop(seen->worker);
}

static void a_worker_runs_here_and_again(void **state)
{
	struct seen_worker seen = { .task.run = count_here };

	assert_int_equal(weft_worker_new(0, &seen.worker), 0);
	for (unsigned i = 1; i <= 3; i++) {
		weft_loop_defer(weft_worker_loop(seen.worker), &seen.task);
		weft_worker_run(seen.worker);
		assert_int_equal(seen.runs, i);
	}
	weft_worker_post(seen.worker, &seen.task);
	weft_worker_free(seen.worker);
	assert_int_equal(seen.runs, 4);
}

/* ---- a guest ---- */

static struct letter from_host, from_guest, from_thread;
static struct weft_worker *guest;
static struct weft_timer guest_timer;
static ev_timer host_timer;

static void on_guest_timer(struct weft_timer *timer, void *data)
{
	note('g');
	assert_ptr_equal(weft_worker_current(), guest);
	weft_loop_defer(weft_worker_loop(guest), &from_guest.task);
}

static void *post_from_thread(void *data)
{
	weft_worker_post(guest, &from_thread.task);
	return NULL;
}

/* The host's own event, after the guest's timer: it asks something of the guest. */
static void on_host_timer(struct ev_loop *ev, ev_timer *watch, int events)
{
	pthread_t thread;

	note('h');
	weft_loop_defer(weft_worker_loop(guest), &from_host.task);
	assert_int_equal(pthread_create(&thread, NULL, post_from_thread, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void stop_host(struct letter *letter)
{
	ev_break(ev_default_loop(0), EVBREAK_ALL);
}

static void on_host_end(struct ev_loop *ev, ev_timer *watch, int events)
{
	note('e');
}

static void a_guest_shares_its_hosts_loop(void **state)
{
	struct ev_loop *ev = ev_default_loop(0);
	uint64_t began = weft_now();

	order_len = 0;
	from_host = letter('1');
	from_guest = letter('2');
	from_thread = letter('3');
	from_thread.then = stop_host;
	assert_int_equal(weft_worker_new_on(7, ev, &guest), 0);
	assert_ptr_equal(weft_worker_current(), guest);
	assert_int_equal(weft_worker_index(guest), 7);
	weft_timer_init(&guest_timer, on_guest_timer, NULL);
	weft_timer_start(weft_worker_loop(guest), &guest_timer, 10 * WEFT_MS);
	ev_timer_init(&host_timer, on_host_timer, 0.03, 0.);
	ev_timer_start(ev, &host_timer);
	ev_run(ev, 0);
	assert_string_equal(order, "g2h13");
	assert_true(weft_now() - began >= 29 * WEFT_MS);

	/* The host's loop outlives its guest, and then ends by itself. */
	weft_worker_free(guest);
	assert_null(weft_worker_current());
	order_len = 0;
	ev_timer_init(&host_timer, on_host_end, 0., 0.);
	ev_timer_start(ev, &host_timer);
	ev_run(ev, 0);
	assert_string_equal(order, "e");
	assert_int_equal(ev_pending_count(ev), 0);
}

#define with_loop(test) cmocka_unit_test_setup_teardown(test, make_loop, free_loop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_loop(a_turn_has_an_order),
		with_loop(endless_tasks_do_not_starve_timers),
		with_loop(descriptors_are_watched),
		with_loop(signals_arrive),
		with_loop(many_timers_fire_in_order),
		with_loop(a_timer_may_start_itself_for_at_once),
		with_loop(a_stop_before_the_run_counts),
		with_loop(posts_keep_their_order),
		with_loop(what_was_posted_before_the_end_runs),
		cmocka_unit_test(a_worker_has_a_thread),
		cmocka_unit_test(a_worker_runs_here_and_again),
		cmocka_unit_test(a_guest_shares_its_hosts_loop),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
