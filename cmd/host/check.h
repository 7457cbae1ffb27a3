/* SPDX-License-Identifier: BSD-2-Clause */
/* What this kernel and this process have of what exectap needs: asked for by trying, not by
 * version. */
#ifndef EXECTAP_CHECK_H
#define EXECTAP_CHECK_H

/*
 * Prints all facts to stdout, one a line: "ok" or "missing", its name, and what was found. Returns
 * 0 if exectap can run, -EPERM if it is not permitted to, -EOPNOTSUPP if this kernel can't.
 */
int check_print(void);

/*
 * Why capture_new() failed with `error`: logs one line with the first fact that is missing and
 * returns -EPERM or -EOPNOTSUPP; where none is missing, logs the error itself and returns it.
 */
int check_diagnose(int error);

#endif
