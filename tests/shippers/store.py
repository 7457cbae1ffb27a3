# SPDX-License-Identifier: BSD-2-Clause
"""An OpenSearch of the Java programs that pom.xml names, on the loopback interface."""
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TEMPLATES = os.path.join(HERE, "..", "..", "packaging", "siem")
START_S = 120


def fetch(folder, pom="pom.xml"):
    """Copies the files that the pom names to the folder with Maven. Returns False if they could not be had."""
    if os.path.exists(os.path.join(folder, "complete")):
        return True
    done = subprocess.run(
        ("mvn", "-q", "-B", "-f", os.path.join(HERE, pom), "dependency:copy-dependencies",
         f"-DoutputDirectory={folder}", "-DincludeScope=runtime"), capture_output=True)
    if done.returncode == 0:
        open(os.path.join(folder, "complete"), "w", encoding="ascii").close()
    return done.returncode == 0


class Store:
    def __init__(self, libraries, home, port):
        self.libraries, self.home, self.port = libraries, home, port
        self.url = f"http://127.0.0.1:{port}"
        self.process = None
        os.makedirs(os.path.join(home, "config"), exist_ok=True)

    def start(self):
        with open(os.path.join(self.home, "log"), "ab") as log:
            self.process = subprocess.Popen(
                ("java", "-Xmx1g", "-Djava.security.manager=allow", "-cp", f"{self.libraries}/*",
                 os.path.join(HERE, "OpenSearch.java"), self.home, str(self.port)), stdout=log, stderr=log)
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.process.poll() is None:
            try:
                self.ask("GET", "/")
                return
            except OSError:
                time.sleep(0.2)
        raise RuntimeError(f"OpenSearch did not start, see {self.home}/log")

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
            self.process = None

    def ask(self, method, path, body=None):
        """Returns the answer's JSON. Raises urllib.error.HTTPError for a status of 400 and more."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    def forget(self):
        """Removes all documents and templates."""
        for path in ("/_data_stream/*", "/exectap*,es-*,guessed*,logs-exectap*", "/_index_template/*"):
            try:
                self.ask("DELETE", path + "?expand_wildcards=all" if path[1] != "_" else path)
            except urllib.error.HTTPError:
                pass

    def load_templates(self, folder=TEMPLATES):
        """Puts each template of packaging/siem; Elasticsearch's for names with the prefix es-. Returns their number."""
        names = sorted(name.removesuffix(".json") for name in os.listdir(folder) if name.endswith(".json"))
        for name in names:
            with open(os.path.join(folder, name + ".json"), encoding="utf-8") as file:
                template = json.load(file)
            if name.startswith("elasticsearch"):
                template = as_opensearch(template)
            self.ask("PUT", f"/_index_template/{name}", template)
        return len(names)

    def prepare(self):
        """Has nothing but the templates."""
        self.forget()
        self.load_templates()

    def write_block(self, index, on):
        """Refuses or accepts writes as OpenSearch does by itself while its disk is full."""
        self.ask("PUT", f"/{index}/_settings?expand_wildcards=all", {"index.blocks.read_only_allow_delete": on})

    def documents(self, index, marker, field):
        """Returns the number of documents with that marker, and of different values of the field among them."""
        try:
            self.ask("POST", f"/{index}/_refresh?ignore_unavailable=true&expand_wildcards=all", {})
            answer = self.ask("POST", f"/{index}/_search?ignore_unavailable=true",
                              {"size": 10000, "_source": [field], "query": {"prefix": {field: marker + "-"}}})
        except (OSError, KeyError):
            return 0, 0
        hits = answer["hits"]["hits"]
        values = set()
        for hit in hits:
            found = hit["_source"]
            for part in field.split("."):
                found = found[part]
            values.add(found[1])
        return len(hits), len(values)


def as_opensearch(template):
    """Returns a template for Elasticsearch with what OpenSearch does not know replaced, for indices es-*."""
    text = json.dumps(template).replace('"type": "flattened"', '"type": "flat_object"')
    template = json.loads(text)
    for definition in template["template"]["mappings"]["properties"].values():
        if definition.get("type") == "flat_object":
            definition.pop("ignore_above", None)
    template["template"]["settings"].pop("index.mapping.total_fields.ignore_dynamic_beyond_limit")
    template["index_patterns"] = ["es-" + pattern for pattern in template["index_patterns"]]
    return template
