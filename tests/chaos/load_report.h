/* What became of the calls of a phase, as one line of JSON; see load.c. */
#ifndef CHAOS_LOAD_REPORT_H
#define CHAOS_LOAD_REPORT_H

#include <weft/status.h>

#define CODES     17
#define PEERS_MAX 64

/* The calls of one method. */
struct report_method {
	uint64_t calls;
	uint64_t codes[CODES]; /* how they ended */
	uint64_t slow;         /* slow answers among them */
	uint64_t late_us;      /* the longest that one has ended behind its deadline */
	uint32_t *took_us;     /* of those that have ended */
	size_t n;
	size_t cap;
	char failure[200]; /* the words of the last failure */
};

struct report_peer {
	char address[64];
	uint64_t answers;
};

struct report {
	struct report_method read, write;
	struct report_peer peers[PEERS_MAX]; /* who has answered OK */
};

/* A call has ended. */
void report_took(struct report_method *method, uint64_t took_us, uint64_t timeout_us,
		 const struct weft_status *status);
void report_peer(struct report *report, const char *address);
void report_print(struct report *report, const char *phase); /* to standard output */
void report_fini(struct report *report);

#endif
