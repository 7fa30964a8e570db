/* Attached clients: coming, going, and what they send. */
#include "client.h"
#include "client-output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void client_add(struct monitor *monitor, int fd, bool framed)
{
	struct client *client = monitor->client_count < CLIENTS_MAX ? calloc(1, sizeof(*client)) : NULL;

	if (!client) {
		warn(monitor, "too many attached clients", NULL, 0);
		close(fd);
		return;
	}
	client->fd = fd;
	client->framed = framed;
	client->next = monitor->clients;
	monitor->clients = client;
	monitor->client_count++;
}

bool client_accept(struct monitor *monitor, int listen_fd, bool framed)
{
	int fd = listen_fd < 0 ? -1 : accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return false;
	client_add(monitor, fd, framed);
	return true;
}

void client_inherit(struct monitor *monitor)
{
	int fd = (int)monitor->options.client_fd;

	if (fd < 0)
		return;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		die(monitor, "cannot use the descriptor of", "--client-fd", errno);
	client_add(monitor, fd, true);
}

void clients_accept(struct monitor *monitor)
{
	while (client_accept(monitor, monitor->attach_fd, false))
		;
	while (client_accept(monitor, monitor->stream_attach_fd, true))
		;
}

/* Sends no more. As with conmon that ends the container's stdin, unless it is to be left open. */
static void input_ended(struct monitor *monitor, struct client *client, bool said_so)
{
	client->read_done = true;
	if (!monitor->options.has_stdin || monitor->options.leave_stdin_open)
		return;
	/* A stream client that only watched may leave without that. */
	if (!client->framed || said_so || client->gave_stdin)
		stdin_end(monitor);
}

static void act(struct monitor *monitor, struct client *client, const struct frame_event *event)
{
	switch (event->type) {
	case FRAME_STDIN:
		client->gave_stdin = true;
		stdin_give(monitor, event->bytes, event->length);
		break;
	case FRAME_END:
		client->gave_stdin = false;
		if (!client->read_done && monitor->options.has_stdin && !monitor->options.leave_stdin_open)
			stdin_end(monitor);
		break;
	case FRAME_RESIZE:
		console_resize(monitor, event->first, event->second);
		break;
	case FRAME_DETACH:
		client->gone = true;
		break;
	case FRAME_FLOW:
		client->flow = event->first <= FLOW_DROP ? (enum flow)event->first : FLOW_PATIENT;
		client->stalled_at_ms = 0;
		break;
	default:
		break;
	}
}

/* Returns how much was taken: all, unless stdin is full. */
static size_t take(struct monitor *monitor, struct client *client, const char *bytes, size_t length)
{
	size_t taken = 0;

	if (!client->framed) {
		stdin_give(monitor, bytes, length);
		return length;
	}
	while (taken < length && stdin_ready(monitor) && !client->gone) {
		struct frame_event event;

		taken += frame_read(&client->reader, bytes + taken, length - taken, &event);
		act(monitor, client, &event);
	}
	return client->gone ? length : taken;
}

static void keep_pending(struct client *client, const char *bytes, size_t length)
{
	client->pending = malloc(length);
	if (!client->pending) {
		client->gone = true;
		return;
	}
	memcpy(client->pending, bytes, length);
	client->pending_length = length;
	client->pending_offset = 0;
}

static void go_on(struct monitor *monitor, struct client *client)
{
	if (!client->pending || !stdin_ready(monitor))
		return;
	client->pending_offset += take(monitor, client, client->pending + client->pending_offset,
				       client->pending_length - client->pending_offset);
	if (client->pending_offset < client->pending_length && !client->gone)
		return;
	free(client->pending);
	client->pending = NULL;
}

static void client_read(struct monitor *monitor, struct client *client)
{
	ssize_t length = recv(client->fd, monitor->buffer, sizeof(monitor->buffer), MSG_DONTWAIT);
	size_t taken;

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length <= 0) {
		input_ended(monitor, client, false);
		return;
	}
	taken = take(monitor, client, monitor->buffer, (size_t)length);
	if (taken < (size_t)length)
		keep_pending(client, monitor->buffer + taken, (size_t)length - taken);
}

static bool may_read(const struct monitor *monitor, const struct client *client)
{
	return !client->read_done && !client->pending && stdin_ready(monitor);
}

short client_wants(const struct monitor *monitor, const struct client *client)
{
	return (short)((may_read(monitor, client) ? POLLIN : 0) | (client->queue_length > client->queue_start ? POLLOUT : 0));
}

void client_event(struct monitor *monitor, struct client *client, short events)
{
	if (client->gone)
		return;
	if (events & POLLOUT)
		client_flush(monitor, client);
	if ((events & (POLLIN | POLLHUP | POLLERR)) && may_read(monitor, client))
		client_read(monitor, client);
	/* Both directions closed: nobody is there. What it sent before is still given to the container. */
	if ((events & (POLLHUP | POLLERR)) && (client->read_done || (events & POLLERR)) && !client->pending)
		client->gone = true;
}

static void client_free(struct monitor *monitor, struct client **link)
{
	struct client *client = *link;

	*link = client->next;
	close(client->fd);
	free(client->queue);
	free(client->pending);
	free(client);
	monitor->client_count--;
}

void clients_tend(struct monitor *monitor, long long now)
{
	struct client **link = &monitor->clients;

	while (*link) {
		struct client *client = *link;

		go_on(monitor, client);
		if (client->stalled_at_ms > 0 && now >= client->stalled_at_ms) {
			warn(monitor, "an attached client takes nothing and is dropped", NULL, 0);
			client->gone = true;
		}
		if (client->gone)
			client_free(monitor, link);
		else
			link = &client->next;
	}
}

void clients_drop(struct monitor *monitor)
{
	while (monitor->clients)
		client_free(monitor, &monitor->clients);
}
