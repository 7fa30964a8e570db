#include "io.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

int write_all(int fd, const void *bytes, size_t length)
{
	struct iovec vector = {.iov_base = (void *)bytes, .iov_len = length};

	return writev_all(fd, &vector, 1);
}

int writev_all(int fd, struct iovec *vector, int count)
{
	while (count > 0) {
		ssize_t done;

		if (vector->iov_len == 0) {
			vector++;
			count--;
			continue;
		}
		done = writev(fd, vector, count);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		while (count > 0 && (size_t)done >= vector->iov_len) {
			done -= (ssize_t)vector->iov_len;
			vector++;
			count--;
		}
		if (count > 0) {
			vector->iov_base = (char *)vector->iov_base + done;
			vector->iov_len -= (size_t)done;
		}
	}
	return 0;
}

ssize_t read_some(int fd, void *buffer, size_t size)
{
	ssize_t length;

	do
		length = read(fd, buffer, size);
	while (length < 0 && errno == EINTR);
	return length < 0 ? -errno : length;
}

ssize_t read_file(const char *path, char *buffer, size_t size)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t have = 0;

	if (fd < 0)
		return -errno;
	while (have < size - 1) {
		ssize_t length = read_some(fd, buffer + have, size - 1 - have);

		if (length < 0)
			return length;
		if (length == 0)
			break;
		have += (size_t)length;
	}
	buffer[have] = 0;
	return (ssize_t)have;
}

int write_file(const char *path, const char *bytes, size_t length)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	return fd < 0 ? -errno : write_all(fd, bytes, length);
}

int write_file_atomic(const char *dir, const char *name, const char *content, bool sync)
{
	auto_close int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int fd = -1;
	char temporary[300];
	struct text text = text_in(temporary, sizeof(temporary));
	int result;

	if (dir_fd < 0)
		return -errno;
	text_add(&text, ".");
	text_add(&text, name);
	text_add(&text, ".");
	text_add_int(&text, getpid());
	if (text.cut)
		return -ENAMETOOLONG;
	unlinkat(dir_fd, temporary, 0);
	fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	result = write_all(fd, content, strlen(content));
	if (result == 0 && sync && fsync(fd) < 0 && errno != EINVAL)
		result = -errno;
	if (result == 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
		result = -errno;
	if (result < 0)
		unlinkat(dir_fd, temporary, 0);
	else if (sync)
		fsync(dir_fd);
	return result;
}

int set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

int set_cloexec(int fd)
{
	return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0;
}

/* getdents64 on the stack: opendir would take a heap. */
static void each_fd(void (*act)(int fd, int context), int context)
{
	auto_close int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buffer[1024] __attribute__((aligned(8)));
	long length;

	if (dir < 0)
		return;
	while ((length = syscall(SYS_getdents64, dir, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < length;) {
			struct dirent64 *entry = (struct dirent64 *)(buffer + at);
			long long fd;

			at += entry->d_reclen;
			if (parse_int(entry->d_name, &fd) && fd != dir)
				act((int)fd, context);
		}
	}
}

static void close_if_inherited(int fd, int context)
{
	(void)context;
	if (fd > 2 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0)
		close(fd);
}

void close_inherited(void)
{
	each_fd(close_if_inherited, 0);
}

static void close_if_over(int fd, int first)
{
	if (fd >= first)
		close(fd);
}

void close_from(int first)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0)
		return;
#endif
	each_fd(close_if_over, first);
}

long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
