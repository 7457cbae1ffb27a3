#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Random combinations of what makes a process hard to describe, compared with /proc and with what the caller knows.

load lib

@test "in 400 random situations each line says what /proc and the caller do (SEED=N for others)" {
	local place=$BATS_TEST_TMPDIR/place
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test"
	mkdir "$place"
	start_exectap --events exec,exec_failed,exit,fork --env CASE,EMPTY,BYTES --omit entry_exe --parent-args 4096 --buffer 64M
	"$BATS_TEST_DIRNAME/situations" execute "$helpers/probe" "$place" "${SEED:-1}" 400 3>&-
	"$helpers/noop" "$marker-last"
	poll grep -q "$marker-last" "$lines"
	stop_exectap
	"$BATS_TEST_DIRNAME/situations" verify "$place" "$lines"
}
