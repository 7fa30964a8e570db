#ifndef JSON_H
#define JSON_H

#include "text.h"

/* As conmon escapes its messages: \\ \" \n \t, other control characters as \u00XX. Stops before what does not fit whole. */
void json_add_escaped(struct text *text, const char *string);

#endif
