#include "options.h"
#include "io.h"
#include "text.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum kind { FLAG, STRING, NUMBER, LIST };

struct known {
	const char *name;
	char letter;
	unsigned char kind;
	unsigned short where; /* offset, or the list's index */
	const char *help;
};

#define AT(field) offsetof(struct options, field)

static const struct known known[] = {
	{"api-version", 0, FLAG, AT(api_version), "Use the newer keys on the sync pipe"},
	{"attach-stall", 0, NUMBER, AT(attach_stall), "Seconds until an attached client that takes nothing is dropped; 0: never"},
	{"bundle", 'b', STRING, AT(bundle), "OCI bundle"},
	{"client-fd", 0, NUMBER, AT(client_fd), "A connected stream socket: the first attached client"},
	{"cid", 'c', STRING, AT(cid), "Container's id"},
	{"conmon-pidfile", 'P', STRING, AT(monitor_pidfile), "Write the monitor's pid here"},
	{"container-pidfile", 'p', STRING, AT(container_pidfile), "Write the container's pid here"},
	{"cuuid", 'u', STRING, AT(cuuid), "Container's unique id"},
	{"exec", 'e', FLAG, AT(exec), "Run a process in a running container"},
	{"exec-attach", 0, FLAG, AT(exec_attach), "Wait for a client before that process starts"},
	{"exec-process-spec", 0, STRING, AT(exec_process_spec), "OCI process object of that process"},
	{"exit-command", 0, STRING, AT(exit_command), "Run this program when the container has ended"},
	{"exit-command-arg", 0, LIST, LIST_EXIT_ARG, "An argument of it (repeatable)"},
	{"exit-delay", 0, NUMBER, AT(exit_delay), "Wait so many seconds before it"},
	{"exit-dir", 0, STRING, AT(exit_dir), "Directory for the file with the exit code"},
	{"full-attach", 0, FLAG, AT(full_attach), "Attach socket in the bundle, no link elsewhere"},
	{"help", 'h', FLAG, AT(help), "Show this"},
	{"leave-stdin-open", 0, FLAG, AT(leave_stdin_open), "Keep stdin when a client leaves"},
	{"log-allowlist-dir", 0, LIST, LIST_ALLOW, "Logs may only be below this directory (repeatable)"},
	{"log-global-size-max", 0, NUMBER, AT(log_global_size_max), "Stop logging after so many bytes"},
	{"log-label", 0, LIST, LIST_LABEL, "KEY=VALUE to log with each line (repeatable)"},
	{"log-level", 0, STRING, AT(log_level), "error, warn, info, debug or trace"},
	{"log-max-files", 0, NUMBER, AT(log_max_files), "Keep so many rotated log files"},
	{"log-path", 'l', LIST, LIST_LOG, "DRIVER:PATH, DRIVER or PATH (repeatable)"},
	{"log-rotate", 0, FLAG, AT(log_rotate), "Rotate a full log instead of emptying it"},
	{"log-size-max", 0, NUMBER, AT(log_size_max), "A log file is full at so many bytes"},
	{"log-tag", 0, STRING, AT(log_tag), "Tag to log with each line"},
	{"name", 'n', STRING, AT(name), "Container's name"},
	{"no-container-partial-message", 0, FLAG, AT(no_partial_message), "No CONTAINER_PARTIAL_MESSAGE in the journal"},
	{"no-new-keyring", 0, FLAG, AT(no_new_keyring), "Passed to the runtime"},
	{"no-pivot", 0, FLAG, AT(no_pivot), "Passed to the runtime"},
	{"no-sync-log", 0, FLAG, AT(no_sync_log), "No fsync of log and exit files at the end"},
	{"persist-dir", '0', STRING, AT(persist_dir), "Directory for the container's exit and oom files"},
	{"pidfile", 0, STRING, AT(container_pidfile), "Old name of --container-pidfile"},
	{"replace-listen-pid", 0, FLAG, AT(replace_listen_pid), "Set LISTEN_PID for the runtime"},
	{"restore", 0, STRING, AT(restore), "Restore from this checkpoint instead of create"},
	{"restore-arg", 0, LIST, LIST_RUNTIME_OPT, "Old name of --runtime-opt"},
	{"runtime", 'r', STRING, AT(runtime), "Path of the OCI runtime"},
	{"runtime-arg", 0, LIST, LIST_RUNTIME_ARG, "Argument before the runtime's command (repeatable)"},
	{"runtime-opt", 0, LIST, LIST_RUNTIME_OPT, "Option of the runtime's command (repeatable)"},
	{"sdnotify-socket", 0, STRING, AT(sdnotify_socket), "Relay the container's notifications to this socket"},
	{"seccomp-notify-plugins", 0, STRING, AT(seccomp_plugins), "Not supported: this program loads none"},
	{"seccomp-notify-socket", 0, STRING, AT(seccomp_socket), "Take seccomp listeners here; their calls get ENOTSUP"},
	{"socket-dir-path", 0, STRING, AT(socket_dir), "Directory for links to attach sockets"},
	{"stdin", 'i', FLAG, AT(has_stdin), "The container's stdin is a pipe"},
	{"sync", 0, FLAG, AT(sync), "Stay the caller's child"},
	{"syslog", 0, FLAG, AT(syslog), "Own messages go to syslog too"},
	{"systemd-cgroup", 's', FLAG, AT(systemd_cgroup), "Passed to the runtime"},
	{"terminal", 't', FLAG, AT(terminal), "The container has a terminal"},
	{"timeout", 'T', NUMBER, AT(timeout), "Kill the process after so many seconds"},
	{"version", 0, FLAG, AT(version), "Print the version"},
};

#define COUNT (sizeof(known) / sizeof(known[0]))

static int fail(char *why, unsigned long size, const char *what, const char *name)
{
	struct text text = text_in(why, size);

	text_add(&text, what);
	text_add(&text, name);
	return -EINVAL;
}

static const struct known *find_long(const char *word, size_t length)
{
	for (size_t i = 0; i < COUNT; i++)
		if (strlen(known[i].name) == length && memcmp(known[i].name, word, length) == 0)
			return &known[i];
	return NULL;
}

static const struct known *find_letter(char letter)
{
	for (size_t i = 0; i < COUNT; i++)
		if (known[i].letter == letter && letter != 0)
			return &known[i];
	return NULL;
}

/* False when the value makes no sense. */
static bool take(struct options *options, const struct known *option, const char *value)
{
	char *field = (char *)options + option->where;

	switch (option->kind) {
	case FLAG:
		*(bool *)field = true;
		return true;
	case STRING:
		*(const char **)field = value;
		return true;
	case NUMBER:
		return parse_int(value, (long long *)field);
	default: {
		struct list *list = &options->lists[option->where];

		list->items[list->count++] = value;
		return true;
	}
	}
}

/* One word that starts with a single dash: flags may share it, a value may follow at once. */
static int parse_letters(struct options *options, char ***argv, char *why, unsigned long size)
{
	for (const char *at = **argv + 1; *at; at++) {
		const struct known *option = find_letter(*at);
		const char *value = at + 1;

		if (!option)
			return fail(why, size, "unknown option ", **argv);
		if (option->kind == FLAG) {
			take(options, option, NULL);
			continue;
		}
		if (*value == 0)
			value = *++*argv;
		if (!value)
			return fail(why, size, "missing value of --", option->name);
		return take(options, option, value) ? 0 : fail(why, size, "not a number: --", option->name);
	}
	return 0;
}

static int parse_long(struct options *options, char ***argv, char *why, unsigned long size)
{
	const char *word = **argv + 2;
	const char *equals = strchr(word, '=');
	const struct known *option = find_long(word, equals ? (size_t)(equals - word) : strlen(word));
	const char *value = equals ? equals + 1 : NULL;

	if (!option)
		return fail(why, size, "unknown option ", **argv);
	if (option->kind == FLAG && value)
		return fail(why, size, "takes no value: --", option->name);
	if (option->kind != FLAG && !value)
		value = *++*argv;
	if (option->kind != FLAG && !value)
		return fail(why, size, "missing value of --", option->name);
	return take(options, option, value) ? 0 : fail(why, size, "not a number: --", option->name);
}

int options_parse(struct options *options, char **argv, const char **slots, char *why, unsigned long why_size)
{
	int argc = 0, result = 0;

	while (argv[argc])
		argc++;
	memset(options, 0, sizeof(*options));
	options->socket_dir = "/var/run/crio";
	options->log_max_files = -1;
	options->attach_stall = 10;
	options->client_fd = -1;
	for (int i = 0; i < LISTS; i++)
		options->lists[i].items = slots + i * argc;
	for (argv++; *argv && result == 0; argv++) {
		if (strcmp(*argv, "--") == 0)
			break;
		if (argv[0][0] != '-' || argv[0][1] == 0)
			continue;
		if (argv[0][1] == '-')
			result = parse_long(options, &argv, why, why_size);
		else
			result = parse_letters(options, &argv, why, why_size);
		if (!*argv)
			break;
	}
	return result;
}

/* Options that make sense only with, or never with, others. */
static int check_together(struct options *options, char *why, unsigned long why_size)
{
	if (options->exec && options->restore)
		return fail(why, why_size, "--exec cannot be used with ", "--restore");
	if (options->exec_attach && (!options->exec || !options->api_version))
		return fail(why, why_size, "--exec-attach needs --exec and ", "--api-version");
	if (options->client_fd != -1 && (options->client_fd < 3 || options->client_fd > 1 << 20 || set_cloexec((int)options->client_fd) < 0))
		return fail(why, why_size, "not a descriptor that can be used: ", "--client-fd");
	if (options->exit_delay < 0)
		return fail(why, why_size, "must not be negative: ", "--exit-delay");
	if (!options->seccomp_plugins)
		options->seccomp_plugins = getenv("CONMON_SECCOMP_NOTIFY_PLUGINS");
	/* Without the socket nothing ever reaches a plugin. */
	if (options->seccomp_socket && options->seccomp_plugins)
		return fail(why, why_size, "this monitor is static and cannot load seccomp plugins: leave out ", options->seccomp_plugins);
	if (options->log_rotate && options->log_max_files < 0)
		options->log_max_files = 1;
	return 0;
}

int options_check(struct options *options, char *why, unsigned long why_size)
{
	if (!options->cid)
		return fail(why, why_size, "the container's id is missing: use ", "--cid");
	if (!options->cuuid && options->exec)
		options->cuuid = options->cid;
	if (!options->cuuid)
		return fail(why, why_size, "the container's unique id is missing: use ", "--cuuid");
	if (!options->runtime)
		return fail(why, why_size, "the runtime is missing: use ", "--runtime");
	if (access(options->runtime, X_OK) < 0)
		return fail(why, why_size, "the runtime cannot be run: ", options->runtime);
	if (options->exec && !options->exec_process_spec)
		return fail(why, why_size, "--exec needs ", "--exec-process-spec");
	if (options->lists[LIST_LOG].count == 0)
		return fail(why, why_size, "the log is missing: use ", "--log-path");
	return check_together(options, why, why_size);
}

void options_help(void)
{
	char line[160];

	for (size_t i = 0; i < COUNT; i++) {
		struct text text = text_in(line, sizeof(line));

		text_add(&text, "  ");
		if (known[i].letter) {
			text_add_char(&text, '-');
			text_add_char(&text, known[i].letter);
			text_add(&text, ", ");
		}
		text_add(&text, "--");
		text_add(&text, known[i].name);
		while (text_length(&text) < 34)
			text_add_char(&text, ' ');
		text_add(&text, known[i].help);
		text_add_char(&text, '\n');
		write_all(1, line, text_length(&text));
	}
}
