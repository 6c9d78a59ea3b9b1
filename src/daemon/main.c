/* SPDX-License-Identifier: MIT
 *
 * ringfence: one program, a daemon (`serve`) and the commands around it. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
	return cli_main(argc, argv);
}
