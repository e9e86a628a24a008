/*
 * An HTTP/2 peer made of a fuzzer's bytes. Random bytes seldom are HTTP/2, because HPACK and
 * lengths must be right for anything to follow; so each step reads an opcode and writes a frame
 * that is right but for what the input wants wrong. Raw bytes are one of the opcodes.
 */
#ifndef FUZZ_PEER_H
#define FUZZ_PEER_H

#include <weft/buffer.h>

enum peer_role { PEER_CLIENT, PEER_SERVER };

struct peer {
	enum peer_role role;
	struct weft_bytes input;
	uint32_t next_stream;   /* that a client opens */
	struct weft_buffer out; /* what it sends, until the owner takes it */
};

enum peer_step {
	PEER_END,  /* the input is used up */
	PEER_GO,   /* something may have been added to `out` */
	PEER_TURN, /* the other side is to have time now */
};

/* Begins with the preface and SETTINGS. */
void peer_init(struct peer *peer, enum peer_role role, struct weft_bytes input);
void peer_fini(struct peer *peer);
enum peer_step peer_step(struct peer *peer);

#endif
