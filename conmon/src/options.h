/* The command line: conmon's own options, long and short, and what it does not know. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

struct list {
	const char **items;
	int count;
};

enum { LIST_LOG, LIST_RUNTIME_ARG, LIST_RUNTIME_OPT, LIST_EXIT_ARG, LIST_LABEL, LIST_ALLOW, LISTS };

struct options {
	const char *bundle, *cid, *cuuid, *name, *runtime, *container_pidfile, *monitor_pidfile;
	const char *exec_process_spec, *exit_command, *exit_dir, *persist_dir, *log_level, *log_tag;
	const char *restore, *sdnotify_socket, *socket_dir, *seccomp_socket, *seccomp_plugins;
	long long log_size_max, log_global_size_max, log_max_files, exit_delay, timeout, attach_stall, client_fd;
	bool api_version, exec, exec_attach, leave_stdin_open, no_new_keyring, no_pivot, no_sync_log;
	bool replace_listen_pid, full_attach, has_stdin, terminal, sync, syslog, systemd_cgroup, version, help;
	bool log_rotate, no_partial_message;
	struct list lists[LISTS];
};

/*
 * Fills `options` from argv (whose strings it keeps). `slots` has room for LISTS * argc pointers. Words that are no
 * options are passed over (`--api-version 1`). On failure returns -EINVAL with a sentence in `why`.
 */
int options_parse(struct options *options, char **argv, const char **slots, char *why, unsigned long why_size);
/* What has to be there, and defaults. */
int options_check(struct options *options, char *why, unsigned long why_size);
/* Prints the list of options on stdout. */
void options_help(void);

#endif
