/* Docker's json-file format: one object a line; a piece without "\n" at its end goes on in the next of its stream. */
#include "monitor.h"

#include <string.h>

size_t utf8_unfinished(const char *bytes, size_t length)
{
	for (size_t back = 1; back <= 3 && back <= length; back++) {
		unsigned char byte = (unsigned char)bytes[length - back];

		if ((byte & 0xc0) == 0x80)
			continue;
		if ((byte >= 0xc2 && byte < 0xe0 && back < 2) || ((byte & 0xf0) == 0xe0 && back < 3) ||
		    (byte >= 0xf0 && byte <= 0xf4 && back < 4))
			return back;
		return 0;
	}
	return 0;
}

/* Length of the valid character at the start, 0 when there is none. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
	static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
	unsigned point = at[0] & (0xffu >> (length + 1));

	if (at[0] < 0xc2 || at[0] > 0xf4 || length > left)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (at[i] & 0x3fu);
	}
	return point < least[length] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? 0 : length;
}

static size_t escape_one(const unsigned char *at, size_t left, struct text *out)
{
	static const char hex[] = "0123456789abcdef";
	static const char named[] = "\"\"\\\\\nn\rr\tt";
	size_t length;

	for (size_t i = 0; i < sizeof(named) - 1; i += 2)
		if (at[0] == (unsigned char)named[i]) {
			text_add_char(out, '\\');
			text_add_char(out, named[i + 1]);
			return 1;
		}
	if (at[0] < 0x20 || at[0] == '<' || at[0] == '>' || at[0] == '&') {
		text_add(out, "\\u00");
		text_add_char(out, hex[at[0] >> 4]);
		text_add_char(out, hex[at[0] & 15]);
		return 1;
	}
	length = at[0] < 0x80 ? 1 : utf8_length(at, left);
	if (length == 0) {
		text_add(out, "\\ufffd");
		return 1;
	}
	if (length == 3 && memcmp(at, "\xe2\x80\xa8", 2) == 0 && (at[2] == 0xa8 || at[2] == 0xa9))
		text_add(out, at[2] == 0xa8 ? "\\u2028" : "\\u2029");
	else
		text_add_bytes(out, (const char *)at, length);
	return length;
}

size_t json_escape(const char *in, size_t length, char *out, size_t room, size_t *out_length)
{
	struct text text = text_in(out, room);
	size_t taken = 0;

	while (taken < length && text.end - text.at >= 6)
		taken += escape_one((const unsigned char *)in + taken, length - taken, &text);
	*out_length = text_length(&text);
	return taken;
}

static void add_string(struct text *text, const char *bytes, size_t length)
{
	size_t made = 0;

	text_add_char(text, '"');
	json_escape(bytes, length, text->at, (size_t)(text->end - text->at), &made);
	text->at += made;
	text_add_char(text, '"');
}

/* ,"attrs":{...}: the tag and the labels. */
static void add_attributes(struct monitor *monitor, struct text *text)
{
	const struct list *labels = &monitor->options.lists[LIST_LABEL];
	const char *tag = monitor->options.log_tag;
	bool first = true;

	for (int i = tag ? -1 : 0; i < labels->count; i++) {
		const char *key = i < 0 ? "tag" : labels->items[i];
		const char *equals = i < 0 ? NULL : strchr(key, '=');
		const char *value = i < 0 ? tag : equals ? equals + 1 : "";

		text_add(text, first ? ",\"attrs\":{" : ",");
		add_string(text, key, equals ? (size_t)(equals - key) : strlen(key));
		text_add_char(text, ':');
		add_string(text, value, strlen(value));
		first = false;
	}
	if (!first)
		text_add_char(text, '}');
}

/* One object; `bytes` holds the newline when there was one. */
static void write_object(struct monitor *monitor, struct log *log, const struct piece *piece, bool whole)
{
	char body[6 * READ_SIZE + 64], tail[2048];
	struct text text = text_in(tail, sizeof(tail));
	struct iovec vector[3];
	size_t length;

	json_escape(piece->bytes, piece->length, body, sizeof(body), &length);
	text_add(&text, whole ? "\\n\",\"stream\":\"" : "\",\"stream\":\"");
	text_add(&text, piece->stream == STDOUT_STREAM ? "stdout\"" : "stderr\"");
	text.end -= 64;
	add_attributes(monitor, &text);
	text.end += 64;
	text_add(&text, ",\"time\":\"");
	text.at += json_time(text.at, &piece->time);
	text_add(&text, "\"}\n");
	vector[0] = (struct iovec){(char *)"{\"log\":\"", 8};
	vector[1] = (struct iovec){body, length};
	vector[2] = (struct iovec){tail, text_length(&text)};
	log_file_write(monitor, &log->file, vector, 3);
}

void json_write(struct monitor *monitor, struct log *log, const struct piece *piece)
{
	int which = piece->stream - STDOUT_STREAM;
	char joined[READ_SIZE + 4];
	const char *bytes = joined, *line;
	size_t carried = log->carried[which], length = carried + piece->length, line_length;

	memcpy(joined, log->carry[which], carried);
	memcpy(joined + carried, piece->bytes, piece->length);
	log->carried[which] = 0;
	while (length > 0) {
		bool whole = next_line(&bytes, &length, &line, &line_length);
		size_t unfinished = whole ? 0 : utf8_unfinished(line, line_length);
		struct piece one = {piece->stream, line, line_length - unfinished, piece->time};

		memcpy(log->carry[which], line + one.length, unfinished);
		log->carried[which] = (uint8_t)unfinished;
		if (whole || one.length > 0)
			write_object(monitor, log, &one, whole);
	}
}

void json_end(struct monitor *monitor, struct log *log)
{
	for (int which = 0; which < 2; which++) {
		struct piece rest = {(uint8_t)(which + STDOUT_STREAM), (const char *)log->carry[which], log->carried[which], {0, 0}};

		if (rest.length == 0)
			continue;
		clock_gettime(CLOCK_REALTIME, &rest.time);
		write_object(monitor, log, &rest, false);
		log->carried[which] = 0;
	}
}
