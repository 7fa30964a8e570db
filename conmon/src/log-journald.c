/* journald's native protocol: one datagram per line; an entry too large for one goes in a sealed memfd. */
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SHORT_ID 12
#define SEND_SECONDS 5

static const struct sockaddr_un journal = {.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};

int journald_priority(const char *line, size_t length)
{
	if (length >= 3 && line[0] == '<' && line[1] >= '0' && line[1] <= '7' && line[2] == '>')
		return line[1] - '0';
	return -1;
}

static int open_journal(struct logs *logs)
{
	/* A journal that does not read may not hold the container for ever. */
	struct timeval patience = {.tv_sec = SEND_SECONDS};

	if (logs->journal_fd >= 0)
		return 0;
	logs->journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (logs->journal_fd < 0)
		return -errno;
	(void)setsockopt(logs->journal_fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return 0;
}

static int send_as_file(int socket, struct iovec *vector, int count)
{
	auto_close int fd = memfd_create("journal-entry", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	union { struct cmsghdr header; char room[CMSG_SPACE(sizeof(int))]; } control = {0};
	struct msghdr message = {
		.msg_name = (void *)&journal, .msg_namelen = sizeof(journal),
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int result;

	if (fd < 0)
		return -errno;
	result = writev_all(fd, vector, count);
	if (result < 0)
		return result;
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int send_entry(struct monitor *monitor, struct iovec *vector, int count)
{
	struct msghdr message = {
		.msg_name = (void *)&journal, .msg_namelen = sizeof(journal), .msg_iov = vector, .msg_iovlen = (size_t)count,
	};
	int result = open_journal(&monitor->logs);
	ssize_t sent;

	if (result < 0)
		return result;
	do
		sent = sendmsg(monitor->logs.journal_fd, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 0;
	return errno == EMSGSIZE || errno == ENOBUFS ? send_as_file(monitor->logs.journal_fd, vector, count) : -errno;
}

bool journald_label(const char *label)
{
	size_t length = strspn(label, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return length > 0 && label[length] == '=';
}

/* Not starting with _ or a digit; anything else makes journald drop it. */
static bool is_field(const char *label)
{
	const char *at = label;

	while ((*at >= 'A' && *at <= 'Z') || (at > label && ((*at >= '0' && *at <= '9') || *at == '_')))
		at++;
	return at > label && *at == '=' && !strchr(at, '\n');
}

static void add_field(struct text *text, const char *name, const char *value)
{
	if (!value || strchr(value, '\n'))
		return;
	text_add(text, name);
	text_add(text, value);
	text_add_char(text, '\n');
}

static void add_fields(struct monitor *monitor, struct text *text, bool partial)
{
	const struct options *options = &monitor->options;
	const struct list *labels = &options->lists[LIST_LABEL];
	char id[SHORT_ID + 1];
	struct text short_id = text_in(id, sizeof(id));

	text_add(&short_id, options->cuuid);
	add_field(text, "CONTAINER_ID=", id);
	add_field(text, "CONTAINER_ID_FULL=", options->cuuid);
	add_field(text, "CONTAINER_NAME=", options->name);
	add_field(text, "CONTAINER_TAG=", options->log_tag);
	add_field(text, "SYSLOG_IDENTIFIER=", options->log_tag ? options->log_tag : options->name ? options->name : id);
	if (partial && !options->no_partial_message)
		add_field(text, "CONTAINER_PARTIAL_MESSAGE=", "true");
	for (int i = 0; i < labels->count; i++)
		if (is_field(labels->items[i]))
			add_field(text, "", labels->items[i]);
}

/* The priority at a line's start, which may be held or new. */
static int line_priority(const struct held *held, const struct piece *line)
{
	char start[3];
	size_t length = 0;

	for (size_t i = 0; i < held->length && length < sizeof(start); i++)
		start[length++] = held->bytes[i];
	for (size_t i = 0; i < line->length && length < sizeof(start); i++)
		start[length++] = line->bytes[i];
	return held->goes_on ? -1 : journald_priority(start, length);
}

/* What is held of the line and the rest of it, as one entry. */
static void write_line(struct monitor *monitor, struct log *log, const struct piece *line, bool whole)
{
	struct held *held = &log->held[line->stream - STDOUT_STREAM];
	char fields[4096];
	struct text text = text_in(fields, sizeof(fields) - 64);
	int priority = line_priority(held, line);
	size_t skip = priority < 0 ? 0 : 3, of_held = skip < held->length ? skip : held->length;
	uint64_t length = htole64(held->length + line->length - skip);
	struct iovec vector[5];
	int result;

	if (priority < 0)
		priority = line->stream == STDOUT_STREAM ? 6 : 3;
	add_fields(monitor, &text, !whole);
	/* Fields that were too long lose their tail, never a line's end. */
	if (text.cut)
		text.at[-1] = '\n';
	text.end += 64;
	text_add(&text, "PRIORITY=");
	text_add_int(&text, priority);
	text_add(&text, "\nMESSAGE\n");
	vector[0] = (struct iovec){fields, text_length(&text)};
	vector[1] = (struct iovec){&length, sizeof(length)};
	vector[2] = (struct iovec){held->length ? held->bytes + of_held : NULL, held->length - of_held};
	vector[3] = (struct iovec){(char *)line->bytes + (skip - of_held), line->length - (skip - of_held)};
	vector[4] = (struct iovec){(char *)"\n", 1};
	result = send_entry(monitor, vector, 5);
	if (result < 0 && log->file.failed != result)
		warn(monitor, "cannot write to the journal", NULL, result);
	log->file.failed = result;
	held->length = 0;
	held->goes_on = !whole;
}

/* As conmon: a line that is not at its end waits for the rest, up to one read. */
static bool hold(struct held *held, const char *bytes, size_t length)
{
	if (held->length + length >= READ_SIZE)
		return false;
	if (!held->bytes)
		held->bytes = malloc(READ_SIZE);
	if (!held->bytes)
		return false;
	memcpy(held->bytes + held->length, bytes, length);
	held->length += length;
	return true;
}

void journald_write(struct monitor *monitor, struct log *log, const struct piece *piece)
{
	struct held *held = &log->held[piece->stream - STDOUT_STREAM];
	const char *bytes = piece->bytes, *line;
	size_t length = piece->length, line_length;

	while (length > 0) {
		bool whole = next_line(&bytes, &length, &line, &line_length);
		struct piece one = {piece->stream, line, line_length, piece->time};

		if (whole || !hold(held, line, line_length))
			write_line(monitor, log, &one, whole);
	}
}

void journald_end(struct monitor *monitor, struct log *log)
{
	for (uint8_t stream = STDOUT_STREAM; stream <= STDERR_STREAM; stream++) {
		struct piece nothing = {.stream = stream, .bytes = ""};

		if (log->held[stream - STDOUT_STREAM].length > 0)
			write_line(monitor, log, &nothing, false);
	}
}
