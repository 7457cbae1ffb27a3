/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks. Records have the time of CLOCK_BOOTTIME, which includes suspend; lines that of
 * CLOCK_REALTIME. */
#ifndef EXECTAP_CLOCK_H
#define EXECTAP_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_RFC3339_BYTES sizeof("2026-01-02T03:04:05.123456789Z")
#define CLOCK_RFC3339_LENGTH (CLOCK_RFC3339_BYTES - 1)

/* Reads the offset of this process's time namespace; call it before the other functions. */
void clock_init(void);

/* Returns CLOCK_BOOTTIME of the initial time namespace, as in records. */
uint64_t clock_boot_ns(void);

/* Returns CLOCK_BOOTTIME of this process's time namespace minus clock_boot_ns(). */
int64_t clock_boot_offset_ns(void);

/* Returns the user and system time of this process. */
uint64_t clock_cpu_ns(void);

/* Returns CLOCK_REALTIME minus CLOCK_BOOTTIME, sampled now. */
int64_t clock_wall_minus_boot_ns(void);

/*
 * Returns sampled if it differs from known by more than the sampling noise, else known. So steps
 * and slews of the clock are followed, and the same record time gives the same wall time twice.
 */
int64_t clock_follow(int64_t known_ns, int64_t sampled_ns);

/* Writes wall_ns since 1970 as RFC 3339, UTC, nine digits. */
void clock_rfc3339(char out[CLOCK_RFC3339_BYTES], uint64_t wall_ns);

/* The last result of clock_rfc3339_next(); zero: none. */
struct clock_last {
	uint64_t seconds; /* since 1970 */
	char bytes[CLOCK_RFC3339_BYTES];
};

/* The same for successive times: within a second only the fraction differs. */
void clock_rfc3339_next(struct clock_last *last, char out[CLOCK_RFC3339_BYTES], uint64_t wall_ns);

#endif
