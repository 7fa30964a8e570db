/*
 * The exit program: what a monitor starts when its container has ended.
 *
 *   scow-exit --queue DIR --lock FILE --id NAME [--delay-ms N] [--attended FILE] [--log FILE] [--env K=V]... -- NODE SCRIPT ARG...
 *
 * It leaves the entry DIR/NAME, so that nothing is lost whoever dies, and becomes NODE when it gets the lock (handed on as
 * descriptor 3). Whoever holds the lock looks at the queue once more after giving it back: fifty ends start one NODE.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_FD = 3, MAX_ENV = 32, MAX_LOG_BYTES = 1 << 20, FAILED = 125 };

struct request {
	const char *queue, *lock, *id, *attended, *log;
	long delay_ms;
	char *env[MAX_ENV + 1];
	int env_count;
	char **command;
};

static void say(const char *what, const char *object)
{
	dprintf(STDERR_FILENO, "scow-exit: %s %s: %s\n", what, object, strerror(errno));
}

static int usage(void)
{
	dprintf(STDERR_FILENO, "usage: scow-exit --queue DIR --lock FILE --id NAME [--delay-ms N] [--attended FILE] [--log FILE] [--env K=V] -- COMMAND...\n");
	return -1;
}

static int parse(int argc, char **argv, struct request *r)
{
	for (int i = 1; i < argc; i++) {
		const char *flag = argv[i];
		if (strcmp(flag, "--") == 0) {
			r->command = argv + i + 1;
			break;
		}
		char *value = i + 1 < argc ? argv[++i] : NULL;
		if (!value)
			return usage();
		if (strcmp(flag, "--queue") == 0)
			r->queue = value;
		else if (strcmp(flag, "--lock") == 0)
			r->lock = value;
		else if (strcmp(flag, "--id") == 0)
			r->id = value;
		else if (strcmp(flag, "--attended") == 0)
			r->attended = value;
		else if (strcmp(flag, "--log") == 0)
			r->log = value;
		else if (strcmp(flag, "--delay-ms") == 0)
			r->delay_ms = strtol(value, NULL, 10);
		else if (strcmp(flag, "--env") == 0 && r->env_count < MAX_ENV - 3)
			r->env[r->env_count++] = value;
		else
			return usage();
	}
	return r->queue && r->lock && r->id && !strchr(r->id, '/') && r->command && r->command[0] ? 0 : usage();
}

/* Waits out the delay. A SIGTERM means that the restart is not wanted any more. */
static int slept(long ms)
{
	sigset_t term;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	struct timespec now, end;
	clock_gettime(CLOCK_BOOTTIME, &end);
	end.tv_sec += ms / 1000;
	end.tv_nsec += ms % 1000 * 1000000;
	for (;;) {
		clock_gettime(CLOCK_BOOTTIME, &now);
		long left = (end.tv_sec - now.tv_sec) * 1000 + (end.tv_nsec - now.tv_nsec) / 1000000;
		if (left <= 0)
			return 1;
		struct timespec wait = { left / 1000, left % 1000 * 1000000 };
		if (sigtimedwait(&term, NULL, &wait) == SIGTERM)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return 1;
	}
}

/* Whether somebody else holds a lock on FILE: the foreground command, which cleans up itself. */
static int held(const char *file)
{
	int fd = open(file, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return 0;
	int busy = flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	close(fd);
	return busy;
}

static int enqueue(const struct request *r)
{
	int dir = open(r->queue, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		say("cannot open", r->queue);
		return -1;
	}
	int entry = openat(dir, r->id, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (entry < 0)
		say("cannot queue", r->id);
	else
		close(entry);
	close(dir);
	return entry < 0 ? -1 : 0;
}

static void redirect(const struct request *r)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int log = -1;
	struct stat st;
	if (r->log) {
		if (stat(r->log, &st) == 0 && st.st_size > MAX_LOG_BYTES && truncate(r->log, 0) < 0)
			say("cannot empty", r->log);
		log = open(r->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	}
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(log >= 0 ? log : null, STDERR_FILENO);
}

/* Nothing of the monitor's own state may reach the command. */
static void reset_process(void)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	setsid();
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		ssize_t ignored = write(fd, "0", 1);
		(void)ignored;
		close(fd);
	}
	if (chdir("/") < 0)
		say("cannot enter", "/");
}

static int become(struct request *r, int lock)
{
	if (access(r->command[0], X_OK) < 0)
		return 0; /* The entry stays: any command that looks at the container finishes its cleanup. */
	redirect(r);
	if (lock == LOCK_FD)
		fcntl(LOCK_FD, F_SETFD, 0);
	else
		dup2(lock, LOCK_FD);
#ifdef SYS_close_range
	syscall(SYS_close_range, LOCK_FD + 1, ~0U, 0);
#else
	for (int fd = LOCK_FD + 1; fd < 1024; fd++)
		close(fd);
#endif
	r->env[r->env_count++] = (char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	r->env[r->env_count++] = (char *)"HOME=/root";
	r->env[r->env_count++] = (char *)"LANG=C.UTF-8";
	r->env[r->env_count] = NULL;
	execve(r->command[0], r->command, r->env);
	say("cannot start", r->command[0]);
	return FAILED;
}

int main(int argc, char **argv)
{
	struct request r = { 0 };
	if (parse(argc, argv, &r) < 0)
		return FAILED;
	reset_process();
	if (r.delay_ms > 0 && !slept(r.delay_ms))
		return 0;
	if (enqueue(&r) < 0)
		return FAILED;
	if (r.attended && held(r.attended))
		return 0;
	int lock = open(r.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0) {
		say("cannot open", r.lock);
		return FAILED;
	}
	if (flock(lock, LOCK_EX | LOCK_NB) < 0)
		return 0;
	return become(&r, lock);
}
