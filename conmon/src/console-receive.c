/* Takes the terminal's master from the runtime. */
#include "console-receive.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>

static int received_fd(int socket)
{
	char byte[128];
	union { struct cmsghdr header; char room[CMSG_SPACE(sizeof(int))]; } control;
	struct iovec vector = {.iov_base = byte, .iov_len = sizeof(byte)};
	struct msghdr message = {
		.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	int fd = -1;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
		return -errno;
	for (header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
			memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd < 0 ? -ENOMSG : fd;
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
