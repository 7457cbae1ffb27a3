#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Strings of any bytes and length: exact, or marked as truncated or unreadable.

load lib

# Prints the argument bytes of $line, each argument followed by a NUL: from raw if it has them, else from args.
exact_args() {
	python3 -c 'import base64, json, sys
def is_utf8(data):
    try:
        data.decode()
        return True
    except UnicodeDecodeError:
        return False
event = json.load(sys.stdin)
raw = {entry["index"]: entry["base64"] for entry in event.get("raw", []) if entry["key"] == "args"}
for i, text in enumerate(event["args"]):
    exact = base64.b64decode(raw[i]) if i in raw else text.encode()
    # the shown string is the result of decoding with replacement
    assert exact.decode("utf-8", "replace") == text, (exact, text)
    assert (i in raw) != is_utf8(exact), i
    sys.stdout.buffer.write(exact + b"\0")' <<<"$line"
}

# exec_bytes CODE: executes "hold" with $marker and the arguments that the Python code CODE puts into the list `more`.
# Writes them, each with a NUL, to $BATS_TEST_TMPDIR/expected.
exec_bytes() {
	python3 - "$helpers/hold" "$marker" "$BATS_TEST_TMPDIR/expected" <<END 3>&- &
import os, random, sys
random.seed(sys.argv[2])
more = []
$1
args = [os.fsencode(a) for a in sys.argv[1:3]] + more
open(sys.argv[3], "wb").write(b"".join(a + b"\0" for a in args))
os.execv(sys.argv[1], args)
END
	held+=($!)
	wait_for_line '.exe | endswith("/hold")'
	pid=$(key pid)
}

@test "20 arguments of random bytes 1 to 255 come back exactly, ten times" {
	local round
	start_exectap
	for round in 1 2 3 4 5 6 7 8 9 10; do
		marker=${marker%-round*}-round$round
		exec_bytes 'more = [bytes(random.randint(1, 255) for _ in range(random.randint(0, 120))) for _ in range(20)]'
		cmp <(exact_args) "$BATS_TEST_TMPDIR/expected"
		cmp <(exact_args) "/proc/$pid/cmdline"
	done
	stop_exectap
	jq -e . "$lines" >/dev/null
}

@test "each byte from 1 to 255 alone, and the edges of UTF-8, come back exactly" {
	start_exectap
	exec_bytes 'more = [bytes([b]) for b in range(1, 256)] + [
    "\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff".encode("utf-8", "surrogatepass"),
    b"\xc0\x80", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80",
    b"\xe2\x82", b"\xf0\x9f\x98", b"a\xe2\x82z", b"\xf0\x9f\x98\x80", b"\xff\xfe", b"\x80" * 9]'
	cmp <(exact_args) "$BATS_TEST_TMPDIR/expected"
	expect truncated null
}

@test "a file name that is no UTF-8 has its exact bytes in raw" {
	local dir=$BATS_TEST_TMPDIR/$'d\xff'
	mkdir "$dir"
	cp "$helpers/hold" "$dir/"$'pr\xe9gram'
	start_exectap
	cd "$dir"
	"$dir/"$'pr\xe9gram' "$marker" 3>&- &
	held+=($!)
	wait_for_line '.filename | endswith("gram")'
	[ "$(raw_of filename | base64 -d)" = "$dir/"$'pr\xe9gram' ]
	[ "$(raw_of exe | base64 -d)" = "$dir/"$'pr\xe9gram' ]
	[ "$(raw_of cwd | base64 -d)" = "$dir" ]
	expect filename "$BATS_TEST_TMPDIR/d"$'\xef\xbf\xbd/pr\xef\xbf\xbd'gram
	[ "$(raw_of args 0 | base64 -d)" = "$dir/"$'pr\xe9gram' ]
}

@test "a command name that is no UTF-8 has its exact bytes in raw" {
	start_exectap
	cp "$(command -v bash)" "$BATS_TEST_TMPDIR/"$'sh\xfe'
	hold "$BATS_TEST_TMPDIR/"$'sh\xfe' -c 'exec "$0" "$1"' "$helpers/hold"
	expect comm sh$'\xef\xbf\xbd'
	[ "$(raw_of comm | base64 -d)" = $'sh\xfe' ]
}

@test "args that fit are whole: no truncated, no args_bytes" {
	start_exectap
	exec_bytes 'more = [b"x" * 13000]'
	cmp <(exact_args) "$BATS_TEST_TMPDIR/expected"
	expect truncated null
	expect args_bytes null
}

@test "a line that would be too long has its args cut from the end, and says so" {
	local size
	start_exectap
	exec_bytes 'more = [b"first", b"y" * 20000, b"last"]'
	size=$(LC_ALL=C; echo $((${#line} + 1)))
	[ "$size" -le 15360 ]
	[ "$size" -gt 15000 ]
	expect 'truncated | tojson' '["args"]'
	expect args_bytes "$(stat -c %s "$BATS_TEST_TMPDIR/expected")"
	expect args_bytes "$(wc -c <"/proc/$pid/cmdline")"
	expect argc 5
	expect 'args | length' 4
	expect 'args[2]' first
	# the reported bytes are a prefix of the given ones
	exact_args | head -c -1 | cmp -n "$(exact_args | head -c -1 | wc -c)" - "$BATS_TEST_TMPDIR/expected"
}

@test "a cut line of bytes that are no UTF-8 is no longer than the limit, and exact as far as it goes" {
	local limit
	for limit in 3072 4000 5121; do
		marker=${marker%-limit*}-limit$limit
		start_exectap --max-line $limit
		exec_bytes 'more = [bytes(random.randint(1, 255) for _ in range(70)) for _ in range(400)]'
		stop_exectap
		# reads the file: in $line, jq has escaped more than necessary
		[ "$(LC_ALL=C awk 'length($0) + 1 > '$limit "$lines" | wc -l)" = 0 ]
		expect 'truncated | tojson' '["args"]'
		expect argc 402
		expect args_bytes "$(stat -c %s "$BATS_TEST_TMPDIR/expected")"
		exact_args | head -c -1 | cmp -n "$(exact_args | head -c -1 | wc -c)" - "$BATS_TEST_TMPDIR/expected"
	done
}

@test "an argument list of 1.9 MB is whole where the line may be that long" {
	start_exectap --max-line 8M
	exec_bytes 'more = [bytes(range(1, 256)) * 4 for _ in range(1800)] + [b"", b"z" * 60000, b"", b""]'
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/expected")" -gt 1890000 ]
	cmp <(exact_args) "$BATS_TEST_TMPDIR/expected"
	expect argc 1806
	expect truncated null
}

@test "argument lists of every size class are whole, and none disturbs another" {
	local kib
	start_exectap --max-line 4M
	for kib in 8 23 24 25 39 41 100 108 230 490 1000; do
		marker=${marker%-size*}-size$kib
		exec_bytes "more = [bytes(97 + (i * $kib + j) % 26 for j in range(1023)) for i in range($kib)]"
		cmp <(exact_args) "$BATS_TEST_TMPDIR/expected"
		expect truncated null
	done
}

@test "a path of 4,095 bytes, names of 255, and a deeper directory are whole or marked" {
	local deep=$BATS_TEST_TMPDIR
	start_exectap --max-line 64K
	python3 - "$deep" "$helpers/hold" "$marker" 3>&- <<'END' &
import os, shutil, sys
os.chdir(sys.argv[1])
path = sys.argv[1]
while len(path) + 1 + 255 + 5 <= 4095:
    os.mkdir("d" * 255)
    os.chdir("d" * 255)
    path += "/" + "d" * 255
rest = 4095 - len(path) - 1 - 5
os.mkdir("e" * rest)
os.chdir("e" * rest)
path += "/" + "e" * rest
shutil.copy(sys.argv[2], "hold")
assert len(path + "/hold") == 4095, len(path)
open(sys.argv[1] + "/expected", "w").write(path)
os.execv(path + "/hold", ["./hold", sys.argv[3]])
END
	held+=($!)
	wait_for_line '.exe | endswith("/hold")'
	expect filename "$(cat "$deep/expected")/hold"
	expect exe "$(cat "$deep/expected")/hold"
	expect cwd "$(cat "$deep/expected")"
	expect truncated null
	# one level deeper, the path of the working directory exceeds PATH_MAX
	marker=$marker-deeper
	python3 - "$deep" "$helpers/hold" "$marker" 3>&- <<'END' &
import os, sys
os.chdir(open(sys.argv[1] + "/expected").read())
os.mkdir("f" * 255)
os.chdir("f" * 255)
os.execv(sys.argv[2], ["hold", sys.argv[3]])
END
	held+=($!)
	wait_for_line '.exe | endswith("/hold")'
	expect 'truncated | tojson' '["cwd"]'
	[[ $(key cwd) == ddd* ]]
	[[ $(key cwd) == */"$(printf 'f%.0s' {1..255})" ]]
}

@test "a directory a thousand levels deep is whole" {
	start_exectap --max-line 64K
	python3 - "$BATS_TEST_TMPDIR" "$helpers/hold" "$marker" 3>&- <<'END' &
import os, sys
os.chdir(sys.argv[1])
for _ in range(1000):
    os.mkdir("a")
    os.chdir("a")
os.execv(sys.argv[2], ["hold", sys.argv[3]])
END
	held+=($!)
	wait_for_line '.exe | endswith("/hold")'
	expect cwd "$(readlink "/proc/$(key pid)/cwd")"
	expect truncated null
}

@test "an empty argument list is reported as the kernel changed it" {
	start_exectap
	cp "$helpers/hold" "$BATS_TEST_TMPDIR/$marker"
	python3 -c 'import ctypes, sys
ctypes.CDLL(None).execve(sys.argv[1].encode(), None, None)' "$BATS_TEST_TMPDIR/$marker" 3>&- &
	held+=($!)
	wait_for_line '.filename | endswith("'"$marker"'")'
	expect 'args | length' "$(key argc)"
	[ "$(jq -j '.args[] | . + "\u0000"' <<<"$line" | sha256sum)" = "$(sha256sum </proc/"$(key pid)"/cmdline)" ]
}
