/* Which logs there are, and what is common to them. */
#include "monitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is(const char *word, size_t length, const char *name)
{
	return strlen(name) == length && memcmp(word, name, length) == 0;
}

bool log_parse(const char *word, enum driver *driver, const char **path)
{
	const char *colon = strchr(word, ':');
	size_t length = colon ? (size_t)(colon - word) : strlen(word);

	*path = colon && colon[1] ? colon + 1 : NULL;
	if (is(word, length, "journald"))
		*driver = LOG_JOURNALD;
	else if (is(word, length, "passthrough"))
		*driver = LOG_PASSTHROUGH;
	else if (is(word, length, "none") || is(word, length, "off") || is(word, length, "null"))
		*driver = LOG_NONE;
	else if (is(word, length, "json-file")) {
		*driver = LOG_JSON;
		return *path != NULL;
	} else if (is(word, length, "k8s-file") || (colon && length == 0)) {
		*driver = LOG_K8S;
		return *path != NULL;
	} else if (colon || word[0] == 0)
		return false;
	else {
		*driver = LOG_K8S;
		*path = word;
	}
	return true;
}

/* The directory of the log, links resolved, is one of the allowed ones or below. */
static bool allowed(const struct options *options, const char *path)
{
	const struct list *list = &options->lists[LIST_ALLOW];
	char dir[PATH_ROOM], real[PATH_ROOM], allow[PATH_ROOM];
	struct text text = text_in(dir, sizeof(dir));
	const char *slash = strrchr(path, '/');

	if (list->count == 0)
		return true;
	if (slash)
		text_add_bytes(&text, path, slash == path ? 1 : (size_t)(slash - path));
	else
		text_add(&text, ".");
	if (text.cut || !realpath(dir, real))
		return false;
	for (int i = 0; i < list->count; i++) {
		size_t length;

		if (!realpath(list->items[i], allow))
			continue;
		length = strlen(allow);
		if (strncmp(real, allow, length) == 0 && (real[length] == 0 || real[length] == '/' || length == 1))
			return true;
	}
	return false;
}

static int refuse(char *why, size_t size, const char *what, const char *word)
{
	struct text text = text_in(why, size);

	text_add(&text, what);
	text_add(&text, word);
	return -EINVAL;
}

static int cannot_open(char *why, size_t size, const char *word, int error)
{
	struct text text = text_in(why, size);

	text_add(&text, "cannot open the log ");
	text_add(&text, word);
	text_add(&text, ": ");
	text_add(&text, strerror(-error));
	return error;
}

static int check_labels(const struct options *options, char *why, size_t size)
{
	const struct list *list = &options->lists[LIST_LABEL];

	for (int i = 0; i < list->count; i++)
		if (!journald_label(list->items[i]))
			return refuse(why, size, "a label is NAME=VALUE, its name of A-Z, 0-9 and _: ", list->items[i]);
	return 0;
}

static int open_one(struct monitor *monitor, const char *word, char *why, size_t size)
{
	struct log *log = &monitor->logs.items[monitor->logs.count];
	const char *path;
	int result;

	if (!log_parse(word, &log->driver, &path))
		return refuse(why, size, "no such log driver, or its path is missing: ", word);
	if (log->driver == LOG_PASSTHROUGH) {
		if (monitor->options.terminal)
			return refuse(why, size, "a container with a terminal cannot have the log driver ", word);
		monitor->logs.passthrough = true;
	}
	if (log->driver == LOG_NONE || log->driver == LOG_PASSTHROUGH)
		return 0;
	monitor->logs.count++;
	if (log->driver == LOG_JOURNALD)
		return check_labels(&monitor->options, why, size);
	if (!allowed(&monitor->options, path))
		return refuse(why, size, "logs are not allowed there: ", path);
	result = log_file_open(&log->file, path);
	return result < 0 ? cannot_open(why, size, word, result) : 0;
}

int logs_open(struct monitor *monitor, char *why, size_t why_size)
{
	const struct list *list = &monitor->options.lists[LIST_LOG];

	monitor->logs.journal_fd = -1;
	monitor->logs.offset_quarter = -1;
	for (int i = 0; i < list->count; i++) {
		int result;

		if (monitor->logs.count == LOGS_MAX)
			return refuse(why, why_size, "too many logs: ", list->items[i]);
		result = open_one(monitor, list->items[i], why, why_size);
		if (result < 0)
			return result;
	}
	return 0;
}

bool next_line(const char **bytes, size_t *length, const char **line, size_t *line_length)
{
	const char *newline = memchr(*bytes, '\n', *length);
	size_t taken = newline ? (size_t)(newline - *bytes) + 1 : *length;

	*line = *bytes;
	*line_length = newline ? taken - 1 : taken;
	*bytes += taken;
	*length -= taken;
	return newline != NULL;
}

void logs_write(struct monitor *monitor, uint8_t stream, const char *bytes, size_t length)
{
	struct piece piece = {.stream = stream, .bytes = bytes, .length = length};

	if (monitor->logs.count == 0)
		return;
	clock_gettime(CLOCK_REALTIME, &piece.time);
	for (int i = 0; i < monitor->logs.count; i++) {
		struct log *log = &monitor->logs.items[i];

		if (log->driver == LOG_K8S)
			k8s_write(monitor, log, &piece);
		else if (log->driver == LOG_JSON)
			json_write(monitor, log, &piece);
		else
			journald_write(monitor, log, &piece);
		log->mid_line[stream - STDOUT_STREAM] = bytes[length - 1] != '\n';
	}
}

void logs_end(struct monitor *monitor)
{
	for (int i = 0; i < monitor->logs.count; i++) {
		struct log *log = &monitor->logs.items[i];

		if (log->driver == LOG_K8S)
			k8s_end(monitor, log);
		else if (log->driver == LOG_JSON)
			json_end(monitor, log);
		else
			journald_end(monitor, log);
	}
}

void logs_sync(struct monitor *monitor)
{
	for (int i = 0; i < monitor->logs.count; i++)
		if (monitor->logs.items[i].file.fd >= 0 && monitor->logs.items[i].driver != LOG_JOURNALD)
			(void)fsync(monitor->logs.items[i].file.fd);
}

void logs_reopen(struct monitor *monitor)
{
	for (int i = 0; i < monitor->logs.count; i++)
		if (monitor->logs.items[i].driver != LOG_JOURNALD)
			log_file_reopen(monitor, &monitor->logs.items[i].file);
}
