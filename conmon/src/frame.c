#include "frame.h"

#include <string.h>

void frame_header(uint8_t *out, uint8_t type, uint32_t length)
{
	out[0] = type;
	out[1] = (uint8_t)(length >> 24);
	out[2] = (uint8_t)(length >> 16);
	out[3] = (uint8_t)(length >> 8);
	out[4] = (uint8_t)length;
}

static uint32_t length_of(const uint8_t *header)
{
	return (uint32_t)header[1] << 24 | (uint32_t)header[2] << 16 | (uint32_t)header[3] << 8 | header[4];
}

static void complete(struct frame_reader *reader, struct frame_event *event)
{
	const uint8_t *small = reader->small;
	uint8_t type = reader->header[0], have = reader->small_have;

	reader->have = 0;
	reader->small_have = 0;
	if (type == FRAME_RESIZE && have == 4) {
		event->type = FRAME_RESIZE;
		event->first = (unsigned)small[0] << 8 | small[1];
		event->second = (unsigned)small[2] << 8 | small[3];
	} else if (type == FRAME_FLOW && have >= 1) {
		event->type = FRAME_FLOW;
		event->first = small[0];
	} else if (type == FRAME_END || type == FRAME_DETACH) {
		event->type = type;
	}
}

static size_t take_payload(struct frame_reader *reader, const char *bytes, size_t length, struct frame_event *event)
{
	if (length > reader->left)
		length = reader->left;
	if (reader->header[0] == FRAME_STDIN) {
		event->type = FRAME_STDIN;
		event->bytes = bytes;
		event->length = length;
	} else {
		for (size_t i = 0; i < length && reader->small_have < sizeof(reader->small); i++)
			reader->small[reader->small_have++] = (uint8_t)bytes[i];
	}
	reader->left -= (uint32_t)length;
	return length;
}

size_t frame_read(struct frame_reader *reader, const char *bytes, size_t length, struct frame_event *event)
{
	size_t taken = 0;

	memset(event, 0, sizeof(*event));
	event->type = -1;
	while (taken < length && event->type < 0) {
		if (reader->have < FRAME_HEADER) {
			reader->header[reader->have++] = (uint8_t)bytes[taken++];
			if (reader->have == FRAME_HEADER)
				reader->left = length_of(reader->header);
		} else {
			taken += take_payload(reader, bytes + taken, length - taken, event);
		}
		if (reader->have == FRAME_HEADER && reader->left == 0)
			complete(reader, event);
	}
	return taken;
}
