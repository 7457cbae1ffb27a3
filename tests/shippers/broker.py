# SPDX-License-Identifier: BSD-2-Clause
"""A Kafka of the Java programs that pom-kafka.xml names, on the loopback interface; read with kcat."""
import json
import os
import signal
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
START_S = 120
TOPIC = "exectap"
PROPERTIES = """process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller}
log.dirs={home}/data
offsets.topic.replication.factor=1
num.partitions=3
"""


class Broker:
    def __init__(self, libraries, home, port, controller):
        self.libraries, self.home, self.port = libraries, home, port
        self.process = None
        os.makedirs(home, exist_ok=True)
        self.properties = os.path.join(home, "server.properties")
        with open(self.properties, "w", encoding="ascii") as file:
            file.write(PROPERTIES.format(port=port, controller=controller, home=home))
        self.java("kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", self.properties).wait()

    def java(self, *arguments):
        with open(os.path.join(self.home, "log"), "ab") as log:
            return subprocess.Popen(("java", "-Xmx512m", "-cp", f"{self.libraries}/*", *arguments), stdout=log, stderr=log)

    def kcat(self, *arguments):
        return subprocess.run(("kcat", "-q", "-b", f"127.0.0.1:{self.port}", *arguments), capture_output=True, stdin=subprocess.DEVNULL)

    def start(self):
        self.process = self.java("kafka.Kafka", self.properties)
        end = time.monotonic() + START_S
        while self.kcat("-L").returncode:
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError(f"Kafka did not start, see {self.home}/log")
            time.sleep(0.2)

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
            self.process = None

    def prepare(self):
        """Does nothing: records of other tests have another marker."""

    def documents(self, key_is, marker, _):
        """Returns the number of records with that marker, and of different execs among them. Their key is the event's id,
        or empty."""
        done = self.kcat("-C", "-t", TOPIC, "-o", "beginning", "-e", "-f", "%k %s\\n")
        stored, values = 0, set()
        for line in done.stdout.splitlines():
            key, value = line.split(b" ", 1)
            if b'"' + marker.encode() + b"-" not in value:
                continue
            event = json.loads(value)
            if key != (event["event"]["id"].encode() if key_is == "id" else b""):
                raise RuntimeError(f"the key of {event['event']['id']} is {key}")
            stored += 1
            values.add(event["process"]["args"][1])
        return stored, len(values)
