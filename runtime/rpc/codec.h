/*
 * Messages and their bytes. Both halves of rpc go through here, because protobuf-c trusts what it
 * unpacks: it has no limit on nesting, nor on what repeated fields allocate, and does not look at
 * UTF-8. So the bytes are walked against the descriptor first.
 */
#ifndef WEFT_RPC_CODEC_H
#define WEFT_RPC_CODEC_H

#include <protobuf-c/protobuf-c.h>
#include <weft/arena.h>
#include <weft/buffer.h>
#include <weft/encoding.h>

#define WEFT_CODEC_DEPTH 100 /* levels of messages within messages, as everywhere in protobuf */

/* What unpacking may take for a message of `len` bytes: two bytes on the wire can be a struct of
 * 200. */
#define WEFT_CODEC_MEMORY(len) (((size_t)64 << 20) + 16 * (len))

/* -EBADMSG: not such a message, or nested deeper than `max_depth` (0: WEFT_CODEC_DEPTH);
 * -EINVAL: a string holds a NUL byte, which protobuf allows and protobuf-c's strings do not;
 * -EMSGSIZE: unpacked it would take more than WEFT_CODEC_MEMORY. `error` names the field:
 * "lines[2].name is not UTF-8". */
int weft_message_check(const ProtobufCMessageDescriptor *descriptor, struct weft_bytes wire,
		       unsigned max_depth, char error[256]);

/* Checks, then unpacks: all of the message lives in the arena. Also -ENOMEM. */
int weft_message_unpack(const ProtobufCMessageDescriptor *descriptor, struct weft_bytes wire,
			unsigned max_depth, struct weft_arena *arena, char error[256],
			ProtobufCMessage **ret_message);

/* -EMSGSIZE: above 2 GiB, protobuf's own bound. */
int weft_message_size(const ProtobufCMessage *message, size_t *ret_size);
/* Fills exactly weft_message_size bytes. */
void weft_message_pack(const ProtobufCMessage *message, uint8_t *room);
/* Fills an empty buffer. 1: compressed; 0: as it is, because it would not be shorter. -EMSGSIZE,
 * -ENOMEM */
int weft_message_compress(const ProtobufCMessage *message, enum weft_encoding encoding,
			  struct weft_buffer *out);

#endif
