/*
 * The framing of the stream socket: 1 byte type, 4 bytes length (big endian), payload. Pure.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER 5

enum frame_type { FRAME_STDIN = 0, FRAME_END = 1, FRAME_RESIZE = 4, FRAME_DETACH = 5, FRAME_FLOW = 6 };

struct frame_reader {
	uint8_t header[FRAME_HEADER];
	uint8_t have;  /* bytes of the header */
	uint32_t left; /* bytes of the payload to come */
	uint8_t small[4]; /* payload of resize and flow */
	uint8_t small_have;
};

struct frame_event {
	int type; /* of enum frame_type; -1: nothing yet */
	const char *bytes; /* FRAME_STDIN: a part of its payload */
	size_t length;
	unsigned first, second; /* resize: rows, columns; flow: mode */
};

void frame_header(uint8_t *out, uint8_t type, uint32_t length);
/* Takes from `bytes` until one event is complete; returns how much was taken (at least 1 when length > 0). */
size_t frame_read(struct frame_reader *reader, const char *bytes, size_t length, struct frame_event *event);

#endif
