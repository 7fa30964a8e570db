/*
 * One monitor watches one container (or one process added to a container). Everything it knows is in `struct monitor`,
 * which main() owns; each file has one concern and takes it as its first argument.
 */
#ifndef MONITOR_H
#define MONITOR_H

#include "io.h"
#include "log.h"
#include "options.h"
#include "text.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define VERSION "2.2.1"
#define READ_SIZE 8192   /* as conmon: one read is one time stamp, and the longest piece of a line */
#define PACKET_SIZE 32768 /* the largest packet of a client */
#define CLIENTS_MAX 128
#define FDS_MAX 8 /* descriptors in one message */
#define LISTENERS_MAX 16
#define UNKNOWN_STATUS (-1)

enum phase { CREATING, RUNNING, ENDING, DONE };
enum level { LEVEL_ERROR, LEVEL_WARN, LEVEL_INFO, LEVEL_DEBUG };

struct stream {
	int fd;
	uint8_t id; /* STDOUT_STREAM or STDERR_STREAM, also the type byte of the attach protocol */
	long long retry_at_ms; /* a terminal nobody has open: look again then; 0 when it is read */
};

/* Bytes for the container's stdin that it has not taken yet. */
struct backlog {
	char *bytes;
	size_t length, offset;
	bool end; /* close it after them */
};

struct client;

struct monitor {
	struct options options;
	enum phase phase;
	enum level level;
	sigset_t old_mask;
	int old_oom_score;
	bool detached; /* stderr is no longer the caller's */

	int sync_fd, attach_pipe_fd, start_fd, signal_fd;

	pid_t runtime_pid, container_pid, exit_command_pid;
	int container_pidfd; /* only when the container is not our child */
	int exit_code;
	bool exited, finished, timed_out, exit_command_due;
	long long timeout_at_ms, exit_command_at_ms;

	int stdin_fd; /* the writing end, or the terminal */
	struct stream out[2]; /* stdout (or the terminal), stderr */
	int child_stdio[3]; /* the container's ends, until the runtime has them */
	struct backlog backlog;

	int console_listen_fd, console_fd;
	char console_path[64];
	struct { unsigned short rows, columns; } window; /* asked for before the terminal came */

	int attach_fd, stream_attach_fd;
	struct client *clients;
	int client_count;
	char *link_path;

	int ctl_fd, winsz_fd;
	char ctl_line[64], winsz_line[64];

	int oom_fd, oom_control_fd; /* eventfd or inotify; v1's memory.oom_control */
	bool oom_v2, oom_seen;
	long long oom_count;
	char *oom_dir;

	int notify_fd;

	int seccomp_listen_fd, seccomp_peer_fd;
	int seccomp_fds[LISTENERS_MAX]; /* -1 where there is none */

	struct logs logs;
	char buffer[PACKET_SIZE];
};

/* message.c: the monitor's own words */
void say(struct monitor *monitor, enum level level, const char *what, const char *object, int error);
#define warn(monitor, what, object, error) say(monitor, LEVEL_WARN, what, object, error)
#define debug(monitor, what, object) say(monitor, LEVEL_DEBUG, what, object, 0)
int parse_level(const char *name, enum level *level);
/* Only until the container exists: tells stderr and the sync pipe, cleans up and ends with 1. */
_Noreturn void die(struct monitor *monitor, const char *what, const char *object, int error);

/* sync.c: what the caller reads */
int inherited_pipe(const char *variable);
void wait_start_pipe(int fd);
void sync_report(struct monitor *monitor, long long number, const char *message);
void attach_pipe_report(struct monitor *monitor);

/* child.c: the runtime */
void spawn_runtime(struct monitor *monitor);
/* After the runtime has ended with this wait status: reads the pid, tells the caller; the phase is RUNNING or ENDING after. */
void runtime_ended(struct monitor *monitor, int status);
/* Reaps whatever has ended. */
void reap(struct monitor *monitor);
void container_ended(struct monitor *monitor, int exit_code);
int exit_code_of(int status);
void forward_signal(struct monitor *monitor, int signal);
void kill_timed_out(struct monitor *monitor);

/* console.c */
void console_open(struct monitor *monitor);
void console_remove(struct monitor *monitor);
void console_resize(struct monitor *monitor, unsigned rows, unsigned columns);

/* stdio.c */
void stdio_open(struct monitor *monitor);
void stream_readable(struct monitor *monitor, struct stream *stream);
/* Takes what is there when the container has ended, no matter who else still holds the other ends. */
void stdio_drain(struct monitor *monitor);
/* True while more may be given; give then takes it all. */
bool stdin_ready(const struct monitor *monitor);
void stdin_give(struct monitor *monitor, const char *bytes, size_t length);
void stdin_flush(struct monitor *monitor);
void stdin_end(struct monitor *monitor);

/* attach.c */
void attach_open(struct monitor *monitor);
void attach_close(struct monitor *monitor);

/* ctl.c */
void ctl_open(struct monitor *monitor);
/* Pure: one order line. True for a resize (1) and for a reopening of logs (2). */
bool ctl_parse(const char *line, int *order, unsigned *first, unsigned *second);

/* oom.c */
void oom_watch(struct monitor *monitor);
void oom_check(struct monitor *monitor);
/* Pure: the number behind "key " at a line's start, or 0. */
long long oom_counter(const char *text, const char *key);

/* exit.c */
void set_oom_score(int score);
void write_exit_files(struct monitor *monitor);
void start_exit_command(struct monitor *monitor);
/* All that comes once the container has gone, but the exit program. */
void finish_container(struct monitor *monitor);

/* sdnotify.c */
void notify_open(struct monitor *monitor);
void notify_relay(struct monitor *monitor);
/* Pure: copies the lines that may be relayed. Returns their length. */
size_t notify_filter(const char *in, size_t length, char *out);

/* seccomp.c */
void seccomp_open(struct monitor *monitor);
void seccomp_close(struct monitor *monitor);
void seccomp_accept(struct monitor *monitor);
/* What the runtime sent: state and listener. */
void seccomp_receive(struct monitor *monitor);
/* Answers one call; `gone`: nobody is left who could make one. */
void seccomp_answer(struct monitor *monitor, int *listener, bool gone);
/* Pure: where "seccompFd" is among the names in "fds" of a container process state; 0 when that is not said. */
int seccomp_index(const char *state, size_t length);

/* unix-socket.c */
/* A non-blocking socket for root alone, in place of what has the name. Descriptor or -errno. */
int listen_in(int dir_fd, const char *name, int type);
/* One message without waiting: its length, and the descriptors that came with it, or -errno. */
ssize_t receive_fds(int socket, char *buffer, size_t size, int fds[FDS_MAX], int *count);

/* loop.c */
void run_loop(struct monitor *monitor);

#endif
