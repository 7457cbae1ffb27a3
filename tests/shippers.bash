# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154 # lib.bash and shippers.bats set the names that are not set here
# Starts the programs that tests/shippers.bats tests, with the configurations of packaging/shippers. To be sourced.
#
# Debian's rsyslog and syslog-ng can't be installed together, and would take over this host's log. If one is not on
# PATH, its packages are unpacked below build/shippers.

shippers=$top/packaging/shippers
unpacked=$top/build/shippers

# unpack_debian NAME PACKAGE...: unpacks the packages that apt-get would install to $unpacked/NAME. Prints nothing.
unpack_debian() {
	local root=$unpacked/$1 downloads package wanted
	shift
	[ ! -e "$root.complete" ] || return 0
	if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then return 1; fi
	mapfile -t wanted < <(apt-get -qq -s install --no-install-recommends "$@" 2>/dev/null | awk '$1 == "Inst" { print $2 }')
	[ ${#wanted[@]} -gt 0 ] || return
	rm -rf "$root"
	mkdir -p "$root"
	downloads=$(mktemp -d "$unpacked/downloads.XXXXXX")
	(cd "$downloads" && apt-get -qq -o APT::Sandbox::User=root download "${wanted[@]}") >/dev/null 2>&1 || return
	for package in "$downloads"/*.deb; do
		dpkg-deb -x "$package" "$root" || return
	done
	rm -rf "$downloads"
	touch "$root.complete"
}

# folder_of NAME FILE: prints the folder below $unpacked/NAME that has the file
folder_of() {
	dirname "$(find "$unpacked/$1" -name "$2" | head -n 1)"
}

# libraries_of NAME: prints LD_LIBRARY_PATH for the unpacked programs
libraries_of() {
	find "$unpacked/$1" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd :
}

# Provides rsyslogd and syslog-ng: on PATH, or as scripts in $unpacked/bin
find_rsyslog() {
	if command -v rsyslogd; then return; fi
	unpack_debian rsyslog rsyslog rsyslog-elasticsearch || return
	mkdir -p "$unpacked/bin"
	cat >"$unpacked/bin/rsyslogd" <<END
#!/bin/sh
export LD_LIBRARY_PATH='$(libraries_of rsyslog)'
exec '$(folder_of rsyslog rsyslogd)/rsyslogd' -M '$(folder_of rsyslog imptcp.so)' "\$@"
END
	chmod +x "$unpacked/bin/rsyslogd"
	echo "$unpacked/bin/rsyslogd"
}

find_syslog_ng() {
	if command -v syslog-ng; then return; fi
	unpack_debian syslog-ng syslog-ng-core syslog-ng-mod-http || return
	mkdir -p "$unpacked/bin"
	cat >"$unpacked/bin/syslog-ng" <<END
#!/bin/sh
export LD_LIBRARY_PATH='$(libraries_of syslog-ng)'
exec '$unpacked/syslog-ng/usr/sbin/syslog-ng' --module-path '$(folder_of syslog-ng libafsocket.so)' "\$@"
END
	chmod +x "$unpacked/bin/syslog-ng"
	echo "$unpacked/bin/syslog-ng"
}

# shipper_config FILE: prints the configuration with its folders replaced by $place, and with the port of tests/bulk
# if that runs; with $tls its variant for TLS. Nothing else is changed.
shipper_config() {
	local port=9200
	[ ! -e "$place/port" ] || port=$(cat "$place/port")
	sed -E "${tls:+/# plain$/d; s,(//)?#tls ,,;}
		s#/(run|var/log|var/lib/fluent-bit)/exectap(-shipper)?#$place#g; s#/var/log/exec#$place/exec#g; s#/var/(spool/rsyslog|lib/syslog-ng|lib/vector)#$place#g
		s#127\.0\.0\.1:9200#127.0.0.1:$port#g; s#((serverport=\"|port: |STORE_HOST[\`}]:))9200#\1$port#" "$shippers/$1"
}

# start_shipper NAME [FILE]: starts it in $place with that configuration (default: NAME.conf), and sets $shipper to
# its pid. Returns when it is ready.
start_shipper() {
	local name=$1 file=${2:-$1.conf}
	shipper_config "$file" >"$place/$file"
	case $name in
	rsyslog)
		"$rsyslogd" -n -i "$place/pid" -f "$place/$file" >>"$place/shipper.log" 2>&1 3>&- &
		;;
	syslog-ng)
		"$syslog_ng" -F --no-caps --stderr -f "$place/$file" -R "$place/persist" -c "$place/control" -p "$place/pid" \
			>>"$place/shipper.log" 2>&1 3>&- &
		;;
	fluent-bit*) fluent-bit -q -c "$place/$file" >>"$place/shipper.log" 2>&1 3>&- & ;;
	vector*)
		rm -f "$place/vector.sock" # in the foreground: of a list in the background, $! is not vector
		vector -q -c "$place/$file" >>"$place/shipper.log" 2>&1 3>&- &
		;;
	filebeat)
		filebeat run --strict.perms=false -c "$place/$file" --path.data "$place/data" --path.logs "$place/logs" \
			>>"$place/shipper.log" 2>&1 3>&- &
		;;
	esac
	shipper=$!
	held+=("$shipper")
	case $name in
	rsyslog | syslog-ng | fluent-bit | vector) poll accepts "$place/$name.sock" ;;
	esac
}

# Returns 0 if a process listens on the socket. Its file alone proves nothing: it stays when the process exits.
accepts() {
	grep -q " 0001 01 .* $1\$" /proc/net/unix
}

stop_shipper() {
	kill -TERM "$shipper"
	wait "$shipper" || true
}
