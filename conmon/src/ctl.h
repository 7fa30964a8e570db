#ifndef CTL_H
#define CTL_H

#include "monitor.h"

void ctl_readable(struct monitor *monitor);
void winsz_readable(struct monitor *monitor);

#endif
