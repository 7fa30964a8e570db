/*
 * Seccomp notification. A runtime whose profile has the action SCMP_ACT_NOTIFY connects to the socket that the profile
 * names and sends the state of the container's process with a listener (OCI runtime specification, "The Seccomp
 * Container Process State"). There are no plugins that would decide, so each call is answered with ENOTSUP, as by a
 * conmon none of whose plugins takes the call.
 */
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* <linux/seccomp.h>, which a compiler for musl may not find. */
struct notification {
	uint64_t id;
	uint32_t pid, flags;
	struct { int32_t number; uint32_t arch; uint64_t instruction, arguments[6]; } call;
};
struct answer {
	uint64_t id;
	int64_t value;
	int32_t error;
	uint32_t flags;
};
#define RECEIVE _IOWR('!', 0, struct notification)
#define SEND _IOWR('!', 1, struct answer)

/* The directory of the socket; its name in it comes in `name`. */
static int open_dir(const char *path, char name[PATH_ROOM])
{
	char copy[PATH_ROOM];
	struct text dir_text = text_in(copy, sizeof(copy)), name_text = text_in(name, PATH_ROOM);
	const char *slash = strrchr(path, '/');
	int dir;

	text_add(&dir_text, path);
	text_add(&name_text, slash ? slash + 1 : path);
	if (dir_text.cut)
		return -ENAMETOOLONG;
	dir = open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : dir;
}

void seccomp_open(struct monitor *monitor)
{
	const char *path = monitor->options.seccomp_socket;
	char name[PATH_ROOM];
	auto_close int dir = -1;

	if (!path)
		return;
	dir = open_dir(path, name);
	monitor->seccomp_listen_fd = dir < 0 ? dir : listen_in(dir, name, SOCK_STREAM);
	if (monitor->seccomp_listen_fd < 0)
		die(monitor, "cannot make the seccomp socket", path, monitor->seccomp_listen_fd);
}

void seccomp_close(struct monitor *monitor)
{
	char name[PATH_ROOM];
	auto_close int dir = -1;

	for (int i = 0; i < LISTENERS_MAX; i++)
		close_fd(&monitor->seccomp_fds[i]);
	close_fd(&monitor->seccomp_peer_fd);
	if (monitor->seccomp_listen_fd < 0)
		return;
	dir = open_dir(monitor->options.seccomp_socket, name);
	if (dir >= 0)
		unlinkat(dir, name, 0);
	close_fd(&monitor->seccomp_listen_fd);
}

void seccomp_accept(struct monitor *monitor)
{
	monitor->seccomp_peer_fd = accept4(monitor->seccomp_listen_fd, NULL, NULL, SOCK_CLOEXEC);
}

/* The string that starts at *at, which is behind its quote; *at is behind its end then. */
static bool next_string(const char **at, const char *end, const char *word)
{
	const char *start = *at;

	while (*at < end && **at != '"')
		*at += **at == '\\' && *at + 1 < end ? 2 : 1;
	if (*at >= end)
		return false;
	(*at)++;
	return (size_t)(*at - start) == strlen(word) + 1 && memcmp(start, word, strlen(word)) == 0;
}

int seccomp_index(const char *state, size_t length)
{
	const char *end = state + length, *at = state;
	int index = 0;

	while ((at = memchr(at, '"', (size_t)(end - at)))) {
		at++;
		if (!next_string(&at, end, "fds"))
			continue;
		while (at < end && (*at == ':' || *at == ' '))
			at++;
		if (at >= end || *at != '[')
			continue;
		for (; at < end && *at != ']'; at++) {
			if (*at != '"')
				continue;
			at++;
			if (next_string(&at, end, "seccompFd"))
				return index;
			index++;
			at--;
		}
		return 0;
	}
	return 0;
}

/* The kernel answers with ENOSYS once nobody has the listener. */
static void keep(struct monitor *monitor, int listener)
{
	for (int i = 0; i < LISTENERS_MAX; i++)
		if (monitor->seccomp_fds[i] < 0) {
			monitor->seccomp_fds[i] = listener;
			return;
		}
	warn(monitor, "too many seccomp listeners", NULL, 0);
	close(listener);
}

void seccomp_receive(struct monitor *monitor)
{
	int fds[FDS_MAX], count, wanted;
	ssize_t length = receive_fds(monitor->seccomp_peer_fd, monitor->buffer, sizeof(monitor->buffer), fds, &count);

	if (length == -EAGAIN || length == -EINTR)
		return;
	close_fd(&monitor->seccomp_peer_fd);
	wanted = length > 0 ? seccomp_index(monitor->buffer, (size_t)length) : 0;
	for (int i = 0; i < count; i++) {
		if (i == wanted)
			keep(monitor, fds[i]);
		else
			close(fds[i]);
	}
	if (wanted >= count)
		warn(monitor, "no seccomp listener came from the runtime", NULL, length < 0 ? (int)length : 0);
}

void seccomp_answer(struct monitor *monitor, int *listener, bool gone)
{
	struct notification call;
	struct answer answer = {.error = -ENOTSUP};

	/* The kernel wants it empty. */
	memset(&call, 0, sizeof(call));
	if (gone) {
		close_fd(listener);
		return;
	}
	/* ENOENT: a signal took the caller away meanwhile, here and below. */
	if (ioctl(*listener, RECEIVE, &call) < 0) {
		if (errno != ENOENT && errno != EINTR) {
			warn(monitor, "cannot read a seccomp notification", NULL, errno);
			close_fd(listener);
		}
		return;
	}
	answer.id = call.id;
	if (ioctl(*listener, SEND, &answer) < 0 && errno != ENOENT)
		warn(monitor, "cannot answer a seccomp notification", NULL, errno);
}
