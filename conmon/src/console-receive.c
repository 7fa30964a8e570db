/* Takes the terminal's master from the runtime. */
#include "console-receive.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <termios.h>

static int received_fd(int socket)
{
	char words[128];
	int fds[FDS_MAX], count;
	ssize_t length = receive_fds(socket, words, sizeof(words), fds, &count);

	if (length < 0)
		return (int)length;
	for (int i = 1; i < count; i++)
		close(fds[i]);
	return count > 0 ? fds[0] : -ENOMSG;
}

void console_accept(struct monitor *monitor)
{
	int fd = accept4(monitor->console_listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	close_fd(&monitor->console_fd);
	monitor->console_fd = fd;
}

void console_receive(struct monitor *monitor)
{
	int fd = received_fd(monitor->console_fd);
	struct termios settings;

	if (fd == -EAGAIN || fd == -EINTR)
		return;
	close_fd(&monitor->console_fd);
	if (fd < 0) {
		warn(monitor, "no terminal came from the runtime", NULL, fd);
		return;
	}
	/* Line ends as a terminal shows them, whatever the runtime chose. */
	if (tcgetattr(fd, &settings) == 0) {
		settings.c_oflag |= ONLCR;
		(void)tcsetattr(fd, TCSANOW, &settings);
	}
	set_nonblocking(fd);
	close_fd(&monitor->stdin_fd);
	monitor->stdin_fd = fd;
	monitor->out[0].fd = fd;
	if (monitor->window.rows || monitor->window.columns)
		console_resize(monitor, monitor->window.rows, monitor->window.columns);
}

void console_close(struct monitor *monitor)
{
	struct pollfd waiting = {.fd = monitor->console_listen_fd, .events = POLLIN};

	if (monitor->console_fd >= 0)
		console_receive(monitor);
	if (monitor->stdin_fd < 0 && waiting.fd >= 0 && poll(&waiting, 1, 0) > 0) {
		console_accept(monitor);
		if (monitor->console_fd >= 0)
			console_receive(monitor);
	}
	console_remove(monitor);
}
