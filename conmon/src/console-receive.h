#ifndef CONSOLE_RECEIVE_H
#define CONSOLE_RECEIVE_H

#include "monitor.h"

void console_accept(struct monitor *monitor);
/* The terminal is both stdin and stdout of the container from then on. */
void console_receive(struct monitor *monitor);

#endif
