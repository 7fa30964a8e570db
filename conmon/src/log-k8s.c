/* The kubelet's format: time, stream, P (goes on) or F (full line), text. */
#include "monitor.h"

#include <string.h>

#define BATCH 160

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

/* "TIME STREAM P|F ". Returns its length. */
static size_t add_prefix(struct monitor *monitor, char *out, const struct piece *piece, bool whole)
{
	size_t length = k8s_time(out, &piece->time, local_offset(&monitor->logs, piece->time.tv_sec));

	memcpy(out + length, piece->stream == STDOUT_STREAM ? " stdout " : " stderr ", 8);
	memcpy(out + length + 8, whole ? "F " : "P ", 2);
	return length + 10;
}

/* Lines that go out in one call: one for each would cost more than all the rest. */
struct batch {
	struct iovec vector[BATCH];
	int count;
	long long length;
};

static void flush(struct monitor *monitor, struct log *log, struct batch *batch)
{
	if (batch->count > 0)
		log_file_write(monitor, &log->file, batch->vector, batch->count);
	batch->count = 0;
	batch->length = 0;
}

static void add(struct batch *batch, const char *bytes, size_t length)
{
	batch->vector[batch->count++] = (struct iovec){(char *)bytes, length};
	batch->length += (long long)length;
}

void k8s_write(struct monitor *monitor, struct log *log, const struct piece *piece)
{
	char whole_prefix[TIME_ROOM + 10], part_prefix[TIME_ROOM + 10];
	size_t prefix_length = add_prefix(monitor, whole_prefix, piece, true);
	const char *bytes = piece->bytes, *line;
	size_t length = piece->length, line_length;
	struct batch batch;

	batch.count = 0;
	batch.length = 0;
	add_prefix(monitor, part_prefix, piece, false);
	while (length > 0) {
		bool whole = next_line(&bytes, &length, &line, &line_length);
		long long more = (long long)(prefix_length + line_length + 1);

		if (batch.count > BATCH - 3 || !log_file_fits(monitor, &log->file, batch.length + more))
			flush(monitor, log, &batch);
		add(&batch, whole ? whole_prefix : part_prefix, prefix_length);
		add(&batch, line, line_length + whole); /* its newline is right behind it */
		if (!whole)
			add(&batch, "\n", 1);
	}
	flush(monitor, log, &batch);
}

void k8s_end(struct monitor *monitor, struct log *log)
{
	for (uint8_t stream = STDOUT_STREAM; stream <= STDERR_STREAM; stream++) {
		char prefix[TIME_ROOM + 10];
		struct piece end = {.stream = stream};
		struct iovec vector[2] = {{prefix, 0}, {(char *)"\n", 1}};

		if (!log->mid_line[stream - STDOUT_STREAM])
			continue;
		clock_gettime(CLOCK_REALTIME, &end.time);
		vector[0].iov_len = add_prefix(monitor, prefix, &end, true);
		log_file_write(monitor, &log->file, vector, 2);
		log->mid_line[stream - STDOUT_STREAM] = false;
	}
}
