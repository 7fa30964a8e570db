// A TCP connection to the loopback of another network namespace.
#include "napi.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <uv.h>

static int connect_to(int family, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct timeval patience = {.tv_sec = 5}, none = {0};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	// A full backlog must not hold a thread of the pool for minutes.
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	const struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	if (connect(fd, address, family == AF_INET ? sizeof v4 : sizeof v6) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		int err = errno;
		close(fd);
		return -err;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
	return fd;
}

// Runs in a thread that ends afterwards, so that no other code ever sees the other namespace.
static void connect_inside(void *argument)
{
	struct job *job = argument;
	int fd = open(job->path.text, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0) {
		job->result = -errno;
	} else {
		job->result = connect_to(AF_INET, (uint16_t)job->flags);
		if (job->result < 0) {
			int64_t v6 = connect_to(AF_INET6, (uint16_t)job->flags);
			// What IPv4 said is the better explanation.
			if (v6 >= 0)
				job->result = v6;
		}
	}
	if (fd >= 0)
		close(fd);
}

static void run_connect(struct job *job)
{
	uv_thread_t thread;
	int failed = uv_thread_create(&thread, connect_inside, job);
	if (failed)
		job->result = failed;
	else
		uv_thread_join(&thread);
	if (job->result < 0) {
		job->err = (int)-job->result;
		job->result = -1;
	}
}

// connectInNetns(path, port) -> promise of a descriptor
static napi_value connect_in_netns(napi_env env, napi_callback_info info)
{
	napi_value a[2];
	struct job *job = calloc(1, sizeof *job);

	if (!job)
		return fail(env, ENOMEM, "connect", NULL);
	if (!get_args(env, info, 2, a) || !get_path(env, a[0], &job->path) || !get_int(env, a[1], &job->flags)) {
		free(job);
		return NULL;
	}
	job->run = run_connect;
	job->syscall = "connect";
	return start_job(env, job);
}

const struct entry netns_connect_entries[] = {
	{"connectInNetns", connect_in_netns},
	{NULL, NULL},
};
