/* Out of memory in the container's cgroup: an eventfd on cgroup v1, memory.events on v2. Leaves a file `oom`. */
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#define MOUNT "/sys/fs/cgroup"

long long oom_counter(const char *text, const char *key)
{
	size_t length = strlen(key);

	while (text && *text) {
		if (strncmp(text, key, length) == 0 && text[length] == ' ')
			return strtoll(text + length + 1, NULL, 10);
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return 0;
}

/* Finds "N:CONTROLLERS:PATH" where the controllers are "" (v2) or hold `memory`. Cuts the line's end off. */
static char *cgroup_path(char *text, bool v2)
{
	for (char *line = text; line && *line;) {
		char *end = strchr(line, '\n'), *first = strchr(line, ':'), *second = first ? strchr(first + 1, ':') : NULL;

		if (end)
			*end = 0;
		if (second) {
			*second = 0;
			if (v2 ? strcmp(line, "0:") == 0 && second == first + 1
			       : strcmp(first + 1, "memory") == 0 || strstr(first + 1, ",memory") || strncmp(first + 1, "memory,", 7) == 0)
				return second + 1;
			*second = ':';
		}
		if (end)
			*end = '\n';
		line = end ? end + 1 : NULL;
	}
	return NULL;
}

static long long count(struct monitor *monitor)
{
	char path[PATH_ROOM], text[512];
	long long out_of_memory, kills;

	if (!monitor->oom_dir || text_path(path, sizeof(path), monitor->oom_dir, monitor->oom_v2 ? "memory.events" : "memory.oom_control") < 0)
		return -1;
	if (read_file(path, text, sizeof(text)) < 0)
		return -1;
	out_of_memory = oom_counter(text, "oom");
	kills = oom_counter(text, "oom_kill");
	return out_of_memory > kills ? out_of_memory : kills;
}

static int watch_v1(struct monitor *monitor)
{
	char path[PATH_ROOM], order[64];
	struct text text = text_in(order, sizeof(order));
	auto_close int control = -1;

	if (text_path(path, sizeof(path), monitor->oom_dir, "memory.oom_control") < 0)
		return -ENAMETOOLONG;
	monitor->oom_control_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (monitor->oom_control_fd < 0)
		return -errno;
	if (text_path(path, sizeof(path), monitor->oom_dir, "cgroup.event_control") < 0)
		return -ENAMETOOLONG;
	control = open(path, O_WRONLY | O_CLOEXEC);
	monitor->oom_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	text_add_int(&text, monitor->oom_fd);
	text_add_char(&text, ' ');
	text_add_int(&text, monitor->oom_control_fd);
	return control < 0 ? -errno : write_all(control, order, text_length(&text));
}

static int watch_v2(struct monitor *monitor)
{
	char path[PATH_ROOM];

	if (text_path(path, sizeof(path), monitor->oom_dir, "memory.events") < 0)
		return -ENAMETOOLONG;
	monitor->oom_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	return monitor->oom_fd < 0 || inotify_add_watch(monitor->oom_fd, path, IN_MODIFY) < 0 ? -errno : 0;
}

void oom_watch(struct monitor *monitor)
{
	char path[PATH_ROOM], groups[PATH_ROOM];
	struct text text = text_in(path, sizeof(path));
	char *group;
	int result;

	text_add(&text, "/proc/");
	text_add_int(&text, monitor->container_pid);
	text_add(&text, "/cgroup");
	if (read_file(path, groups, sizeof(groups)) < 0)
		return;
	monitor->oom_v2 = access(MOUNT "/cgroup.controllers", F_OK) == 0;
	group = cgroup_path(groups, monitor->oom_v2);
	if (!group)
		return;
	text = text_in(path, sizeof(path));
	text_add(&text, monitor->oom_v2 ? MOUNT : MOUNT "/memory");
	text_add(&text, group);
	monitor->oom_dir = text.cut ? NULL : strdup(path);
	if (!monitor->oom_dir)
		return;
	monitor->oom_count = count(monitor);
	result = monitor->oom_v2 ? watch_v2(monitor) : watch_v1(monitor);
	if (result < 0)
		say(monitor, LEVEL_INFO, "cannot watch for lack of memory in", monitor->oom_dir, result);
}

static void leave_mark(struct monitor *monitor, const char *dir)
{
	char path[PATH_ROOM];
	auto_close int fd = -1;

	if (!dir || text_path(path, sizeof(path), dir, "oom") < 0)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		warn(monitor, "cannot write", path, errno);
}

void oom_check(struct monitor *monitor)
{
	char bytes[512];
	long long now;

	if (monitor->oom_fd >= 0)
		while (read_some(monitor->oom_fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
			;
	/* A removed cgroup wakes us too: its counters are gone then. */
	now = count(monitor);
	if (now < 0) {
		close_fd(&monitor->oom_fd);
		return;
	}
	if (monitor->oom_seen || now <= (monitor->oom_count > 0 ? monitor->oom_count : 0))
		return;
	monitor->oom_seen = true;
	leave_mark(monitor, monitor->options.persist_dir);
	leave_mark(monitor, monitor->options.bundle);
}
