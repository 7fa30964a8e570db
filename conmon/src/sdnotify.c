/* Relays what the container tells the service manager, as far as a container may tell it anything. */
#include "monitor.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <sys/un.h>

#define NOTIFY_ROOM 4096

void notify_open(struct monitor *monitor)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct text text = text_in(address.sun_path, sizeof(address.sun_path));
	char path[PATH_ROOM];
	auto_close int dir = -1;

	if (text_path(path, sizeof(path), monitor->options.bundle, "notify") < 0)
		die(monitor, "too long:", monitor->options.bundle, ENAMETOOLONG);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		die(monitor, "cannot make", path, errno);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	text_add(&text, "/proc/self/fd/");
	text_add_int(&text, dir);
	text_add(&text, "/notify.sock");
	unlinkat(dir, "notify.sock", 0);
	monitor->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (dir < 0 || bind(monitor->notify_fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(monitor, "cannot make the notify socket in", path, errno);
	/* Any user of the container may tell. */
	(void)chmod(address.sun_path, 0777);
}

static bool may_pass(const char *line, size_t length)
{
	static const char *const whole[] = {"READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1", "WATCHDOG=trigger"};
	static const char *const starts[] = {"STATUS=", "ERRNO=", "BUSERROR=", "MONOTONIC_USEC="};

	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (length == strlen(whole[i]) && memcmp(line, whole[i], length) == 0)
			return true;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (length >= strlen(starts[i]) && memcmp(line, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

size_t notify_filter(const char *in, size_t length, char *out)
{
	size_t made = 0, line_length;
	const char *line;

	while (length > 0) {
		next_line(&in, &length, &line, &line_length);
		if (!may_pass(line, line_length))
			continue;
		memcpy(out + made, line, line_length);
		made += line_length;
		out[made++] = '\n';
	}
	return made;
}

void notify_relay(struct monitor *monitor)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = monitor->options.sdnotify_socket;
	char in[NOTIFY_ROOM], out[NOTIFY_ROOM + 1];
	ssize_t length = recv(monitor->notify_fd, in, sizeof(in), MSG_DONTWAIT);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	auto_close int fd = -1;
	size_t passing;

	if (length <= 0 || strlen(path) >= sizeof(address.sun_path))
		return;
	passing = notify_filter(in, (size_t)length, out);
	if (passing == 0)
		return;
	memcpy(address.sun_path, path, strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, out, passing, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address, size) < 0)
		warn(monitor, "cannot relay a notification to", path, errno);
}
