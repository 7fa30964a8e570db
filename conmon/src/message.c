/* The monitor's own words: stderr while the caller still reads it, and syslog when asked to. */
#include "monitor.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int parse_level(const char *name, enum level *level)
{
	static const struct { const char *name; enum level level; } levels[] = {
		{"error", LEVEL_ERROR}, {"fatal", LEVEL_ERROR}, {"panic", LEVEL_ERROR}, {"warn", LEVEL_WARN},
		{"warning", LEVEL_WARN}, {"info", LEVEL_INFO}, {"debug", LEVEL_DEBUG}, {"trace", LEVEL_DEBUG},
	};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcasecmp(name, levels[i].name) == 0) {
			*level = levels[i].level;
			return 0;
		}
	return -EINVAL;
}

static void to_syslog(enum level level, const char *message)
{
	static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	static const int severity[] = {3, 4, 6, 7};
	char line[640];
	struct text text = text_in(line, sizeof(line));
	auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return;
	text_add_char(&text, '<');
	text_add_int(&text, 8 + severity[level]);
	text_add(&text, ">conmon[");
	text_add_int(&text, getpid());
	text_add(&text, "]: ");
	text_add(&text, message);
	(void)!sendto(fd, line, text_length(&text), MSG_NOSIGNAL, (const struct sockaddr *)&address, sizeof(address));
}

void say(struct monitor *monitor, enum level level, const char *what, const char *object, int error)
{
	char line[512];
	struct text text = text_in(line, sizeof(line));

	if (level > monitor->level)
		return;
	if (monitor->options.cid) {
		text_add_bytes(&text, monitor->options.cid, strnlen(monitor->options.cid, 20));
		text_add(&text, ": ");
	}
	text_add(&text, what);
	if (object) {
		text_add_char(&text, ' ');
		text_add(&text, object);
	}
	if (error) {
		text_add(&text, ": ");
		text_add(&text, strerror(error < 0 ? -error : error));
	}
	if (monitor->options.syslog)
		to_syslog(level, line);
	if (!monitor->detached) {
		struct iovec vector[] = {{"conmon: ", 8}, {line, text_length(&text)}, {"\n", 1}};

		writev_all(2, vector, 3);
	}
}

void die(struct monitor *monitor, const char *what, const char *object, int error)
{
	char line[512];
	struct text text = text_in(line, sizeof(line));

	say(monitor, LEVEL_ERROR, what, object, error);
	text_add(&text, "conmon: ");
	text_add(&text, what);
	if (object) {
		text_add_char(&text, ' ');
		text_add(&text, object);
	}
	if (error) {
		text_add(&text, ": ");
		text_add(&text, strerror(error < 0 ? -error : error));
	}
	sync_report(monitor, -1, line);
	console_remove(monitor);
	attach_close(monitor);
	seccomp_close(monitor);
	_exit(1);
}
