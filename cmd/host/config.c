// SPDX-License-Identifier: BSD-2-Clause
#include "host/config.h"

#include "util/regular_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX_BYTES (1024 * 1024)
#define BLANKS " \t\r"

struct config {
	char *text;
	size_t count;
	struct config_entry *entries;
};

/* Reads the file into *text, with a NUL behind it; the caller frees it. */
static int read_text(const char *path, char **text)
{
	int fd = open(path, REGULAR_FILE_OPEN_FLAGS), result;
	char *bytes = NULL;
	size_t length = 0;

	if (fd < 0)
		return -errno;
	result = regular_file_read(fd, FILE_MAX_BYTES, &bytes, &length);
	close(fd);
	if (!result && strlen(bytes) < length) {
		free(bytes);
		result = -EINVAL;
	}
	if (!result)
		*text = bytes;
	return result;
}

/* Removes the blanks around a string. */
static char *trim(char *string)
{
	char *end;

	string += strspn(string, BLANKS);
	end = string + strlen(string);
	while (end > string && strchr(BLANKS, end[-1]))
		end--;
	*end = '\0';
	return string;
}

static size_t count_lines(const char *text)
{
	size_t lines = 1;

	while ((text = strchr(text, '\n'))) {
		lines++;
		text++;
	}
	return lines;
}

static void add_line(struct config *config, char *text, unsigned int line)
{
	char *name = trim(text), *value;

	if (!*name || *name == '#')
		return;
	value = strchr(name, '=');
	if (value)
		*value++ = '\0';
	config->entries[config->count++] = (struct config_entry){
		.line = line, .name = trim(name), .value = value ? trim(value) : NULL
	};
}

/* Splits the text into entries. */
static int parse(struct config *config)
{
	char *text = config->text, *line;
	unsigned int number = 1;

	config->entries = calloc(count_lines(text), sizeof(*config->entries));
	if (!config->entries)
		return -ENOMEM;
	while ((line = strsep(&text, "\n")))
		add_line(config, line, number++);
	return 0;
}

int config_read(struct config **config, const char *path)
{
	struct config *created = calloc(1, sizeof(*created));
	int result;

	if (!created)
		return -ENOMEM;
	result = read_text(path, &created->text);
	if (created->text)
		result = parse(created);
	if (result) {
		config_free(created);
		return result;
	}
	*config = created;
	return 0;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	free(config->entries);
	free(config->text);
	free(config);
}

const struct config_entry *config_next(const struct config *config, size_t *position)
{
	return *position < config->count ? &config->entries[(*position)++] : NULL;
}
