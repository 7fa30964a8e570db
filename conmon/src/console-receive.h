#ifndef CONSOLE_RECEIVE_H
#define CONSOLE_RECEIVE_H

#include "monitor.h"

void console_accept(struct monitor *monitor);
/* The terminal is both stdin and stdout of the container from then on. */
void console_receive(struct monitor *monitor);
/* When the runtime has ended, which may be before we first looked: takes what it sent, and removes the socket. */
void console_close(struct monitor *monitor);

#endif
