/* SPDX-License-Identifier: MIT
 *
 * Part of the build: writes data/signatures as a C array, so that it is in the program. */
#include <stdio.h>

int main(int argc, char **argv)
{
	FILE *in = argc == 3 ? fopen(argv[1], "rb") : NULL;
	FILE *out = in ? fopen(argv[2], "w") : NULL;
	int c;

	if (!out) {
		fprintf(stderr, "usage: gen_signatures TEXT SOURCE\n");
		return 1;
	}
	fprintf(out, "/* Made of data/signatures. */\n#include \"conf/signatures.h\"\n\n"
		     "static const char text[] = {");
	for (size_t n = 0; (c = getc(in)) != EOF; n++)
		fprintf(out, "%s%d,", n % 20 ? " " : "\n\t", c);
	fprintf(out, "\n};\n\nstruct span signatures_built_in(void)\n{\n"
		     "\treturn span_of(text, sizeof(text));\n}\n");
	fclose(in);
	return ferror(out) || fclose(out) != 0;
}
