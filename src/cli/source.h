/* SPDX-License-Identifier: MIT
 *
 * An address or a prefix on the command line. */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

/* CLI_OK when text is one; else it says on standard error what would be right, and gives CLI_USAGE.
 */
int cli_check_source(const char *text);

/* The same for an address that may have a port: "192.0.2.7:5060", "[2001:db8::1]:5060". */
int cli_check_address(const char *text);

#endif
