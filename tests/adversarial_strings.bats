#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# A storm in which every string that a process controls consists of adversarial bytes.

load lib

cgroups=/sys/fs/cgroup
[ -d /sys/fs/cgroup/unified ] && cgroups=/sys/fs/cgroup/unified

more_teardown() {
	find "$cgroups" -mindepth 1 -maxdepth 1 -name "$marker*" -exec rmdir {} +
}

# adversarial_storm COUNT: runs COUNT processes whose names, folders, files, arguments, variables and cgroup contain
# bytes that are special to terminals, JSON parsers and UTF-8 decoders. Writes the strings in hex to
# $BATS_TEST_TMPDIR/given.
adversarial_storm() {
	python3 - "$helpers/noop" "$marker" "$BATS_TEST_TMPDIR" "$cgroups" "$1" <<'END'
import json, os, random, sys
noop, marker, place, cgroups, count = sys.argv[1:]
random.seed(marker)
pieces = [b"\x1b[31m", b"\x1b]0;pwned\x07", b"\x9b31m", b"\xc2\x9b31m", b"\x7f", b"\r", b"\n", b"\t", b"\b", b"\\", b"\\u0000",
          b'"', b'"}\n{"type":"exec"', b"'", b"`id`", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80\xae", b"\xe2\x81\xa6",
          b"\xd8\x9c", b"\xef\xbb\xbf", b"\xf0\x9f\x98\x80", b"\xc3", b"%s%n", b"{{", b"a", b" ", b"\x01\x02\x1f"]
def hostile(most, without=b"\0"):
    made = b"".join(random.choice(pieces) for _ in range(random.randint(1, most)))
    return bytes(byte for byte in made if byte not in without) or b"x"
group = os.fsencode(cgroups) + b"/" + os.fsencode(marker) + hostile(8, b"\0/\n")
os.mkdir(group)
given = []
for number in range(int(count)):
    folder = os.fsencode(place) + b"/" + f"{marker}-{number}-".encode() + hostile(6, b"\0/")
    name = hostile(6, b"\0/")
    comm = hostile(3, b"\0")[:15]
    os.mkdir(folder)
    os.symlink(noop, folder + b"/" + name)
    args = [hostile(10) for _ in range(random.randint(0, 9))] + [f"{marker}-{number}".encode()]
    evil = hostile(10)
    child = os.fork()
    if not child:
        open(group + b"/cgroup.procs", "w").write(str(os.getpid()))
        os.chdir(folder)
        open("/proc/self/comm", "wb").write(comm)
        os.execve(b"./" + name, args, {b"EVIL": evil})
    assert os.waitpid(child, 0)[1] == 0
    given.append({"comm": comm.hex(), "filename": (b"./" + name).hex(), "cwd": folder.hex(), "env": evil.hex(),
                  "cgroup": (group[len(cgroups):]).hex(), "args": [arg.hex() for arg in args]})
json.dump(given, open(place + "/given", "w"))
END
}

# Compares the native lines in $lines with the given bytes.
all_exact() {
	python3 - "$marker" "$BATS_TEST_TMPDIR/given" "$lines" <<'END'
import base64, json, sys
marker, given, lines = sys.argv[1], json.load(open(sys.argv[2])), open(sys.argv[3], "rb").read()
found = {}
for line in lines.split(b"\n")[:-1]:
    event = json.loads(line)
    if event["type"] == "exec" and event["args"] and event["args"][-1].startswith(marker + "-"):
        found.setdefault(int(event["args"][-1].rsplit("-", 1)[1]), []).append(event)
def exact(event, key, name=None):
    shown = event[key] if name is None else event[key][name]
    raw = next((entry["base64"] for entry in event.get("raw", []) if entry["key"] == key and
                entry.get("index", entry.get("name")) == name), None)
    if raw is None:
        return shown.encode()
    raw = base64.b64decode(raw)
    assert raw.decode("utf-8", "replace") == shown, (raw, shown)
    return raw
for number, given_strings in enumerate(given):
    event, = found[number]
    for key in ("comm", "filename", "cwd", "cgroup"):
        assert exact(event, key).hex() == given_strings[key], (number, key, event[key])
    assert exact(event, "env", "EVIL").hex() == given_strings["env"], number
    assert [exact(event, "args", i).hex() for i in range(len(event["args"]))] == given_strings["args"], number
print(len(given), "execs, every string exact")
END
}

# Fails if a line contains a control character: C0, DEL, C1 (C2 80 to C2 9F), or a bidirectional one.
no_control_characters() {
	local controls='[\x00-\x1f\x7f]|\xc2[\x80-\x9f]'
	controls+='|\xd8\x9c|\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]'
	if LC_ALL=C grep -aqP "$controls" "$1"; then
		LC_ALL=C grep -aP "$controls" "$1" | head -n 3 | cat -v
		return 1
	fi
}

has_last() {
	grep -aqF -- "$marker-$1" "$lines"
}

@test "hostile bytes in every string: lines are whole, valid and exact, in every format, and nothing reaches a terminal" {
	local format count=400 python
	for python in python3 /usr/bin/python3; do "$python" -c 'import jsonschema' 2>/dev/null && break; done
	for format in native ecs ocsf; do
		marker=${marker%-*}-$format
		start_exectap --format "$format" --events exec,exec_failed,exit --env EVIL
		adversarial_storm "$count"
		poll has_last $((count - 1))
		stop_exectap
		no_control_characters "$lines"
		iconv -f utf-8 -t utf-8 "$lines" >/dev/null
		"$python" "$top/tests/validate" "$lines"
		[ "$(grep -aoE -- "$marker-[0-9]+" "$lines" | sort -u | wc -l)" = "$count" ]
		[ "$format" != native ] || all_exact
		more_teardown
	done
}

@test "hostile bytes under every kind of masking and filtering" {
	local python count=300
	for python in python3 /usr/bin/python3; do "$python" -c 'import jsonschema' 2>/dev/null && break; done
	start_exectap --format ecs --env EVIL --redact --redact='(x1b|[[:cntrl:]]+)' --skip 'comm=*[!a-z]z*' --max-line 6144
	adversarial_storm "$count"
	poll has_last $((count - 1))
	stop_exectap
	no_control_characters "$lines"
	"$python" "$top/tests/validate" "$lines"
}

# The limits are ratios of instructions, which are the same on a loaded machine. Work for bytes that
# do not fit, or work that is done again, exceeds them by a factor.
@test "cost: no bytes of a caller cost much more than as many plain ones, in every format, and under --redact" {
	cd "$top"
	tests/bench/count_instructions | tee "$BATS_TEST_TMPDIR/table"
	awk 'NR > 1 { shape = substr($0, 1, 10)
		limit = shape ~ /paths (cut|bidi)/ ? 8.6 : shape ~ /paths/ ? 3.8 : shape ~ /mixed bidi|words 0xff/ ? 2.9 : 2.2
		for (i = NF - 7 + 1; i <= NF - 2; i += 2) if ($i > limit) { print "too dear: " $0; failed = 1 }
		if ($NF > 5.6) { print "too dear with --redact: " $0; failed = 1 } }
		END { exit failed || NR < 15 }' "$BATS_TEST_TMPDIR/table"
}
