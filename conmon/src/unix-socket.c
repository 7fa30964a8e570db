/* Unix sockets: where others come in, and what descriptors they send. */
#include "monitor.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* By way of /proc/self/fd, so that the directory's path may be longer than an address has room. */
int listen_in(int dir_fd, const char *name, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct text text = text_in(address.sun_path, sizeof(address.sun_path));
	auto_close int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int result;

	if (fd < 0)
		return -errno;
	text_add(&text, "/proc/self/fd/");
	text_add_int(&text, dir_fd);
	text_add_char(&text, '/');
	text_add(&text, name);
	if (text.cut)
		return -ENAMETOOLONG;
	if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	mask = umask(0077);
	result = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(mask);
	if (result < 0 || listen(fd, 16) < 0)
		return result < 0 ? result : -errno;
	result = fd;
	fd = -1;
	return result;
}

ssize_t receive_fds(int socket, char *buffer, size_t size, int fds[FDS_MAX], int *count)
{
	union { struct cmsghdr header; char room[CMSG_SPACE(FDS_MAX * sizeof(int))]; } control;
	struct iovec vector = {.iov_base = buffer, .iov_len = size};
	struct msghdr message = {
		.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control),
	};
	ssize_t length;

	*count = 0;
	length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (length < 0)
		return -errno;
	for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
		size_t bytes = header->cmsg_len - CMSG_LEN(0);

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		/* The room is for one such header, so that it all fits. */
		memcpy(fds, CMSG_DATA(header), bytes);
		*count = (int)(bytes / sizeof(int));
	}
	return length;
}
