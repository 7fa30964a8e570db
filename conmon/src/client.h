/* Attached clients. README.md says what they are promised. */
#ifndef CLIENT_H
#define CLIENT_H

#include "frame.h"
#include "monitor.h"

#define QUEUE_HIGH (256 * 1024) /* from here on a client holds the container back */

enum flow { FLOW_PATIENT = 0, FLOW_HOLD = 1, FLOW_DROP = 2 };

struct client {
	struct client *next;
	int fd;
	bool framed; /* stream socket; else seqpacket */
	bool read_done, gone, gave_stdin;
	enum flow flow;
	struct frame_reader reader;
	/* Bytes read from the client and not given on, because stdin is full. */
	char *pending;
	size_t pending_length, pending_offset;
	/* Whole frames it has not taken yet; `sent` bytes of the first are out. */
	char *queue;
	size_t queue_length, queue_start, queue_room;
	long long stalled_at_ms; /* when it is to be given up, 0 when nothing waits */
};

/* Takes in the next who has connected, if any: false when nobody has. */
bool client_accept(struct monitor *monitor, int listen_fd, bool framed);
/* The one that came with us, so that it misses nothing. */
void client_inherit(struct monitor *monitor);
/* All who have connected. */
void clients_accept(struct monitor *monitor);
void client_event(struct monitor *monitor, struct client *client, short events);
short client_wants(const struct monitor *monitor, const struct client *client);
void clients_write(struct monitor *monitor, uint8_t stream, const char *bytes, size_t length);
/* True while a full queue keeps the container's output back. */
bool clients_hold(const struct monitor *monitor);
/* Gives up stalled ones, forgets those that have gone, goes on with what stdin had no room for. */
void clients_tend(struct monitor *monitor, long long now);
/* Whether one has not been sent all of its output yet. */
bool clients_wait(const struct monitor *monitor);
/* The container has gone: closes those that have everything. True when none is left. */
bool clients_finish(struct monitor *monitor);
void clients_drop(struct monitor *monitor);

#endif
