/*
 * A log file that grows to a limit. Then it is emptied, as conmon does (a new file takes its name), or rotated:
 * path.1 is the newest old file, path.N the oldest. In every step a file is renamed over the next older one, and the
 * name `path` never goes away: a crash at any point loses no line but those of the oldest file.
 */
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static int open_log(const char *path, int more)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | more, 0640);

	return fd < 0 ? -errno : fd;
}

int log_file_open(struct log_file *file, const char *path)
{
	struct stat status;

	file->path = path;
	file->fd = open_log(path, 0);
	if (file->fd < 0)
		return file->fd;
	if (fstat(file->fd, &status) == 0 && S_ISREG(status.st_mode))
		file->size = status.st_size;
	return 0;
}

static void tell(struct monitor *monitor, struct log_file *file, const char *what, int error)
{
	if (file->failed != error)
		warn(monitor, what, file->path, error);
	file->failed = error;
}

/* Puts a new empty file in the place of `path`. */
static int replace(struct monitor *monitor, struct log_file *file)
{
	char temporary[PATH_ROOM];
	struct text text = text_in(temporary, sizeof(temporary));
	int fd;

	text_add(&text, file->path);
	text_add(&text, ".tmp");
	if (text.cut)
		return -ENAMETOOLONG;
	fd = open_log(temporary, O_TRUNC);
	if (fd < 0)
		return fd;
	if (rename(temporary, file->path) < 0) {
		int error = -errno;

		unlink(temporary);
		close(fd);
		return error;
	}
	if (!monitor->options.no_sync_log)
		(void)fdatasync(file->fd);
	close_fd(&file->fd);
	file->fd = fd;
	file->size = 0;
	return 0;
}

static void numbered(char *name, const char *path, long long number)
{
	struct text text = text_in(name, PATH_ROOM);

	text_add(&text, path);
	text_add_char(&text, '.');
	text_add_int(&text, number);
}

static int rotate(struct monitor *monitor, struct log_file *file)
{
	char from[PATH_ROOM], to[PATH_ROOM];
	long long gap = 1;

	/* Only up to the first free number: with a gap, nothing older has to move. */
	while (gap < monitor->options.log_max_files) {
		numbered(from, file->path, gap);
		if (access(from, F_OK) < 0)
			break;
		gap++;
	}
	for (; gap > 1; gap--) {
		numbered(from, file->path, gap - 1);
		numbered(to, file->path, gap);
		if (rename(from, to) < 0)
			return -errno;
	}
	numbered(to, file->path, 1);
	/* With one kept file path.1 is still there: a second name beside it first, then over it. */
	numbered(from, file->path, 0);
	unlink(from);
	if (link(file->path, from) < 0)
		return rename(file->path, to) < 0 ? -errno : replace(monitor, file);
	if (rename(from, to) < 0)
		return -errno;
	return replace(monitor, file);
}

static void make_room(struct monitor *monitor, struct log_file *file)
{
	bool keep = monitor->options.log_max_files > 0;
	int result = keep ? rotate(monitor, file) : replace(monitor, file);

	/* On failure the file grows beyond its limit: too long a log is better than none. */
	if (result < 0)
		tell(monitor, file, keep ? "cannot rotate" : "cannot empty", result);
}

bool log_file_fits(const struct monitor *monitor, const struct log_file *file, long long length)
{
	const struct options *options = &monitor->options;

	return (options->log_size_max <= 0 || file->size + length <= options->log_size_max) &&
	       (options->log_global_size_max <= 0 || file->total + length <= options->log_global_size_max);
}

void log_file_write(struct monitor *monitor, struct log_file *file, struct iovec *vector, int count)
{
	const struct options *options = &monitor->options;
	long long length = 0;
	int result;

	for (int i = 0; i < count; i++)
		length += (long long)vector[i].iov_len;
	if (options->log_global_size_max > 0 && file->total + length > options->log_global_size_max)
		file->full = true;
	if (file->full)
		return;
	if (options->log_size_max > 0 && file->size > 0 && file->size + length > options->log_size_max)
		make_room(monitor, file);
	result = writev_all(file->fd, vector, count);
	if (result < 0) {
		tell(monitor, file, "cannot write", result);
		/* No half lines: what a full disk let through goes again. */
		if (file->size > 0 || result == -ENOSPC)
			(void)!ftruncate(file->fd, file->size);
		return;
	}
	file->failed = 0;
	file->size += length;
	file->total += length;
}

void log_file_reopen(struct monitor *monitor, struct log_file *file)
{
	struct log_file fresh = {.total = file->total, .full = file->full};
	int result = log_file_open(&fresh, file->path);

	if (result < 0) {
		tell(monitor, file, "cannot open anew", result);
		return;
	}
	close_fd(&file->fd);
	*file = fresh;
}
