// SPDX-License-Identifier: BSD-2-Clause
#include "host/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES (1024 * 1024)
#define BLANKS " \t\r"

struct config {
	char *text;
	size_t count;
	struct config_entry *entries;
};

/* Reads up to `capacity` bytes. Returns their number or -errno. */
static ssize_t read_all(int fd, char *text, size_t capacity)
{
	size_t length = 0;

	while (length < capacity) {
		ssize_t got = pread(fd, text + length, capacity - length, (off_t)length);

		if (got < 0 && errno != EINTR)
			return -errno;
		if (!got)
			break;
		length += got > 0 ? (size_t)got : 0;
	}
	return (ssize_t)length;
}

/* Reads the file into *text, with a NUL behind it; the caller frees it. */
static int read_text(int fd, char **text)
{
	struct stat status;
	ssize_t length;
	char *bytes;

	if (fstat(fd, &status))
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	bytes = malloc(FILE_MAX_BYTES + 1);
	if (!bytes)
		return -ENOMEM;
	length = read_all(fd, bytes, FILE_MAX_BYTES + 1);
	if (length > FILE_MAX_BYTES)
		length = -EFBIG;
	if (length >= 0 && memchr(bytes, '\0', (size_t)length))
		length = -EINVAL;
	if (length < 0) {
		free(bytes);
		return (int)length;
	}
	bytes[length] = '\0';
	*text = bytes;
	return 0;
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
	int fd, result;

	if (!created)
		return -ENOMEM;
	fd = open(path, CONFIG_OPEN_FLAGS);
	result = fd < 0 ? -errno : read_text(fd, &created->text);
	if (fd >= 0)
		close(fd);
	if (!result)
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
