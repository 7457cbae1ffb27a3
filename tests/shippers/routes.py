# SPDX-License-Identifier: BSD-2-Clause
"""The configurations of packaging/shippers, run with real shippers and a real store through what can happen to both.

Each situation is a storm of execs, in the middle of which something happens. Afterwards the execs of the storm that the
store has are counted, by the marker in their arguments.
"""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
CONFIGURATIONS = os.path.join(TOP, "packaging", "shippers")
EXECS = 3000
RATE = 600
AWAY_S = 4
START_S = 120
STILL_S = 75  # without a new document: the rest is lost; a request of Vector times out after 60 s
LONGEST_S = 240

COLLECTOR_BUILDER = "go.opentelemetry.io/collector/cmd/builder@v0.165.0"

# Name: file, output of exectap, index (Kafka: what its records have as key), the situations in which it may lose lines
ROUTES = {
    "fluent-bit": ("fluent-bit.yaml", "unix:{place}/fluent-bit.sock", "exectap-ecs-*", ("disk",)),
    "fluent-bit-file": ("fluent-bit-file.yaml", "file:{place}/exec.jsonl", "exectap-ecs-*", ()),
    "vector": ("vector.yaml", "unix:{place}/vector.sock", "logs-exectap.exec-default", ("kill", "both", "disk")),
    "vector-file": ("vector-file.yaml", "file:{place}/exec.jsonl", "logs-exectap.exec-default", ()),
    "vector-kafka": ("vector-kafka.yaml", "file:{place}/exec.jsonl", "id", ()),
    "collector-kafka": ("otel-collector-kafka.yaml", "file:{place}/exec.jsonl", "", ()),
    "rsyslog": ("rsyslog-elasticsearch.conf", "unix:{place}/rsyslog.sock", "logs-exectap.exec-default", ("disk",)),
    "syslog-ng": ("syslog-ng-elasticsearch.conf", "unix:{place}/syslog-ng.sock", "logs-exectap.exec-default", ("refusal", "disk")),
}
SITUATIONS = ("up", "restart", "reload", "stop", "kill", "store", "both", "refusal", "disk")
DISK = "192m"  # for the folder of a shipper and exectap's file


def kind_of(name):
    return re.sub("-(file|kafka)$", "", name)


def find_collector(fetched):
    """Returns the path of an OpenTelemetry Collector, on PATH or built from its modules, or None."""
    found = shutil.which("otelcol-contrib")
    if found or not shutil.which("go"):
        return found
    program = os.path.join(fetched, "collector", "otelcol-contrib")
    if not os.path.exists(program):
        with open(os.path.join(fetched, "collector.log"), "wb") as log:
            subprocess.run(("go", "run", COLLECTOR_BUILDER, "--config", os.path.join(HERE, "collector.yaml")), cwd=fetched, stdout=log, stderr=log)
    return program if os.path.exists(program) else None


def find_program(name):
    """Returns the path of a shipper, on PATH, unpacked from Debian's packages or built, or None."""
    if kind_of(name) == "collector":
        return find_collector(os.path.join(TOP, "build", "shippers"))
    function = {"rsyslog": "find_rsyslog", "syslog-ng": "find_syslog_ng"}.get(name)
    if not function:
        return shutil.which(kind_of(name))
    script = f'top={TOP}; . {TOP}/tests/shippers.bash; {function}'
    done = subprocess.run(("bash", "-c", script), capture_output=True, text=True)
    return done.stdout.strip() or None


def adapt(text, place, port):
    """Returns a configuration with its folders replaced by `place`, and the store's port. Nothing else is changed."""
    text = re.sub(r"/(run|var/log|var/lib/fluent-bit|var/lib/otelcol)/exectap", place, text)
    text = text.replace("/var/log/exec", f"{place}/exec")
    text = re.sub(r"/var/(spool/rsyslog|lib/syslog-ng|lib/vector)", place, text)
    text = re.sub(r"127\.0\.0\.1:(9200|9092)", f"127.0.0.1:{port}", text)
    return re.sub(r'((?:serverport="|port: ))9200', rf"\g<1>{port}", text)


def listens(path):
    with open("/proc/net/unix", encoding="ascii") as file:
        return any(line.split()[3] == "00010000" and line.endswith(" " + path + "\n") for line in file)


class Shipper:
    def __init__(self, name, place, port):
        self.program, self.place, self.name = find_program(name), place, name
        source, output, self.index, self.may_lose = ROUTES[name]
        self.output = output.format(place=place)
        self.config = os.path.join(place, source)
        with open(os.path.join(CONFIGURATIONS, source), encoding="utf-8") as file:
            text = adapt(file.read(), place, port)
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text)

    def command(self):
        return {
            "fluent-bit": (self.program, "-q", "-c", self.config),
            "vector": (self.program, "-q", "-c", self.config),
            "collector": (self.program, "--config", self.config, "--feature-gates=stanza.synchronousLogEmitter"),
            "rsyslog": (self.program, "-n", "-i", f"{self.place}/pid", "-f", self.config),
            "syslog-ng": (self.program, "-F", "--no-caps", "--stderr", "-f", self.config, "-R", f"{self.place}/persist",
                          "-c", f"{self.place}/control", "-p", f"{self.place}/pid"),
        }[kind_of(self.name)]

    def start(self):
        socket = self.output.removeprefix("unix:") if self.output.startswith("unix:") else None
        if socket and self.name == "vector" and os.path.exists(socket):
            os.unlink(socket)  # ExecStartPre of its unit
        with open(os.path.join(self.place, "shipper.log"), "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        end = time.monotonic() + START_S
        while socket and not listens(socket):
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError(f"{self.name} does not listen, see {self.place}/shipper.log")
            time.sleep(0.05)

    def send(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        self.send(number)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def fill(path):
    """Writes a file until the disk is full."""
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass


def happen(situation, shipper, store):
    """Does to the shipper and the store what the situation is called."""
    if situation == "restart":
        shipper.stop()
        shipper.start()
    elif situation == "reload":
        shipper.send(signal.SIGHUP)
    elif situation == "stop":
        shipper.send(signal.SIGSTOP)
        time.sleep(AWAY_S)
        shipper.send(signal.SIGCONT)
    elif situation == "kill":
        shipper.stop(signal.SIGKILL)
        shipper.start()
    elif situation == "store":
        store.stop()
        time.sleep(AWAY_S)
        store.start()
    elif situation == "both":
        store.stop()
        time.sleep(AWAY_S / 2)
        shipper.stop(signal.SIGKILL)
        shipper.start()
        time.sleep(AWAY_S / 2)
        store.start()
    elif situation == "refusal":
        store.write_block(shipper.index, True)
        time.sleep(AWAY_S)
        store.write_block(shipper.index, False)
    elif situation == "disk":
        store.stop()
        filler = os.path.join(shipper.place, "filler")
        fill(filler)
        time.sleep(AWAY_S)
        os.unlink(filler)
        store.start()


def count_stored(store, index, marker):
    """Returns (stored, different) once all are there, or none has come for a while."""
    end, last, seen = time.monotonic() + LONGEST_S, time.monotonic(), (0, 0)
    while time.monotonic() < end and time.monotonic() - last < STILL_S and seen[1] < EXECS:
        now = store.documents(index, marker, "process.args")
        if now[1] > seen[1]:
            last = time.monotonic()
        seen = now
        time.sleep(0.3)
    return seen


def run_situation(situation, shipper, store, helpers):
    """Returns (stored, different) of the execs of a storm in which the situation occurs."""
    marker = f"{shipper.name}-{situation}-{time.monotonic_ns()}"
    storm = subprocess.Popen((os.path.join(helpers, "storm"), "-r", str(RATE), "1", str(EXECS), marker, os.path.join(helpers, "noop")),
                             stdout=subprocess.DEVNULL)
    time.sleep(EXECS / RATE / 3)
    happen(situation, shipper, store)
    storm.wait()
    return count_stored(store, shipper.index, marker)


@contextlib.contextmanager
def mounted(place):
    """Has a small file system at that place, which is removed at the end; another process may still use it."""
    subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", place), check=True)
    try:
        yield
    finally:
        subprocess.run(("umount", "--lazy", place), check=True)


def run_route(name, place, store, start_exectap, helpers, situations):
    """Yields (situation, stored, different, whether that is what the route promises)."""
    shipper = Shipper(name, place, store.port)
    if not shipper.program:
        raise LookupError(f"{kind_of(name)} is not on PATH, and could not be had")
    store.prepare()
    shipper.start()
    try:
        with start_exectap(place, "-f", "ecs", "--only", f"exe={os.path.realpath(helpers)}/noop", "-o", shipper.output):
            for situation in situations:
                if situation == "refusal" and not hasattr(store, "write_block"):
                    continue
                stored, different = run_situation(situation, shipper, store, helpers)
                yield situation, stored, different, different == EXECS or situation in shipper.may_lose
    finally:
        shipper.stop()
