#include "json.h"

void json_add_escaped(struct text *text, const char *string)
{
	static const char hex[] = "0123456789abcdef";

	for (; *string && text->end - text->at > 8; string++) {
		unsigned char byte = (unsigned char)*string;

		if (byte == '"' || byte == '\\') {
			text_add_char(text, '\\');
			text_add_char(text, (char)byte);
		} else if (byte == '\n') {
			text_add(text, "\\n");
		} else if (byte == '\t') {
			text_add(text, "\\t");
		} else if (byte < 0x20 || byte == 0x7f) {
			text_add(text, "\\u00");
			text_add_char(text, hex[byte >> 4]);
			text_add_char(text, hex[byte & 15]);
		} else {
			text_add_char(text, (char)byte);
		}
	}
}
