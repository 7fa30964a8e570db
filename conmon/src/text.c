#include "text.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

struct text text_in(char *buffer, size_t size)
{
	buffer[0] = 0;
	return (struct text){.start = buffer, .at = buffer, .end = buffer + size - 1, .cut = false};
}

void text_add_bytes(struct text *text, const char *bytes, size_t length)
{
	size_t room = (size_t)(text->end - text->at);

	if (length > room) {
		text->cut = true;
		length = room;
	}
	memcpy(text->at, bytes, length);
	text->at += length;
	*text->at = 0;
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

void text_add_char(struct text *text, char byte)
{
	text_add_bytes(text, &byte, 1);
}

void text_add_padded(struct text *text, unsigned long number, int width)
{
	char digits[24];
	int at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
		width--;
	} while (at > 0 && (number > 0 || width > 0));
	text_add_bytes(text, digits + at, sizeof(digits) - (size_t)at);
}

void text_add_int(struct text *text, long long number)
{
	unsigned long long size = (unsigned long long)number;

	if (number < 0) {
		text_add_char(text, '-');
		size = -size;
	}
	text_add_padded(text, (unsigned long)size, 1);
}

size_t text_length(const struct text *text)
{
	return (size_t)(text->at - text->start);
}

int text_path(char *buffer, size_t size, const char *dir, const char *name)
{
	struct text path = text_in(buffer, size);

	text_add(&path, dir);
	text_add_char(&path, '/');
	text_add(&path, name);
	return path.cut ? -ENAMETOOLONG : 0;
}

bool parse_int(const char *string, long long *number)
{
	bool negative = *string == '-';
	long long result = 0;

	if (*string == '-' || *string == '+')
		string++;
	if (*string == 0)
		return false;
	for (; *string; string++) {
		int digit = *string - '0';

		if (digit < 0 || digit > 9 || result > (LLONG_MAX - digit) / 10)
			return false;
		result = result * 10 + digit;
	}
	*number = negative ? -result : result;
	return true;
}
