/* The two sockets that clients attach to: `attach` (seqpacket, conmon's) and `attach.stream`. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void make_link(struct monitor *monitor)
{
	char path[PATH_ROOM];
	int result = text_path(path, sizeof(path), monitor->options.socket_dir, monitor->options.cuuid);

	if (result < 0)
		die(monitor, "too long:", monitor->options.socket_dir, result);
	unlink(path);
	if (symlink(monitor->options.bundle, path) < 0)
		die(monitor, "cannot make the link", path, errno);
	monitor->link_path = strdup(path);
}

void attach_open(struct monitor *monitor)
{
	auto_close int dir = open(monitor->options.bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		die(monitor, "cannot open the bundle", monitor->options.bundle, errno);
	if (!monitor->options.full_attach)
		make_link(monitor);
	monitor->attach_fd = listen_in(dir, "attach", SOCK_SEQPACKET);
	if (monitor->attach_fd < 0)
		die(monitor, "cannot make the attach socket in", monitor->options.bundle, monitor->attach_fd);
	monitor->stream_attach_fd = listen_in(dir, "attach.stream", SOCK_STREAM);
	if (monitor->stream_attach_fd < 0)
		warn(monitor, "cannot make the attach stream socket", NULL, monitor->stream_attach_fd);
}

/* Before the exit files: who sees them may start a new monitor in the same directory. */
void attach_close(struct monitor *monitor)
{
	auto_close int dir = -1;

	if (monitor->attach_fd < 0)
		return;
	dir = open(monitor->options.bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0) {
		unlinkat(dir, "attach", 0);
		unlinkat(dir, "attach.stream", 0);
	}
	close_fd(&monitor->attach_fd);
	close_fd(&monitor->stream_attach_fd);
	if (monitor->link_path)
		unlink(monitor->link_path);
	free(monitor->link_path);
	monitor->link_path = NULL;
}
