// Whoever moves a process to another cgroup waits until every processor has been seen idle or switching (a grace period of
// RCU: ten milliseconds), unless somebody else was just there. A runtime moves each process that it makes. So while it
// begins, a thread of ours does the waiting: it moves this process to where it is.
#include "napi.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

enum { PAUSE_NS = 3 * 1000 * 1000, STACK_BYTES = 128 * 1024 };

static atomic_llong ready_until;
static atomic_bool keeping;

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

// Only a file that lists this process is that of the cgroup it is in: what is mounted there may be another's view.
static bool lists_us(FILE *procs)
{
	char line[32];

	while (fgets(line, sizeof line, procs))
		if (atoi(line) == getpid())
			return true;
	return false;
}

// `line` of /proc/self/cgroup: "4:memory:/path", "1:name=systemd:/path", and of version 2 "0::/path".
static FILE *open_procs(char *line)
{
	static const char root[] = "/sys/fs/cgroup";
	char file[SCOW_PATH_MAX + 64];
	char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
	FILE *procs;

	if (!path)
		return NULL;
	*path++ = 0;
	path[strcspn(path, "\n")] = 0;
	if (strncmp(++controllers, "name=", 5) == 0)
		controllers += 5;
	snprintf(file, sizeof file, "%s/%s%s/cgroup.procs", root, controllers, path);
	procs = fopen(file, "r+e");
	if (!procs && !*controllers) {
		snprintf(file, sizeof file, "%s/unified%s/cgroup.procs", root, path);
		procs = fopen(file, "r+e");
	}
	if (procs && !lists_us(procs)) {
		fclose(procs);
		return NULL;
	}
	return procs;
}

static FILE *open_own_procs(void)
{
	char line[SCOW_PATH_MAX];
	FILE *own = fopen("/proc/self/cgroup", "re"), *procs = NULL;

	while (own && !procs && fgets(line, sizeof line, own))
		procs = open_procs(line);
	if (own)
		fclose(own);
	return procs;
}

static void keep_ready(void *unused)
{
	(void)unused;
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	sigset_t all;
	char pid[16];
	int length = snprintf(pid, sizeof pid, "%d", getpid());
	FILE *procs;

	// Those are for Node's own thread.
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	procs = open_own_procs();
	while (procs && now_ms() < atomic_load(&ready_until) && write(fileno(procs), pid, length) == length)
		nanosleep(&pause, NULL);
	if (procs)
		fclose(procs);
	atomic_store(&keeping, false);
}

static bool begin_keeping(void)
{
	const uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = STACK_BYTES};
	uv_thread_t thread;

	if (uv_thread_create_ex(&thread, &options, keep_ready, NULL) != 0)
		return false;
	uv_thread_detach(&thread);
	return true;
}

// keepMovesReady(ms): from now on; a later call makes it longer
static napi_value keep_moves_ready_call(napi_env env, napi_callback_info info)
{
	napi_value a[1];
	int64_t ms;

	if (!get_args(env, info, 1, a) || !get_int(env, a[0], &ms))
		return NULL;
	atomic_store(&ready_until, now_ms() + ms);
	if (!atomic_exchange(&keeping, true) && !begin_keeping())
		atomic_store(&keeping, false);
	return undefined(env);
}

const struct entry cgroup_moves_entries[] = {
	{"keepMovesReady", keep_moves_ready_call},
	{NULL, NULL},
};
