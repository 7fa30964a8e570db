/* Files and descriptors. Everything returns 0 (or a length or descriptor) or -errno. */
#ifndef IO_H
#define IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
#define auto_close __attribute__((cleanup(close_fd)))

int write_all(int fd, const void *bytes, size_t length);
/* Changes the vector while it goes. */
int writev_all(int fd, struct iovec *vector, int count);
/* One read, again after EINTR. */
ssize_t read_some(int fd, void *buffer, size_t size);
/* Reads a small file and closes it with a 0; returns its length. */
ssize_t read_file(const char *path, char *buffer, size_t size);
/* Not durable, not atomic: pid files. */
int write_file(const char *path, const char *bytes, size_t length);
/* Temporary file beside it, fsync where asked for, rename: readers see all or nothing. */
int write_file_atomic(const char *dir, const char *name, const char *content, bool sync);
int set_nonblocking(int fd);
int set_cloexec(int fd);
/* Closes every descriptor from 3 on that a program started from here would get: the ones we were started with. */
void close_inherited(void);
/* Every descriptor from `first` on. For a forked child. */
void close_from(int first);
long long now_ms(void);

#endif
