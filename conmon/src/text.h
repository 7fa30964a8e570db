/* Bounded text without stdio: keeps the program small. Overflow is remembered in `cut`, never written. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *start;
	char *at;
	char *end; /* room for the closing 0 is kept behind it */
	bool cut;
};

struct text text_in(char *buffer, size_t size);
void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t length);
void text_add_char(struct text *text, char byte);
void text_add_int(struct text *text, long long number);
/* With leading zeros up to `width`. */
void text_add_padded(struct text *text, unsigned long number, int width);
size_t text_length(const struct text *text);
/* Joins directory and name; -ENAMETOOLONG when it does not fit. */
int text_path(char *buffer, size_t size, const char *dir, const char *name);

/* Decimal, whole string, optional sign; false when it is anything else or too large. */
bool parse_int(const char *string, long long *number);

#define PATH_ROOM 4096

#endif
