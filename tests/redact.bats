#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# --redact with real execs: a masked string is nowhere in the stream, and the line has the key redacted.

load lib

secret=hunter2Zq7PlantedSecretOfManyBytes

# Fails if the bytes of $secret are in the stream, literally or in base64. For base64 it searches, for each of the
# three alignments, the part that does not depend on the neighbouring bytes.
no_trace() {
	python3 - "$secret" "$lines" <<'END'
import base64, sys
secret = sys.argv[1].encode()
stream = open(sys.argv[2], "rb").read()
assert stream
forms = [secret]
for before in range(3):
    inner = base64.b64encode(b"\0" * before + secret)[4 if before else 0:-4]
    assert len(inner) > 30 and inner in base64.b64encode(b"\xff" * before + secret + b"\xff\xff\xff")
    forms.append(inner)
for form in forms:
    assert form not in stream, form
END
}

# exec_args BYTES: executes "hold" with the arguments of this list of Python bytes expressions, and $marker.
exec_args() {
	python3 - <<END 3>&- &
import os
marker, secret = b"$marker", b"$secret"
os.execv("$helpers/hold", [$1, marker])
END
	held+=($!)
	wait_for_line '.exe | endswith("/hold")'
}

@test "secrets in arguments are masked, and the line says so" {
	start_exectap --redact
	exec_args 'b"mysql", b"-p" + secret, b"--token", secret, b"https://bob:" + secret + b"@host/", b"PGPASSWORD=" + secret, b"Authorization: Bearer " + secret, b"plain"'
	stop_exectap
	expect 'args[:-1] | tojson' '["mysql","-p[REDACTED]","--token","[REDACTED]","https://bob:[REDACTED]@host/","PGPASSWORD=[REDACTED]","Authorization: Bearer [REDACTED]","plain"]'
	expect 'redacted | tojson' '["args"]'
	expect argc 9
	expect raw null
	no_trace
}

@test "an argument that is no UTF-8 and holds a secret leaves no trace of it, in raw neither" {
	start_exectap --redact
	exec_args 'b"\xff\xfe", b"--password=\xff" + secret, b"\xe9 token=" + secret, b"a\xff;ghp_" + secret + b"\xff", b"--password", secret + b"\xff", b"xy\xffz?token=" + secret + b"&\xff", b"u\xff https://u:" + secret + b"@h\xff"'
	stop_exectap
	expect 'redacted | tojson' '["args"]'
	expect 'args[1]' '--password=[REDACTED]'
	expect 'args[5]' '[REDACTED]'
	expect 'raw | map(select(.key == "args").index) | tojson' '[0,2,3,6,7]'
	[ "$(raw_of args 0)" = //4= ]
	[ "$(raw_of args 2 | base64 -d)" = $'\xe9 token=[REDACTED]' ]
	[ "$(raw_of args 3 | base64 -d)" = $'a\xff;[REDACTED]\xff' ]
	[ "$(raw_of args 6 | base64 -d)" = $'xy\xffz?token=[REDACTED]&\xff' ]
	[ "$(raw_of args 7 | base64 -d)" = $'u\xff https://u:[REDACTED]@h\xff' ]
	no_trace
}

@test "nothing is masked, and nothing said, where nothing is secret" {
	start_exectap --redact
	exec_args 'b"tar", b"-pxf", b"--password-file=/x", b"\xff", b"https://host/path@x"'
	expect 'args[:3] | tojson' '["tar","-pxf","--password-file=/x"]'
	expect redacted null
	[ "$(raw_of args 3)" = /w== ]
}

@test "without --redact arguments are shown as they are" {
	start_exectap
	exec_args 'b"mysql", b"-p" + secret'
	expect 'args[1]' "-p$secret"
	expect redacted null
}

@test "variables are masked by their name and by what they hold" {
	start_exectap --redact --env PGPASSWORD,URL,PLAIN
	PGPASSWORD=$secret URL=$'\xff'"https://bob:$secret@host" PLAIN=x exec_args 'b"x"'
	stop_exectap
	expect 'redacted | tojson' '["env"]'
	expect env.PGPASSWORD '[REDACTED]'
	expect env.PLAIN x
	expect 'raw | map(select(.key == "env").name) | tojson' '["URL"]'
	[ "$(raw_of env URL | base64 -d)" = $'\xff'"https://bob:[REDACTED]@host" ]
	no_trace
}

@test "patterns are added to the built-in set, and a group chooses what is masked" {
	start_exectap --redact='--pin=([0-9]+)' --redact=zebra
	exec_args 'b"x", b"--pin=123\xff", b"zebra zebra", b"--password=" + secret'
	expect 'args[2:4] | tojson' '["[REDACTED] [REDACTED]","--password=[REDACTED]"]'
	[ "$(raw_of args 1 | base64 -d)" = $'--pin=[REDACTED]\xff' ]
}

@test "a secret where the arguments are cut is masked" {
	start_exectap --redact --max-line 3072
	exec_args 'marker, b"x" * 300, b"--password=" + secret * 200, b"y" * 5000'
	stop_exectap
	expect 'truncated | tojson' '["args"]'
	expect 'redacted | tojson' '["args"]'
	expect 'args[2]' '--password=[REDACTED]'
	expect args_bytes "$((${#marker} + 1 + 301 + 11 + 200 * ${#secret} + 1 + 5001 + ${#marker} + 1))"
	no_trace
}

@test "failed attempts are masked too" {
	start_exectap --redact --events exec,exec_failed
	python3 - <<END
import os
try:
    os.execv("/nonexistent", ["mysql", "-p$secret", "$marker"])
except FileNotFoundError:
    pass
END
	poll have_line '.type == "exec_failed" and .args[0] == "mysql"'
	stop_exectap
	expect 'args[1]' '-p[REDACTED]'
	expect 'redacted | tojson' '["args"]'
	no_trace
}

@test "--only and --skip see what the line hides" {
	start_exectap --redact --only "args=--password=$secret"
	exec_args 'b"x", b"--password=" + secret'
	expect 'args[1]' '--password=[REDACTED]'
}

@test "an expression that is none is refused with status 2, and the error says why" {
	local ere status
	for ere in 'a(' '[' 'a{2,1}'; do
		status=0
		"$exectap" --redact="$ere" 2>"$log" 3>&- || status=$?
		[ "$status" = 2 ]
		[ "$(wc -l <"$log")" = 1 ]
		grep -qF -- "invalid --redact '$ere' (an extended regular expression: " "$log"
	done
}
