#ifndef CLIENT_OUTPUT_H
#define CLIENT_OUTPUT_H

#include "client.h"

/* Sends what waits, as far as it goes. */
void client_flush(struct monitor *monitor, struct client *client);

#endif
