/* Where the container's output is kept. */
#ifndef LOG_H
#define LOG_H

#include "options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <time.h>

#define LOGS_MAX 8
#define STDOUT_STREAM 2
#define STDERR_STREAM 3

enum driver { LOG_NONE, LOG_K8S, LOG_JSON, LOG_JOURNALD, LOG_PASSTHROUGH };

/* A file that may be rotated. Lines are never split between two files. */
struct log_file {
	const char *path;
	int fd;
	long long size, total;
	bool full; /* the limit over all files is reached */
	int failed; /* the last errno told, so that a full disk is told once */
};

/* The start of a line for the journal whose end has not come yet. */
struct held {
	char *bytes;
	size_t length;
	bool goes_on; /* what is still older of the line is written already */
};

struct log {
	enum driver driver;
	struct log_file file;
	bool mid_line[2]; /* the last piece of stdout, stderr had no newline */
	uint8_t carry[2][4]; /* json: the start of a character that a read cut in two */
	uint8_t carried[2];
	struct held held[2]; /* journald */
};

struct logs {
	struct log items[LOGS_MAX];
	int count;
	bool passthrough;
	int journal_fd;
	long offset_seconds; /* local time, for the quarter of an hour below */
	time_t offset_quarter;
};

struct monitor;

/* Opens what the options name. -errno, and a sentence in `why`. Nothing is written yet. */
int logs_open(struct monitor *monitor, char *why, size_t why_size);
void logs_write(struct monitor *monitor, uint8_t stream, const char *bytes, size_t length);
/* At the container's end: closes an open line. */
void logs_end(struct monitor *monitor);
void logs_sync(struct monitor *monitor);
void logs_reopen(struct monitor *monitor);
/* Pure: "driver:path", "driver", "path" or ":path". False when the driver is unknown or lacks its path. */
bool log_parse(const char *word, enum driver *driver, const char **path);

/* One piece of output at one time, for every driver. */
struct piece {
	uint8_t stream;
	const char *bytes;
	size_t length;
	struct timespec time;
};
/* Pure: cuts off the first line of the rest; true when its newline was there (and is not part of it). */
bool next_line(const char **bytes, size_t *length, const char **line, size_t *line_length);

/* log-file.c */
int log_file_open(struct log_file *file, const char *path);
/* Whether so much more needs neither rotation nor hits the limit over all files. */
bool log_file_fits(const struct monitor *monitor, const struct log_file *file, long long length);
/* Writes whole lines, rotating before it when it would not fit. The vector is changed. */
void log_file_write(struct monitor *monitor, struct log_file *file, struct iovec *vector, int count);
void log_file_reopen(struct monitor *monitor, struct log_file *file);

/* log-k8s.c, log-json.c, log-journald.c */
void k8s_write(struct monitor *monitor, struct log *log, const struct piece *piece);
void k8s_end(struct monitor *monitor, struct log *log);
void json_write(struct monitor *monitor, struct log *log, const struct piece *piece);
void json_end(struct monitor *monitor, struct log *log);
void journald_write(struct monitor *monitor, struct log *log, const struct piece *piece);
void journald_end(struct monitor *monitor, struct log *log);

/* Pure. `out` has room for TIME_ROOM. Returns the length. */
#define TIME_ROOM 48
size_t k8s_time(char *out, const struct timespec *time, long offset_seconds);
size_t json_time(char *out, const struct timespec *time);
/* Pure: the JSON string's inside, as docker escapes it. Takes as much as fits; returns the bytes taken, *out_length the bytes made. */
size_t json_escape(const char *in, size_t length, char *out, size_t room, size_t *out_length);
/* Pure: how many bytes at the end are the start of an unfinished UTF-8 character (0-3). */
size_t utf8_unfinished(const char *bytes, size_t length);
/* Pure: journald's "<N>" at the start: the priority, or -1. */
int journald_priority(const char *line, size_t length);
/* Pure: "NAME=VALUE" with capitals, digits and _ in the name. */
bool journald_label(const char *label);

#endif
