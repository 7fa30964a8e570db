/* The pipes to the caller: it says when to start, and reads pid, exit code and errors as one line of JSON each. */
#include "json.h"
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

/* The descriptor that the environment names, kept from programs we start; -1 when there is none. */
int inherited_pipe(const char *variable)
{
	const char *value = getenv(variable);
	long long fd;

	if (!value || !parse_int(value, &fd) || fd < 0 || fd > 1 << 20)
		return -1;
	unsetenv(variable);
	return set_cloexec((int)fd) < 0 ? -1 : (int)fd;
}

void wait_start_pipe(int fd)
{
	char byte[256];

	if (fd >= 0)
		(void)read_some(fd, byte, sizeof(byte));
}

void sync_report(struct monitor *monitor, long long number, const char *message)
{
	const struct options *options = &monitor->options;
	char line[3 * READ_SIZE];
	struct text text = text_in(line, sizeof(line) - 4);

	if (monitor->sync_fd < 0)
		return;
	text_add(&text, "{\"");
	text_add(&text, options->api_version ? "data" : options->exec ? "exit_code" : "pid");
	text_add(&text, "\": ");
	text_add_int(&text, number);
	if (message) {
		text_add(&text, ", \"message\": \"");
		json_add_escaped(&text, message);
		text_add_char(&text, '"');
	}
	text.end += 4;
	text_add(&text, "}\n");
	/* EPIPE: the caller has gone, which changes nothing for the container. */
	if (write_all(monitor->sync_fd, line, text_length(&text)) < 0)
		close_fd(&monitor->sync_fd);
}

void attach_pipe_report(struct monitor *monitor)
{
	if (monitor->attach_pipe_fd < 0)
		return;
	(void)write_all(monitor->attach_pipe_fd, "{\"data\": 0}\n", 12);
	close_fd(&monitor->attach_pipe_fd);
}
