"""Holds a running Waystage to the golden vectors beside this file, which ../golden.md describes.

    python3 check.py INGEST QUERY TOKEN [SECONDS]

takes two base URLs, a root token (it makes a site of each world), and how long what was sent may
take to be counted. It ends with 0 if every vector is answered alike.

To hold another engine to them, give main() one with the three methods of Waystage.
"""

import base64
import json
import pathlib
import sys
import time
import urllib.error
import urllib.request

# What an answer has beside what vectors have: it follows from the counts, repeats the question,
# or says how the answer was found.
BESIDE = {"step", "label", "optional", "fromStep", "toStep", "conversionFromPrevious",
          "conversionFromFirst", "test", "sampleRatio", "facts", "fromLabel", "toLabel", "dropOff",
          "lostShare", "share"}
# What may as well be absent.
NOTHING = (None, 0, False, "", [])


def bare(value):
    """An answer without what is beside, and without what may be absent."""
    if isinstance(value, list):
        return [bare(v) for v in value]
    if isinstance(value, dict):
        kept = {name: bare(v) for name, v in value.items() if name not in BESIDE}
        return {name: v for name, v in kept.items() if v not in NOTHING}
    return value


def main(engine, patience=60):
    """Asks every vector; an engine that stores late is asked again while patience lasts."""
    vectors = json.loads(pathlib.Path(__file__).with_name("vectors.json").read_text())
    assert vectors["format"] == 1, "another format"
    for world in vectors["worlds"]:
        engine.load(world)
    deadline, wrong = time.monotonic() + patience, 0
    for v in vectors["vectors"]:
        want = (bare(v["answer"]), v["units"], bare(v.get("dropOffs")))
        while (got := asked_of(engine, v)) != want:
            if time.monotonic() > deadline:
                wrong += 1
                print(f"{v['name']}: {v['title']}\n  want {want}\n  got  {got}")
                break
            time.sleep(0.5)
    asked = len(vectors["vectors"])
    print(f"{asked - wrong} of {asked} vectors are answered alike")
    return wrong == 0


def asked_of(engine, v):
    """What an engine answers to a vector: the answer, who filled each step, and the drop-offs."""
    answer, units = engine.ask(v["world"], v["question"], len(v["units"]))
    left = engine.drop_offs(v["world"], v["question"]) if "dropOffs" in v else None
    return answer, units, left


class Waystage:
    """A running Waystage, by its HTTP API."""

    def __init__(self, ingest, query, token):
        self.ingest, self.query, self.token = ingest, query, "Bearer " + token

    def call(self, url, body, token):
        headers = {"Authorization": token, "Content-Type": "application/json"}
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    def load(self, world):
        """Makes a site with the world's time zone and map, and sends its messages in one batch."""
        site = "golden-" + world["name"]
        sites = self.query + "/v1/sites"
        try:
            made = {"siteId": site, "site": {"timeZone": world["timeZone"]}}
            self.call(sites, made, self.token)
        except urllib.error.HTTPError as refusal:
            if refusal.code != 409:  # it is there already, from an earlier run
                raise
        of = f"{sites}/{site}"
        self.call(of + "/journeyMaps:publish", {"source": world["map"]}, self.token)
        key = self.call(of + "/keys", {"kind": "KEY_KIND_WRITE"}, self.token)["secret"]
        basic = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
        said = self.call(self.ingest + "/v1/batch", {"batch": world["messages"]}, basic)
        assert said["accepted"] == len(world["messages"]), said

    def ask(self, world, question, steps):
        """Gives the bare answer to a question, and who filled each of its steps."""
        funnels = f"{self.query}/v1/sites/golden-{world}/funnels:"
        answer = self.call(funnels + "ask", {"question": question}, self.token)
        units = []
        for step in range(1, steps + 1):
            page = {"question": question, "step": step, "pageSize": 1000}
            listed = self.call(funnels + "listPersons", page, self.token).get("persons", [])
            units.append(sorted(p.get("unit") or p["userIds"][0] for p in listed))
        return bare(answer), units

    def drop_offs(self, world, question):
        """Gives the bare answer for drop-offs to a question."""
        url = f"{self.query}/v1/sites/golden-{world}/funnels:askDropOff"
        return bare(self.call(url, {"question": question}, self.token))


if __name__ == "__main__":
    alike = main(Waystage(*sys.argv[1:4]), *map(float, sys.argv[4:5]))
    sys.exit(0 if alike else 1)
