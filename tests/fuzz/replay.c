/* SPDX-License-Identifier: MIT
 *
 * Runs a fuzz target over files and folders of files, without libFuzzer. Exit 1 when there was
 * none; a target that finds something ends the process. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The input lies in memory of exactly its size, so that a sanitizer sees a read past its end. */
static unsigned replay_file(const char *path)
{
	static uint8_t text[INPUT_MAX];
	FILE *in = fopen(path, "rb");
	size_t n = in ? fread(text, 1, sizeof(text), in) : 0;
	uint8_t *exact = malloc(n ? n : 1);

	if (in)
		fclose(in);
	if (!in || !exact) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(1);
	}
	memcpy(exact, text, n);
	(void)LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return 1;
}

static unsigned replay_folder(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	unsigned files = 0;
	char name[4096];

	while (dir && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' &&
		    snprintf(name, sizeof(name), "%s/%s", path, entry->d_name) < (int)sizeof(name))
			files += replay_file(name);
	if (dir)
		closedir(dir);
	return files;
}

int main(int argc, char **argv)
{
	unsigned files = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			files += replay_folder(argv[i]);
		else
			files += replay_file(argv[i]);
	}
	printf("%u inputs replayed\n", files);
	return files ? 0 : 1;
}
