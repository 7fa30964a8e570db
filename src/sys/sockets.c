// Unix sockets beyond what net offers: seqpacket, datagrams, and handing over file descriptors.
#include "napi.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// A socket's path may be longer than sun_path: then it is named through a descriptor.
static int connect_path(int fd, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int by = -1;

	if (strlen(path) < sizeof address.sun_path) {
		memcpy(address.sun_path, path, strlen(path) + 1);
	} else {
		by = open(path, O_PATH | O_CLOEXEC);
		if (by < 0)
			return -1;
		snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", by);
	}
	int result = connect(fd, (struct sockaddr *)&address, sizeof address), err = errno;
	if (by >= 0)
		close(by);
	errno = err;
	return result;
}

// connectUnix(path, seqpacket) -> [fd, its copy]: the event loop takes a descriptor once, so one is for each direction
static napi_value connect_call(napi_env env, napi_callback_info info)
{
	napi_value a[2], result;
	struct path path;

	if (!get_args(env, info, 2, a) || !get_path(env, a[0], &path))
		return NULL;
	// Before it is connected: who listens and takes nobody must not stop the event loop.
	int fd = socket(AF_UNIX, (get_bool(env, a[1]) ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), copy = -1;
	if (fd < 0)
		return fail(env, errno, "socket", NULL);
	if (connect_path(fd, path.text) < 0 || (copy = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0) {
		int err = errno;
		close(fd);
		return fail(env, err, "connect", path.text);
	}
	napi_create_array_with_length(env, 2, &result);
	napi_set_element(env, result, 0, make_int(env, fd));
	napi_set_element(env, result, 1, make_int(env, copy));
	return result;
}

// socketPair() -> [fd, its copy, the other end]; the other end blocks
static napi_value socket_pair_call(napi_env env, napi_callback_info info)
{
	napi_value result;
	int fds[2], copy = -1;

	(void)info;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return fail(env, errno, "socketpair", NULL);
	if (fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 || (copy = fcntl(fds[0], F_DUPFD_CLOEXEC, 3)) < 0) {
		int err = errno;
		close(fds[0]);
		close(fds[1]);
		return fail(env, err, "socketpair", NULL);
	}
	napi_create_array_with_length(env, 3, &result);
	napi_set_element(env, result, 0, make_int(env, fds[0]));
	napi_set_element(env, result, 1, make_int(env, copy));
	napi_set_element(env, result, 2, make_int(env, fds[1]));
	return result;
}

// shutdownSocket(fd, 0 read | 1 write | 2 both)
static napi_value shutdown_call(napi_env env, napi_callback_info info)
{
	napi_value a[2];
	int64_t fd, how;

	if (!get_args(env, info, 2, a) || !get_int(env, a[0], &fd) || !get_int(env, a[1], &how))
		return NULL;
	if (shutdown((int)fd, (int)how) < 0)
		return fail(env, errno, "shutdown", NULL);
	return undefined(env);
}

// sendFd(socket, fd, bytes)
static napi_value send_fd_call(napi_env env, napi_callback_info info)
{
	napi_value a[3];
	int64_t to, fd;
	void *data;
	size_t size;
	union { char space[CMSG_SPACE(sizeof(int))]; struct cmsghdr aligned; } control = {0};

	if (!get_args(env, info, 3, a) || !get_int(env, a[0], &to) || !get_int(env, a[1], &fd) ||
	    napi_get_typedarray_info(env, a[2], NULL, &size, &data, NULL, NULL) != napi_ok)
		return fail(env, EINVAL, "sendmsg", NULL);
	struct iovec part = {.iov_base = data, .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	int descriptor = (int)fd;
	memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
	return integer_or_fail(env, sendmsg((int)to, &message, MSG_NOSIGNAL), errno, "sendmsg", NULL);
}

// sendDatagram(path, bytes): one message to a Unix socket; "@" begins the name of an abstract one
static napi_value send_datagram_call(napi_env env, napi_callback_info info)
{
	napi_value a[2];
	struct path path;
	void *data;
	size_t size;
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (!get_args(env, info, 2, a) || !get_path(env, a[0], &path) ||
	    napi_get_typedarray_info(env, a[1], NULL, &size, &data, NULL, NULL) != napi_ok)
		return fail(env, EINVAL, "sendto", NULL);
	size_t length = strlen(path.text);
	if (length >= sizeof address.sun_path)
		return fail(env, ENAMETOOLONG, "sendto", path.text);
	memcpy(address.sun_path, path.text, length);
	if (path.text[0] == '@')
		address.sun_path[0] = 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(env, errno, "socket", NULL);
	ssize_t sent = sendto(fd, data, size, MSG_NOSIGNAL, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
	int err = errno;
	close(fd);
	return sent < 0 ? fail(env, err, "sendto", path.text) : undefined(env);
}

const struct entry socket_entries[] = {
	{"connectUnix", connect_call},
	{"socketPair", socket_pair_call},
	{"shutdownSocket", shutdown_call},
	{"sendFd", send_fd_call},
	{"sendDatagram", send_datagram_call},
	{NULL, NULL},
};
