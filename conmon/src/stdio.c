/* The container's standard streams: output goes to logs and clients, stdin comes from clients. */
#include "client.h"
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define TERMINAL_RETRY_MS 100
#define TERMINAL_DRAIN (1 << 20)

static void make_pipe(struct monitor *monitor, int *read_end, int *write_end)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		die(monitor, "cannot make a pipe", NULL, errno);
	*read_end = ends[0];
	*write_end = ends[1];
}

void stdio_open(struct monitor *monitor)
{
	const struct options *options = &monitor->options;

	if (monitor->logs.passthrough) {
		/* The container gets our own 0, 1 and 2 as they are. */
		return;
	}
	if (options->terminal)
		console_open(monitor);
	else {
		if (options->has_stdin) {
			make_pipe(monitor, &monitor->child_stdio[0], &monitor->stdin_fd);
			set_nonblocking(monitor->stdin_fd);
		}
		make_pipe(monitor, &monitor->out[0].fd, &monitor->child_stdio[1]);
		set_nonblocking(monitor->out[0].fd);
	}
	make_pipe(monitor, &monitor->out[1].fd, &monitor->child_stdio[2]);
	set_nonblocking(monitor->out[1].fd);
}

static void stream_close(struct monitor *monitor, struct stream *stream)
{
	if (stream->fd == monitor->stdin_fd) /* the terminal, closed there */
		stream->fd = -1;
	else
		close_fd(&stream->fd);
}

/* Returns the length, 0 when there is nothing now, -1 at the end. */
static ssize_t stream_read(struct monitor *monitor, struct stream *stream)
{
	ssize_t length = read_some(stream->fd, monitor->buffer, READ_SIZE);

	if (length > 0) {
		logs_write(monitor, stream->id, monitor->buffer, (size_t)length);
		clients_write(monitor, stream->id, monitor->buffer, (size_t)length);
		return length;
	}
	return length == -EAGAIN ? 0 : -1;
}

void stream_readable(struct monitor *monitor, struct stream *stream)
{
	ssize_t length = stream_read(monitor, stream);

	stream->retry_at_ms = 0;
	if (length >= 0)
		return;
	/* A terminal that nobody has open may be opened again as long as the container runs. */
	if (monitor->options.terminal && stream->fd == monitor->stdin_fd)
		stream->retry_at_ms = now_ms() + TERMINAL_RETRY_MS;
	else
		stream_close(monitor, stream);
}

static void drain(struct monitor *monitor, struct stream *stream)
{
	/* Another process may hold the pipe and go on writing: what the container wrote is at most what a pipe holds. */
	long left = fcntl(stream->fd, F_GETPIPE_SZ);

	if (left < 0)
		left = TERMINAL_DRAIN;
	while (left > 0) {
		ssize_t length = stream_read(monitor, stream);

		if (length <= 0)
			break;
		left -= length;
	}
	stream_close(monitor, stream);
}

void stdio_drain(struct monitor *monitor)
{
	for (int i = 0; i < 2; i++)
		if (monitor->out[i].fd >= 0)
			drain(monitor, &monitor->out[i]);
	free(monitor->backlog.bytes);
	memset(&monitor->backlog, 0, sizeof(monitor->backlog));
	close_fd(&monitor->stdin_fd);
}

bool stdin_ready(const struct monitor *monitor)
{
	return monitor->backlog.bytes == NULL;
}

static void stdin_close(struct monitor *monitor)
{
	free(monitor->backlog.bytes);
	memset(&monitor->backlog, 0, sizeof(monitor->backlog));
	if (!monitor->options.terminal)
		close_fd(&monitor->stdin_fd);
}

/* Returns how much was taken, or -1 when nobody will ever read. */
static ssize_t stdin_write(struct monitor *monitor, const char *bytes, size_t length)
{
	size_t done = 0;

	while (done < length) {
		ssize_t written = write(monitor->stdin_fd, bytes + done, length - done);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && errno == EAGAIN)
			break;
		if (written < 0)
			return -1;
		done += (size_t)written;
	}
	return (ssize_t)done;
}

void stdin_give(struct monitor *monitor, const char *bytes, size_t length)
{
	struct backlog *backlog = &monitor->backlog;
	ssize_t done = 0;

	if (monitor->phase >= ENDING || (monitor->stdin_fd < 0 && !(monitor->options.terminal && monitor->phase == CREATING)))
		return;
	if (monitor->stdin_fd >= 0)
		done = stdin_write(monitor, bytes, length);
	if (done < 0) {
		stdin_close(monitor);
		return;
	}
	if ((size_t)done == length)
		return;
	backlog->length = length - (size_t)done;
	backlog->offset = 0;
	backlog->bytes = malloc(backlog->length);
	if (backlog->bytes)
		memcpy(backlog->bytes, bytes + done, backlog->length);
	else
		warn(monitor, "no memory: lost bytes of the container's stdin", NULL, ENOMEM);
}

void stdin_flush(struct monitor *monitor)
{
	struct backlog *backlog = &monitor->backlog;
	ssize_t done = stdin_write(monitor, backlog->bytes + backlog->offset, backlog->length - backlog->offset);

	if (done < 0) {
		stdin_close(monitor);
		return;
	}
	backlog->offset += (size_t)done;
	if (backlog->offset < backlog->length)
		return;
	free(backlog->bytes);
	backlog->bytes = NULL;
	if (backlog->end)
		stdin_close(monitor);
}

void stdin_end(struct monitor *monitor)
{
	if (monitor->options.terminal)
		return;
	if (monitor->backlog.bytes)
		monitor->backlog.end = true;
	else
		stdin_close(monitor);
}
