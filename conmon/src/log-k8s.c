/* The kubelet's format: time, stream, P (goes on) or F (full line), text. */
#include "monitor.h"

#include <string.h>

static void add_date(struct text *text, time_t seconds)
{
	long days = (long)(seconds / 86400);
	unsigned rest = (unsigned)(seconds % 86400);
	/* Days since 0000-03-01, in eras of 400 years; March is month 0, so that a leap day is a year's last. */
	long shifted = days + 719468;
	long era = shifted / 146097;
	unsigned of_era = (unsigned)(shifted - era * 146097);
	unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * of_year + 2) / 153;
	unsigned day = of_year - (153 * month + 2) / 5 + 1;

	month = month < 10 ? month + 3 : month - 9;
	text_add_padded(text, (unsigned long)(year + (unsigned)era * 400 + (month <= 2)), 4);
	text_add_char(text, '-');
	text_add_padded(text, month, 2);
	text_add_char(text, '-');
	text_add_padded(text, day, 2);
	text_add_char(text, 'T');
	text_add_padded(text, rest / 3600, 2);
	text_add_char(text, ':');
	text_add_padded(text, rest / 60 % 60, 2);
	text_add_char(text, ':');
	text_add_padded(text, rest % 60, 2);
}

size_t k8s_time(char *out, const struct timespec *time, long offset_seconds)
{
	struct text text = text_in(out, TIME_ROOM);
	unsigned long offset = (unsigned long)(offset_seconds < 0 ? -offset_seconds : offset_seconds) / 60;

	add_date(&text, time->tv_sec + offset_seconds);
	text_add_char(&text, '.');
	text_add_padded(&text, (unsigned long)time->tv_nsec, 9);
	text_add_char(&text, offset_seconds < 0 ? '-' : '+');
	text_add_padded(&text, offset / 60, 2);
	text_add_char(&text, ':');
	text_add_padded(&text, offset % 60, 2);
	return text_length(&text);
}

size_t json_time(char *out, const struct timespec *time)
{
	struct text text = text_in(out, TIME_ROOM);

	add_date(&text, time->tv_sec);
	if (time->tv_nsec > 0) {
		text_add_char(&text, '.');
		text_add_padded(&text, (unsigned long)time->tv_nsec, 9);
		while (text.at[-1] == '0')
			text.at--;
	}
	text_add_char(&text, 'Z');
	return text_length(&text);
}

/* Clocks change on quarters of an hour only, so that the zone is looked up that rarely. */
static long local_offset(struct logs *logs, time_t seconds)
{
	struct tm broken;

	if (logs->offset_quarter != seconds / 900) {
		logs->offset_quarter = seconds / 900;
		logs->offset_seconds = localtime_r(&seconds, &broken) ? broken.tm_gmtoff : 0;
	}
	return logs->offset_seconds;
}

static size_t add_prefix(struct monitor *monitor, char *out, const struct timespec *time, uint8_t stream)
{
	size_t length = k8s_time(out, time, local_offset(&monitor->logs, time->tv_sec));

	memcpy(out + length, stream == STDOUT_STREAM ? " stdout " : " stderr ", 8);
	return length + 8;
}

static void write_line(struct monitor *monitor, struct log *log, struct iovec *vector, bool whole)
{
	vector[1] = (struct iovec){(char *)(whole ? "F " : "P "), 2};
	vector[3] = (struct iovec){(char *)"\n", 1};
	log_file_write(monitor, &log->file, vector, 4);
}

void k8s_write(struct monitor *monitor, struct log *log, const struct piece *piece)
{
	char prefix[TIME_ROOM + 8];
	size_t prefix_length = add_prefix(monitor, prefix, &piece->time, piece->stream);
	const char *bytes = piece->bytes, *line;
	size_t length = piece->length, line_length;

	while (length > 0) {
		bool whole = next_line(&bytes, &length, &line, &line_length);
		struct iovec vector[4] = {[0] = {prefix, prefix_length}, [2] = {(char *)line, line_length}};

		write_line(monitor, log, vector, whole);
	}
}

void k8s_end(struct monitor *monitor, struct log *log)
{
	for (uint8_t stream = STDOUT_STREAM; stream <= STDERR_STREAM; stream++) {
		char prefix[TIME_ROOM + 8];
		struct iovec vector[4] = {[0] = {prefix, 0}, [2] = {(char *)"", 0}};
		struct timespec now;

		if (!log->mid_line[stream - STDOUT_STREAM])
			continue;
		clock_gettime(CLOCK_REALTIME, &now);
		vector[0].iov_len = add_prefix(monitor, prefix, &now, stream);
		write_line(monitor, log, vector, true);
		log->mid_line[stream - STDOUT_STREAM] = false;
	}
}
