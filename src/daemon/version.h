/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_VERSION_H
#define DAEMON_VERSION_H

#ifndef RINGFENCE_VERSION
#define RINGFENCE_VERSION "0.1.0"
#endif

#endif
