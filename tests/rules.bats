#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Conditions of published detection rules (Elastic's, SigmaHQ's, Falco's), on ECS lines, in the words of this project:
# each fires on the behaviour that it looks for, and not on its twin.

load lib
load containers

setup_file() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

variables=LD_PRELOAD,LD_LIBRARY_PATH,GLIBC_TUNABLES,HISTFILE,HISTSIZE,HISTFILESIZE,HISTCONTROL,http_proxy,HTTP_PROXY,HTTPS_PROXY,ALL_PROXY

# Words that the conditions use. image has no tag.
words='
	def program: .process.name;
	def line: .process.command_line;
	def parent: .process.parent.name // "";
	def parent_line: .process.parent.command_line // "";
	def parent_has($word): .process.parent.args // [] | index($word) != null;
	def entry: .process.entry_leader.entry_meta.type;
	def user: .user.name;
	def ancestor($n): .exectap.ancestors[$n - 1].comm // "";
	def below(names): any(.exectap.ancestors[]?.comm; IN(names));
	def image: .container.image.name // "" | sub(":[^/:]*$"; "");
	def variable(condition): .process.env_vars // [] | any(condition);
	def is_shell: IN("bash", "dash", "sh", "tcsh", "csh", "zsh", "ksh", "fish");
	def is_account: IN("daemon", "bin", "games", "mail", "lp", "nobody", "www-data");'

start_ecs() {
	declare -gA conditions=()
	bin=$BATS_TEST_TMPDIR/bin
	mkdir -p "$bin"
	open_folders
	start_exectap --format ecs --env "$variables" "$@"
}

# programs NAME...: makes programs with these names, which do nothing
programs() {
	local name
	for name; do cp "$helpers/noop" "$bin/$name"; done
}

# shells NAME...: makes programs with these names, which start others
shells() {
	local name
	for name; do cp "$(command -v bash)" "$bin/$name"; done
}

# rule NAME CONDITION BEHAVIOUR TWIN: runs the two commands. The condition is to match the last program that the first
# one executes with the last argument $it, and not that of the second one.
rule() {
	conditions[$1]=$2
	behave "$marker-$1" "$3"
	behave "$marker-$1-twin" "$4"
}

behave() {
	(cd / && export it=$1 PATH="$bin:$PATH" && eval "$2") </dev/null >/dev/null 2>&1 3>&- || true
}

# judge COUNT: stops exectap, and fails unless there are so many rules and each fires where it has to
judge() {
	local name verdict wrong=0
	"$helpers/noop" "$marker-end"
	poll grep -qF -- "\"$marker-end\"]" "$lines"
	stop_exectap
	for name in "${!conditions[@]}"; do
		verdict=$(grep -aF -- "$marker-$name" "$lines" | jq -sc --arg it "$marker-$name" "$words"'
			[($it, $it + "-twin") as $last | map(select(.event.action == "exec" and .process.args[-1] == $last)) | last |
				if . == null then "no exec" else ('"${conditions[$name]}"') == true end]')
		[ "$verdict" = '[true,false]' ] || { echo "$name: $verdict" && wrong=1; }
	done
	[ "$wrong" = 0 ]
	[ "${#conditions[@]}" = "$1" ]
}

@test "arguments of the parent: six rules" {
	start_ecs
	shells sh bash sshd
	programs iptables tail dash dmidecode whoami
	rule terminal 'parent | test("^python[0-9.]*$")) and (program | is_shell) and parent_has("-c") and
			any(.process.parent.args[]; contains("pty.spawn")' \
		'python3 -c "import pty, sys; pty.spawn(sys.argv[1:])" dash "$it"' \
		'python3 -c "import subprocess, sys; subprocess.run(sys.argv[1:])" dash "$it"'
	rule run_command '(parent | is_shell) and any(.process.parent.args[]; test("^/var/lib/waagent/run-command/download/[^/]*/script\\.sh$"))' \
		'sh -c "whoami $it; :" /var/lib/waagent/run-command/download/3/script.sh' \
		'sh -c "whoami $it; :" /var/lib/waagent/custom-script/download/3/script.sh'
	rule backdoor 'parent == "sshd" and parent_has("-D") and .process.args_count == 2 and (program | IN("id", "tty", "tput") | not)' \
		'sshd -c "whoami $it; :" sshd -D' \
		'sshd -c "whoami $it; :" sshd -i'
	rule firewall 'program == "iptables" and parent_has("force-stop")' \
		'sh -c "iptables -F $it; :" /etc/init.d/firewall force-stop' \
		'sh -c "iptables -F $it; :" /etc/init.d/firewall force-reload'
	rule seeking 'program == "tail" and any(.process.args[]; startswith("-c")) and any(.process.parent.args[]; startswith("/boot/"))' \
		'bash -c "tail -c+9 - $it; :" extract /boot/vmlinuz' \
		'bash -c "tail -c+9 - $it; :" extract /root/vmlinuz'
	rule hardware 'program == "dmidecode" and (parent | is_shell) and parent_has("-c")' \
		'sh -c "dmidecode $it; :"' \
		'printf "dmidecode %s\n:\n" "$it" >"$bin/inventory"; sh "$bin/inventory"'
	judge 6
}

@test "command line of the parent: six rules" {
	start_ecs
	shells bash java git sh
	programs whoami chmod systemctl dash
	rule interactive 'parent_line == "bash -i" and (program | IN("whoami", "iptables", "ncat", "nc", "netcat"))' \
		'echo "whoami $it" | HOME=/nonexistent setsid -w bash -i' \
		'echo "whoami $it" | HOME=/nonexistent setsid -w bash -s'
	rule servlet '(parent_line | contains("/bin/java") and contains("tomcat")) and program == "whoami"' \
		'"$bin/java" -c "whoami $it; :" -Dcatalina.base=/opt/tomcat9' \
		'"$bin/java" -c "whoami $it; :" -jar build.jar'
	rule pager 'parent == "git" and (parent_line | contains(" -p ") and contains("help")) and (line | contains("sh 0<&1"))' \
		'git -c "dash \"sh 0<&1\" $it; :" git -p help' \
		'git -c "dash \"sh 0<&1\" $it; :" git -p log'
	rule zookeeper '(.process.parent.executable | endswith("java")) and (parent_line | contains("org.apache.zookeeper.server")) and (program | is_shell)' \
		'java -c "dash $it; :" java org.apache.zookeeper.server.quorum.QuorumPeerMain' \
		'java -c "dash $it; :" java org.example.Build'
	rule permissions 'program == "chmod" and (line | contains("/etc/")) and
			(parent_line | contains("/var/lib/dpkg/info/") and contains(".postinst configure") | not)' \
		'sh -c "chmod 777 /etc/shadow $it; :" /tmp/x.postinst configure' \
		'sh -c "chmod 640 /etc/shadow $it; :" /var/lib/dpkg/info/passwd.postinst configure'
	rule service 'program == "systemctl" and (line | contains(" stop ")) and
			(parent_line | contains("/dpkg/info/ubuntu-pro-client.prerm upgrade") | not)' \
		'sh -c "systemctl stop auditd $it; :" /var/lib/dpkg/info/auditd.prerm upgrade' \
		'sh -c "systemctl stop auditd $it; :" /var/lib/dpkg/info/ubuntu-pro-client.prerm upgrade'
	judge 6
}

@test "type of the entry: six rules" {
	start_ecs
	shells containerd-shim login sshd sh
	programs chmod nc grep tar mount debugfs
	# the nearest server decides: the tests may run in a container themselves
	rule executable 'entry == "container" and program == "chmod" and any(.process.args[]; IN("755", "777", "+x")) and
			any(.process.args[]; startswith("/tmp/"))' \
		'containerd-shim -c "chmod +x /tmp/miner $it; :"' \
		'login -c "chmod +x /tmp/miner $it; :"'
	rule network 'entry == "container" and (program | IN("nc", "ncat", "nmap", "socat", "tcpdump")) and
			(any(.process.args[]; test("^-[a-z]*z") or . == "localhost") | not)' \
		'containerd-shim -c "sh -c \"nc 10.0.0.1 443 $it; :\"; :"' \
		'sshd -c "sh -c \"nc 10.0.0.1 443 $it; :\"; :"'
	rule credentials 'entry == "container" and program == "grep" and (line | ascii_downcase | contains("aws_secret_access_key"))' \
		'containerd-shim -c "grep -r AWS_SECRET_ACCESS_KEY / $it; :"' \
		'sshd -c "containerd-shim -c \"grep -r AWS_REGION / $it; :\"; :"'
	rule collection 'entry == "container" and (program | IN("zip", "tar", "gzip")) and (line | test("/root/\\.ssh/|/etc/shadow"))' \
		'containerd-shim -c "tar -cf /tmp/x /etc/shadow $it; :"' \
		'containerd-shim -c "login -c \"tar -cf /tmp/x /etc/shadow $it; :\"; :"'
	rule mount 'entry == "container" and program == "mount" and (parent_line | contains("grep") | not)' \
		'sshd -c "containerd-shim -c \"mount /dev/sda1 /mnt $it; :\"; :"' \
		'sshd -c "mount /dev/sda1 /mnt $it; :"'
	rule filesystem 'entry == "container" and program == "debugfs" and (line | contains("/dev/sd")) and
			(.process.args | index("-R") == null)' \
		'containerd-shim -c "sh -c \"debugfs /dev/sda1 $it; :\"; :"' \
		'login -c "sh -c \"debugfs /dev/sda1 $it; :\"; :"'
	judge 6
}

# as USER COMMAND...: runs it with the uid that has this name in the passwd file of the test
as() {
	setpriv --reuid "$(sed -n "s/^$1:x:\([0-9]*\):.*/\1/p" "$BATS_TEST_TMPDIR/passwd")" --clear-groups "${@:2}"
}

@test "names of users: six rules" {
	printf '%s\n' lp:x:61007:7::/:/ postgres:x:61026:26::/:/ daemon:x:61001:1::/:/ www-data:x:61033:33::/:/ alice:x:61000:0::/:/ |
		cat - /etc/passwd | awk -F : '!seen[$1]++' >"$BATS_TEST_TMPDIR/passwd"
	printf '#!/bin/sh\nexec unshare --mount sh -c %q %q "$@"\n' \
		"mount --bind '$BATS_TEST_TMPDIR/passwd' /etc/passwd && exec \"\$0\" \"\$@\"" "$exectap" >"$BATS_TEST_TMPDIR/exectap"
	chmod 755 "$BATS_TEST_TMPDIR/exectap"
	exectap=$BATS_TEST_TMPDIR/exectap
	export -f as
	start_ecs
	shells cupsd sshd sh
	programs dash bash cat curl passwd
	rule printing 'user == "lp" and (parent | IN("cupsd", "foomatic-rip")) and (program | is_shell)' \
		'as lp cupsd -c "dash $it; :"' \
		'cupsd -c "dash $it; :"'
	rule database 'user == "postgres" and any(.process.parent.args[]; endswith("sh")) and any(.process.parent.args[]; startswith("echo"))' \
		'as postgres sh -c "dash $it; :" "echo x | base64 -d" bash' \
		'as alice sh -c "dash $it; :" "echo x | base64 -d" bash'
	rule terminal '(user | is_account) and .process.interactive == true and (program | is_shell)' \
		'SHELL=/bin/bash script -qec "as daemon bash $it" /dev/null' \
		'SHELL=/bin/bash script -qec "as alice bash $it" /dev/null'
	rule machine 'user != "root" and any(.process.args[]; . == "/sys/class/dmi/id/product_name")' \
		'as alice cat /sys/class/dmi/id/product_name "$it"' \
		'cat /sys/class/dmi/id/product_name "$it"'
	rule login '(user | is_account) and below("sshd")' \
		'sshd -c "as www-data curl $it; :"' \
		'sshd -c "as alice curl $it; :"'
	rule elevated 'user != "root" and .user.effective.name == "root" and program == "passwd"' \
		'setpriv --ruid 61000 passwd "$it"' \
		'passwd "$it"'
	judge 6
}

@test "names of ancestors: six rules" {
	start_ecs
	shells dpkg sshd postgres redis-server rabbitmqctl linux-bench yum sh bash make
	programs useradd id dash python3
	rule account 'program == "useradd" and (below("dpkg", "apt-get", "rpm", "yum", "dnf") | not)' \
		'make -c "sh -c \"useradd mallory $it; :\"; :"' \
		'dpkg -c "sh -c \"useradd postgres $it; :\"; :"'
	rule server 'below("postgres", "redis-server", "nginx", "httpd", "mysqld") and (program | is_shell) and (parent | is_shell | not)' \
		'postgres -c "make -c \"dash $it; :\"; :"' \
		'make -c "make -c \"dash $it; :\"; :"'
	rule session 'below("sshd") and program != "sshd" and program == "id"' \
		'sshd -c "bash -c \"sh -c \\\"id \$it; :\\\"; :\"; :"' \
		'make -c "bash -c \"sh -c \\\"id \$it; :\\\"; :\"; :"'
	rule hooks 'ancestor(2) == "redis-server" and (line | contains("redis-server.pre-up.d"))' \
		'redis-server -c "sh -c \"dash /etc/redis/redis-server.pre-up.d/x $it; :\"; :"' \
		'sh -c "redis-server -c \"dash /etc/redis/redis-server.pre-up.d/x $it; :\"; :"'
	rule queue 'ancestor(2) == "rabbitmqctl" and (line | startswith("sh -c "))' \
		'rabbitmqctl -c "bash -c \"sh -c : $it; :\"; :"' \
		'make -c "bash -c \"sh -c : $it; :\"; :"'
	rule update '(ancestor(1) == "sh" and ancestor(2) == "yum") or (ancestor(2) == "sh" and ancestor(3) == "yum")' \
		'yum -c "sh -c \"bash -c \\\"python3 \$it; :\\\"; :\"; :"' \
		'yum -c "bash -c \"bash -c \\\"python3 \$it; :\\\"; :\"; :"'
	judge 6
}

# in_image IMAGE COMMAND...: runs it in a container of that image, as Kubernetes' containerd describes it
in_image() {
	local id
	id=$(printf '%s' "$1" | sha256sum | cut -d ' ' -f 1)
	inside mkdir -p "$tasks/k8s.io/$id"
	jq -n --arg image "$1" '{ociVersion: "1.1.0", annotations: {"io.kubernetes.cri.container-name": "main", "io.kubernetes.cri.image-name": $image}}' |
		inside tee "$tasks/k8s.io/$id/config.json"
	in_cgroup "$marker.slice/cri-containerd-$id.scope" "${@:2}"
}

@test "image of the container: six rules" {
	make_namespace
	landlock || options=--no-sandbox
	made_cgroups+=("$marker.slice")
	inside mkdir -p "$tasks"
	start_ecs --containers $options
	programs insmod calico-node agent kube-proxy fluentd dash
	rule module '.container.id and (program | IN("insmod", "modprobe")) and (image | IN("quay.io/cilium/cilium", "docker.io/falcosecurity/falco") | not)' \
		'in_image docker.io/library/nginx:1.25 "$bin/insmod" rootkit.ko "$it"' \
		'in_image quay.io/cilium/cilium:v1.15 "$bin/insmod" sch_ingress.ko "$it"'
	rule calico 'program == "calico-node" and (image | endswith("calico/node") | not)' \
		'in_image docker.io/mallory/node:v3 "$bin/calico-node" "$it"' \
		'in_image docker.io/calico/node:v3 "$bin/calico-node" "$it"'
	rule agent 'program == "agent" and (image | contains("rancher/agent"))' \
		'in_image registry.local:5000/rancher/agent:v2.8.1 "$bin/agent" "$it"' \
		'in_image registry.local:5000/other/agent:v2.8.1 "$bin/agent" "$it"'
	rule account 'image | startswith("602401143452.dkr.ecr.") and endswith(".amazonaws.com/eks/kube-proxy")' \
		'in_image 602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/kube-proxy:v1.29 "$bin/kube-proxy" "$it"' \
		'in_image 602401143452.dkr.ecr.example/eks/kube-proxy:v1.29 "$bin/kube-proxy" "$it"'
	rule logging 'image | startswith("registry.redhat.io/openshift3/") and endswith("/ose-logging-fluentd")' \
		'in_image registry.redhat.io/openshift3/ose-logging-fluentd:v3.11 "$bin/fluentd" "$it"' \
		'in_image registry.redhat.io/openshift4/ose-logging-fluentd:v3.11 "$bin/fluentd" "$it"'
	rule disallowed '.container.id and (image | IN("docker.io/library/nginx", "docker.io/library/redis") | not) and (program | is_shell)' \
		'in_image docker.io/mallory/xmrig "$bin/dash" "$it"' \
		'in_image docker.io/library/redis:7 "$bin/dash" "$it"'
	judge 6
}

@test "name of the parent's file: six rules" {
	start_ecs
	shells nginx sh kmod-helper .update java node
	programs whoami rmmod curl dash id
	rule webshell '(parent | IN("nginx", "apache2", "httpd", "lighttpd", "caddy")) and (program | IN("whoami", "ifconfig", "hostname"))' \
		'nginx -c "whoami $it; :"' \
		'sh -c "exec -a nginx whoami $it"'
	# a script has its own command name, and its interpreter's file
	printf '#!%s\nimport subprocess, sys\nsubprocess.run(sys.argv[1:])\n' "$(command -v python3)" >"$bin/innocent"
	printf '#!%s\n"$@"\n:\n' "$(command -v bash)" >"$bin/python3"
	chmod 755 "$bin/innocent" "$bin/python3"
	rule script 'parent | test("^python[0-9.]*$")' \
		'innocent id "$it"' \
		'"$bin/python3" id "$it"'
	rm "$bin/python3"
	rule module 'program == "rmmod" and (parent | is_shell)' \
		'sh -c "rmmod auditfs $it; :"' \
		'kmod-helper -c "rmmod auditfs $it; :"'
	rule proxy 'program == "curl" and (parent | startswith(".")) and any(.process.args[]; startswith("socks5"))' \
		'.update -c "curl -x socks5h://10.0.0.1 $it; :"' \
		'node -c "curl -x socks5h://10.0.0.1 $it; :"'
	rule java 'parent == "java" and (program | is_shell)' \
		'java -c "dash $it; :"' \
		'java -c "whoami $it; :"'
	rule node 'parent == "node" and (program | is_shell)' \
		'node -c "dash $it; :"' \
		'node -c "exec -a node sh -c \"dash $it; :\"; :"'
	judge 6
}

@test "environment and the program's file: six rules" {
	start_ecs
	programs noop .hidden
	rule preload 'variable(startswith("LD_PRELOAD=/"))' 'LD_PRELOAD=/dev/shm/x.so noop "$it"' 'noop "$it"'
	rule history 'variable(IN("HISTFILE=/dev/null", "HISTSIZE=0", "HISTFILESIZE=0"))' \
		'HISTFILE=/dev/null noop "$it"' \
		'HISTFILE=/root/.history noop "$it"'
	rule tunables 'variable(test("^GLIBC_TUNABLES=glibc\\..*=glibc\\."))' \
		'GLIBC_TUNABLES=glibc.malloc.mxfast=glibc.malloc.mxfast=A noop "$it"' \
		'GLIBC_TUNABLES=glibc.malloc.check=3 noop "$it"'
	rule shared_memory '.process.executable | startswith("/dev/shm/")' \
		'cp "$helpers/noop" "/dev/shm/$it"; "/dev/shm/$it" "$it"; rm "/dev/shm/$it"' \
		'noop "$it"'
	rule hidden 'program | startswith(".")' '.hidden "$it"' 'noop "$it"'
	rule memory '.exectap.memfd == true' \
		'python3 -c "
import os, sys
fd = os.memfd_create(\"x\")
os.write(fd, open(sys.argv[1], \"rb\").read())
os.execve(fd, sys.argv[1:], {})" "$helpers/noop" "$it"' \
		'noop "$it"'
	judge 6
}

@test "command line, folder, terminal and capabilities: five rules" {
	start_ecs
	programs base64 bash
	rule decoding 'line | test("base64 +(-d|-D|--decode) ")' 'base64 -d "$it"' 'base64 "$it"'
	rule reverse_shell 'line | contains("/dev/tcp/")' \
		'bash -c "exec 5<>/dev/tcp/10.0.0.1/443" "$it"' \
		'bash -c "exec 5<>/dev/null" "$it"'
	rule folder '.process.working_directory | IN("/dev/shm", "/tmp", "/var/tmp")' 'cd /dev/shm; bash "$it"' 'bash "$it"'
	rule interactive '.process.interactive == true' 'script -qec "bash $it" /dev/null' 'setsid -w bash "$it"'
	rule debugger '.exectap.cap_full == true or (.process.thread.capabilities.effective // [] | any(. == "CAP_SYS_PTRACE"))' \
		'bash "$it"' \
		'setpriv --bounding-set -sys_ptrace bash "$it"'
	judge 5
}
