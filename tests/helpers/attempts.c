// SPDX-License-Identifier: BSD-2-Clause
/*
 * attempts COUNT ARGUMENT: COUNT threads try to execute a file that is not there, with the
 * arguments "absent" and ARGUMENT, at the same time. The path is on a page without memory,
 * userfaultfd(2), so that all are within the system call when the first one returns. Prints the
 * number of attempts that failed with ENOENT.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define STACK_BYTES (32 << 10)

static const char *path; /* on the page */
static char *argument;
static atomic_int failed;

static void check(long result, const char *what)
{
	if (result >= 0)
		return;
	perror(what);
	exit(2);
}

static void *attempt(void *unused)
{
	char word[] = "absent", copy[256], *arguments[] = { word, copy, NULL },
	     *environment[] = { NULL };

	(void)unused;
	snprintf(copy, sizeof(copy), "%s", argument);
	execve(path, arguments, environment);
	if (errno == ENOENT)
		failed++;
	return NULL;
}

/* Returns a descriptor that receives the faults of the page. */
static int watch_page(void *page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .range = { (unsigned long)page, PAGE_BYTES },
					.mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	check(fd, "userfaultfd");
	check(ioctl(fd, UFFDIO_API, &api), "UFFDIO_API");
	check(ioctl(fd, UFFDIO_REGISTER, &area), "UFFDIO_REGISTER");
	return fd;
}

/* Reads one message for each thread that waits for the page. */
static void wait_for_faults(int fd, int count)
{
	struct uffd_msg message;

	for (int i = 0; i < count; i++)
		check(read(fd, &message, sizeof(message)), "read");
}

static void fill_page(int fd, void *page)
{
	static char bytes[PAGE_BYTES] = "/absent";
	struct uffdio_copy copy = { .dst = (unsigned long)page,
				    .src = (unsigned long)bytes,
				    .len = PAGE_BYTES };

	check(ioctl(fd, UFFDIO_COPY, &copy), "UFFDIO_COPY");
}

int main(int argc, char **argv)
{
	int count = argc == 3 ? atoi(argv[1]) : 0, fd;
	pthread_t *threads = calloc((size_t)count + 1, sizeof(*threads));
	pthread_attr_t attributes;
	void *page =
		mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!count || !threads || page == MAP_FAILED)
		return 2;
	path = page;
	argument = argv[2];
	fd = watch_page(page);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	for (int i = 0; i < count; i++) {
		int error = pthread_create(&threads[i], &attributes, attempt, NULL);

		check(-error, strerror(error));
	}
	wait_for_faults(fd, count);
	fill_page(fd, page);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("%d\n", failed);
	return 0;
}
