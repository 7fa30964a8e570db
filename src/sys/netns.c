// Network namespaces that live without a process.
#include "napi.h"
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

// `source` is empty for a new namespace. Begins with the job, which is freed for both.
struct netns { struct job job; struct path source; };

static int bring_up_loopback(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), result = -1;
	if (fd < 0)
		return -1;
	if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
		request.ifr_flags |= IFF_UP | IFF_RUNNING;
		result = ioctl(fd, SIOCSIFFLAGS, &request);
	}
	int err = errno;
	close(fd);
	errno = err;
	return result;
}

static int enter(const char *source)
{
	if (!source[0])
		return unshare(CLONE_NEWNET);
	int fd = open(source, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int result = setns(fd, CLONE_NEWNET), err = errno;
	close(fd);
	errno = err;
	return result;
}

// Runs in a thread that ends afterwards, so that no other code ever sees the other namespace.
static void make_netns(void *argument)
{
	struct netns *n = argument;
	n->job.syscall = n->source.text[0] ? "setns" : "unshare";
	if (enter(n->source.text) < 0)
		goto failed;
	n->job.syscall = "bring up lo";
	if (bring_up_loopback() < 0)
		goto failed;
	n->job.syscall = "mount";
	if (mount("/proc/thread-self/ns/net", n->job.path.text, NULL, MS_BIND, NULL) == 0)
		return;
failed:
	n->job.err = errno;
}

static void run_netns(struct job *job)
{
	uv_thread_t thread;
	int fd = open(job->path.text, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd < 0) {
		job->err = errno;
		return;
	}
	close(fd);
	// libuv's threads: pthread_create would tie the addon to the C library it was built with.
	int failed = uv_thread_create(&thread, make_netns, job);
	if (failed)
		job->err = -failed;
	else
		uv_thread_join(&thread);
	if (job->err)
		unlink(job->path.text);
}

// createNetns(path, source or null) -> promise
static napi_value create_netns(napi_env env, napi_callback_info info)
{
	napi_value a[2];
	const char *source = NULL;
	struct netns *n = calloc(1, sizeof *n);

	if (!n)
		return fail(env, ENOMEM, "open", NULL);
	if (!get_args(env, info, 2, a) || !get_path(env, a[0], &n->job.path) || !get_optional_path(env, a[1], &n->source, &source)) {
		free(n);
		return NULL;
	}
	n->job.run = run_netns;
	n->job.syscall = "open";
	return start_job(env, &n->job);
}

const struct entry netns_entries[] = {
	{"createNetns", create_netns},
	{NULL, NULL},
};
