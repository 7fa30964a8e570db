/* Orders by fifo: `ctl` takes "1 ROWS COLUMNS" and "2 0 0" (open logs anew), `winsz` takes "ROWS COLUMNS". */
#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int fifo_in(struct monitor *monitor, const char *name)
{
	char path[PATH_ROOM];
	int fd;

	if (text_path(path, sizeof(path), monitor->options.bundle, name) < 0)
		die(monitor, "too long:", monitor->options.bundle, ENAMETOOLONG);
	if ((unlink(path) < 0 && errno != ENOENT) || mkfifo(path, 0660) < 0)
		die(monitor, "cannot make", path, errno);
	/* For writing too: it never ends then, whoever comes and goes. */
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		die(monitor, "cannot open", path, errno);
	return fd;
}

void ctl_open(struct monitor *monitor)
{
	monitor->ctl_fd = fifo_in(monitor, "ctl");
	monitor->winsz_fd = fifo_in(monitor, "winsz");
}

static const char *read_number(const char *at, unsigned *number)
{
	unsigned value = 0;

	while (*at == ' ')
		at++;
	if (*at < '0' || *at > '9')
		return NULL;
	for (; *at >= '0' && *at <= '9'; at++) {
		value = value * 10 + (unsigned)(*at - '0');
		if (value > 0xffff)
			return NULL;
	}
	*number = value;
	return at;
}

bool ctl_parse(const char *line, int *order, unsigned *first, unsigned *second)
{
	unsigned kind;
	const char *at = read_number(line, &kind);

	if (at)
		at = read_number(at, first);
	if (at)
		at = read_number(at, second);
	if (!at || (*at != 0 && *at != ' '))
		return false;
	*order = (int)kind;
	return kind == 1 || kind == 2;
}

static void obey(struct monitor *monitor, const char *line, bool size_only)
{
	unsigned rows, columns;
	int order = 1;
	bool known;

	if (size_only) {
		const char *at = read_number(line, &rows);

		known = at && read_number(at, &columns);
	} else {
		known = ctl_parse(line, &order, &rows, &columns);
	}
	if (!known)
		warn(monitor, "no such order:", line, 0);
	else if (order == 1)
		console_resize(monitor, rows, columns);
	else
		logs_reopen(monitor);
}

/* Adds to the line that was begun; a line too long is dropped whole. */
static void read_orders(struct monitor *monitor, int fd, char *line, bool size_only)
{
	char bytes[256];
	ssize_t length = read_some(fd, bytes, sizeof(bytes));
	size_t have = strlen(line);

	for (ssize_t i = 0; i < length; i++) {
		if (bytes[i] == '\n') {
			line[have] = 0;
			if (have > 0)
				obey(monitor, line, size_only);
			have = 0;
		} else if (have < sizeof(monitor->ctl_line) - 1 && bytes[i] != 0) {
			line[have++] = bytes[i];
		}
	}
	line[have] = 0;
}

void ctl_readable(struct monitor *monitor)
{
	read_orders(monitor, monitor->ctl_fd, monitor->ctl_line, false);
}

void winsz_readable(struct monitor *monitor)
{
	read_orders(monitor, monitor->winsz_fd, monitor->winsz_line, true);
}
