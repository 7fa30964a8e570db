/* What attached clients get: container output, held in a bounded queue for those that are slow. */
#include "client-output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void forget_queue(struct client *client)
{
	free(client->queue);
	client->queue = NULL;
	client->queue_length = client->queue_start = client->queue_room = 0;
	client->stalled_at_ms = 0;
}

/* Sends one frame, whole or in part. Returns the bytes of it (header counted) that are out, or -errno. */
static ssize_t send_frame(struct client *client, const char *header, const char *bytes, size_t length, size_t skip)
{
	struct iovec vector[2];
	struct msghdr message = {.msg_iov = vector, .msg_iovlen = 2};
	ssize_t sent;

	/* A packet has its type only; its boundaries are the frame. */
	vector[0] = client->framed ? (struct iovec){(char *)header, FRAME_HEADER} : (struct iovec){(char *)header, 1};
	vector[1] = (struct iovec){(char *)bytes, length};
	if (skip >= FRAME_HEADER) {
		vector[0].iov_len = 0;
		vector[1].iov_base = (char *)bytes + (skip - FRAME_HEADER);
		vector[1].iov_len = length - (skip - FRAME_HEADER);
	} else if (skip > 0) {
		vector[0].iov_base = (char *)header + skip;
		vector[0].iov_len -= skip;
	}
	do
		sent = sendmsg(client->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return client->framed ? sent : (ssize_t)(FRAME_HEADER + length);
}

static bool enqueue(struct client *client, const char *bytes, size_t length)
{
	size_t used = client->queue_length - client->queue_start;

	if (client->queue_start > 0 && client->queue_length + length > client->queue_room) {
		memmove(client->queue, client->queue + client->queue_start, used);
		client->queue_start = 0;
		client->queue_length = used;
	}
	if (client->queue_length + length > client->queue_room) {
		size_t room = client->queue_room ? client->queue_room * 2 : 16 * 1024;
		char *grown;

		while (room < used + length)
			room *= 2;
		grown = realloc(client->queue, room);
		if (!grown)
			return false;
		client->queue = grown;
		client->queue_room = room;
	}
	memcpy(client->queue + client->queue_length, bytes, length);
	client->queue_length += length;
	return true;
}

static void mark_waiting(struct monitor *monitor, struct client *client)
{
	if (monitor->options.attach_stall > 0 && client->flow != FLOW_HOLD)
		client->stalled_at_ms = now_ms() + monitor->options.attach_stall * 1000;
}

static void write_one(struct monitor *monitor, struct client *client, const char *header, const char *bytes, size_t length)
{
	ssize_t sent = 0;
	size_t queued = client->queue_length - client->queue_start, skip;

	if (queued == 0) {
		sent = send_frame(client, header, bytes, length, 0);
		if (sent == -EAGAIN || sent == -ENOBUFS)
			sent = 0;
		if (sent < 0) {
			client->gone = true;
			return;
		}
		if ((size_t)sent == FRAME_HEADER + length)
			return;
		mark_waiting(monitor, client);
	}
	if (client->flow == FLOW_DROP && queued + length > QUEUE_HIGH) {
		warn(monitor, "an attached client was too slow and is dropped", NULL, 0);
		client->gone = true;
		return;
	}
	/* A frame begun goes on with its rest: the queue then starts in the middle of it, for stream clients alone. */
	skip = (size_t)sent;
	if (skip < FRAME_HEADER && !enqueue(client, header + skip, FRAME_HEADER - skip))
		client->gone = true;
	skip = skip < FRAME_HEADER ? 0 : skip - FRAME_HEADER;
	if (!enqueue(client, bytes + skip, length - skip))
		client->gone = true;
}

void clients_write(struct monitor *monitor, uint8_t stream, const char *bytes, size_t length)
{
	uint8_t header[FRAME_HEADER];

	frame_header(header, stream, (uint32_t)length);
	for (struct client *client = monitor->clients; client; client = client->next)
		if (!client->gone)
			write_one(monitor, client, (const char *)header, bytes, length);
}

/* The stream client's queue is plain bytes; the seqpacket client's is taken apart into packets. */
static ssize_t send_queued(struct client *client)
{
	const char *at = client->queue + client->queue_start;
	size_t length = client->queue_length - client->queue_start;
	ssize_t sent;

	if (!client->framed) {
		const uint8_t *header = (const uint8_t *)at;
		size_t payload = (size_t)header[3] << 8 | header[4];

		return send_frame(client, at, at + FRAME_HEADER, payload, 0);
	}
	do
		sent = send(client->fd, at, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

void client_flush(struct monitor *monitor, struct client *client)
{
	while (client->queue_start < client->queue_length) {
		ssize_t sent = send_queued(client);

		if (sent == -EAGAIN || sent == -ENOBUFS)
			return;
		if (sent < 0) {
			client->gone = true;
			return;
		}
		client->queue_start += (size_t)sent;
		mark_waiting(monitor, client);
	}
	forget_queue(client);
}

bool clients_hold(const struct monitor *monitor)
{
	for (const struct client *client = monitor->clients; client; client = client->next)
		if (!client->gone && client->flow != FLOW_DROP && client->queue_length - client->queue_start >= QUEUE_HIGH)
			return true;
	return false;
}

bool clients_wait(const struct monitor *monitor)
{
	for (const struct client *client = monitor->clients; client; client = client->next)
		if (!client->gone && client->queue_start != client->queue_length)
			return true;
	return false;
}

bool clients_finish(struct monitor *monitor)
{
	bool all = true;

	for (struct client *client = monitor->clients; client; client = client->next) {
		if (client->queue_start == client->queue_length) {
			client->gone = true;
			continue;
		}
		/* The container has ended: even a client that may hold it back gets no more than the usual patience. */
		if (client->stalled_at_ms == 0) {
			client->flow = FLOW_PATIENT;
			if (monitor->options.attach_stall <= 0)
				monitor->options.attach_stall = 10;
			mark_waiting(monitor, client);
		}
		all = false;
	}
	return all;
}
