/* Tests of the pure parts: prints what is wrong and ends with 1. */
#include "frame.h"
#include "json.h"
#include "monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void check(bool true_that, const char *what)
{
	if (true_that)
		return;
	printf("not so: %s\n", what);
	failures++;
}

static void lines_are_cut_at_newlines(void)
{
	const char *bytes = "a\n\nrest", *line;
	size_t length = 7, got;

	check(next_line(&bytes, &length, &line, &got) && got == 1 && line[0] == 'a', "first line");
	check(next_line(&bytes, &length, &line, &got) && got == 0, "empty line");
	check(!next_line(&bytes, &length, &line, &got) && got == 4 && length == 0, "open line");
}

static void times_are_written(void)
{
	char out[TIME_ROOM];
	struct timespec time = {.tv_sec = 1709210096, .tv_nsec = 120000000};

	k8s_time(out, &time, 5 * 3600 + 1800);
	check(strcmp(out, "2024-02-29T18:04:56.120000000+05:30") == 0, out);
	k8s_time(out, &time, -3600);
	check(strcmp(out, "2024-02-29T11:34:56.120000000-01:00") == 0, out);
	out[json_time(out, &time)] = 0;
	check(strcmp(out, "2024-02-29T12:34:56.12Z") == 0, out);
}

static void json_is_escaped(void)
{
	char out[256];
	size_t made;
	static const char in[] = "a\"\\\t\x01<\xc3\xa9\xff\xe2\x80\xa8";
	struct text text = text_in(out, sizeof(out));

	check(json_escape(in, sizeof(in) - 1, out, sizeof(out), &made) == sizeof(in) - 1, "all taken");
	out[made] = 0;
	check(strcmp(out, "a\\\"\\\\\\t\\u0001\\u003c\xc3\xa9\\ufffd\\u2028") == 0, out);
	check(utf8_unfinished("a\xe2\x80", 3) == 2 && utf8_unfinished("a\xc3\xa9", 3) == 0 && utf8_unfinished("\xff", 1) == 0, "unfinished");
	text = text_in(out, sizeof(out));
	json_add_escaped(&text, "\"\\\n\t\x1f");
	check(strcmp(out, "\\\"\\\\\\n\\t\\u001f") == 0, out);
}

static void options_are_read(void)
{
	char why[200];
	const char *slots[LISTS * 40];
	struct options options;
	char *argv[] = {"conmon", "--api-version", "1", "-it", "-c", "id", "-uother", "--log-path=a", "-l", "b", "--exit-command-arg",
			"--x", "-T", "5", "--log-size-max", "-1", NULL};
	char *unknown[] = {"conmon", "--nonsense", NULL}, *missing[] = {"conmon", "--cid", NULL}, *word[] = {"conmon", "-T", "x", NULL};

	check(options_parse(&options, argv, slots, why, sizeof(why)) == 0, why);
	check(options.api_version && options.has_stdin && options.terminal && options.timeout == 5, "flags and numbers");
	check(strcmp(options.cid, "id") == 0 && strcmp(options.cuuid, "other") == 0 && options.log_size_max == -1, "values");
	check(options.lists[LIST_LOG].count == 2 && strcmp(options.lists[LIST_LOG].items[1], "b") == 0, "lists");
	check(strcmp(options.lists[LIST_EXIT_ARG].items[0], "--x") == 0, "a value that looks like an option");
	check(options_parse(&options, unknown, slots, why, sizeof(why)) < 0 && strstr(why, "--nonsense"), "unknown option");
	check(options_parse(&options, missing, slots, why, sizeof(why)) < 0, "missing value");
	check(options_parse(&options, word, slots, why, sizeof(why)) < 0, "no number");
}

static void log_paths_are_read(void)
{
	enum driver driver;
	const char *path;

	check(log_parse("k8s-file:/a:b", &driver, &path) && driver == LOG_K8S && strcmp(path, "/a:b") == 0, "k8s-file");
	check(log_parse("/a", &driver, &path) && driver == LOG_K8S && strcmp(path, "/a") == 0, "path");
	check(log_parse(":/a", &driver, &path) && driver == LOG_K8S, "colon");
	check(log_parse("journald", &driver, &path) && driver == LOG_JOURNALD, "journald");
	check(log_parse("off", &driver, &path) && driver == LOG_NONE, "off");
	check(!log_parse("what:/a", &driver, &path) && !log_parse("k8s-file", &driver, &path) && !log_parse("", &driver, &path), "refused");
}

static void frames_are_read_in_any_pieces(void)
{
	static const char bytes[] = "\0\0\0\0\3abc\4\0\0\0\4\0\x18\0\x50\1\0\0\0\0\x63\0\0\0\2zz\5\0\0\0\0";

	for (size_t step = 1; step < sizeof(bytes); step++) {
		struct frame_reader reader = {0};
		char data[8] = "", kinds[16] = "";
		size_t at = 0;

		while (at < sizeof(bytes) - 1) {
			size_t left = sizeof(bytes) - 1 - at;
			struct frame_event event;

			at += frame_read(&reader, bytes + at, left < step ? left : step, &event);
			if (event.type == FRAME_STDIN)
				strncat(data, event.bytes, event.length);
			else if (event.type >= 0)
				kinds[strlen(kinds)] = (char)('0' + event.type);
			if (event.type == FRAME_RESIZE)
				check(event.first == 24 && event.second == 80, "size");
		}
		check(strcmp(data, "abc") == 0 && strcmp(kinds, "415") == 0, kinds);
	}
}

static void orders_are_read(void)
{
	int order;
	unsigned rows, columns;

	check(ctl_parse("1 24 80", &order, &rows, &columns) && order == 1 && rows == 24 && columns == 80, "resize");
	check(ctl_parse("2 0 0", &order, &rows, &columns) && order == 2, "reopen");
	check(!ctl_parse("1 24", &order, &rows, &columns) && !ctl_parse("3 1 1", &order, &rows, &columns) &&
	      !ctl_parse("1 99999 1", &order, &rows, &columns) && !ctl_parse("x", &order, &rows, &columns), "refused");
}

static void the_rest(void)
{
	static const char notes[] = "READY=1\nMAINPID=1\nSTATUS=ok\nFDSTORE=1\nWATCHDOG=1";
	char out[128];
	size_t length = notify_filter(notes, sizeof(notes) - 1, out);

	check(length == 29 && memcmp(out, "READY=1\nSTATUS=ok\nWATCHDOG=1\n", 29) == 0, "notify");
	check(oom_counter("low 0\noom 3\noom_kill 2\n", "oom") == 3 && oom_counter("oom_kill 2\n", "oom") == 0, "counter");
	check(journald_priority("<3>x", 4) == 3 && journald_priority("<8>", 3) == -1 && journald_priority("<3", 2) == -1, "priority");
	check(journald_label("A_1=x=y") && !journald_label("a=x") && !journald_label("=x") && !journald_label("A"), "label");
	check(exit_code_of(3 << 8) == 3 && exit_code_of(9) == 137, "exit codes");
}

static void seccomp_listeners_are_found(void)
{
	static const struct { const char *state; int index; } cases[] = {
		{"{\"ociVersion\":\"1.0.2\",\"fds\":[\"seccompFd\"],\"pid\":7}", 0},
		{"{\"metadata\":\"a \\\"fds\\\" [\", \"fds\" : [ \"a]\", \"seccompFd\" ]}", 1},
		{"{\"fds\":[\"\\\"seccompFd\",\"b\",\"seccompFd\"]}", 2},
		{"{\"fds\":[\"other\"]}", 0},
		{"{\"fds\":[\"oth", 0}, {"{\"fds", 0}, {"{\"\\", 0}, {"", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* Of exactly its length, so that one byte too far is seen. */
		size_t length = strlen(cases[i].state);
		char *copy = malloc(length ? length : 1);

		memcpy(copy, cases[i].state, length);
		check(seccomp_index(copy, length) == cases[i].index, cases[i].state);
		free(copy);
	}
}

int main(void)
{
	seccomp_listeners_are_found();
	lines_are_cut_at_newlines();
	times_are_written();
	json_is_escaped();
	options_are_read();
	log_paths_are_read();
	frames_are_read_in_any_pieces();
	orders_are_read();
	the_rest();
	if (failures == 0)
		puts("all as it should be");
	return failures > 0;
}
