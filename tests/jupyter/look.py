"""A program, not a test: shows the graph as a widget in a kernel, and talks to it as a page does.

    python look.py FOLDER     cells from stdin as a JSON list of texts; the last one shows the widget

Writes what the page is told as JSON. It is a process of its own for the sockets that a client leaves behind.
"""

import json
import sys
import time
import warnings

from converse import client_in

from pivot_jupyter.protocol import PROTOCOL


class Page:
    """A client of a kernel that looks at one widget."""

    def __init__(self, client):
        self.client = client
        self.widget = ""
        self.shown, self.ids = [], []  # an output takes the place of all with its id
        self.notes = []

    def execute(self, text):
        self.client.execute_interactive(text, store_history=True, output_hook=self.hear, timeout=120)

    def hear(self, message):
        content = message["content"]
        state = content.get("data", {}).get("state", {}) if message["msg_type"] == "comm_open" else {}
        if "snapshot" in state:
            self.widget = content["comm_id"]
            self.shown.append({"model": sorted(state), "snapshot": state["snapshot"]})
        elif message["msg_type"] == "display_data":
            self.shown.append(content["data"])
            self.ids.append(content.get("transient", {}).get("display_id"))
        elif message["msg_type"] == "stream":
            self.notes.append(content["text"])

    def say(self, **asked):
        data = {"method": "custom", "content": asked}
        self.client.shell_channel.send(
            self.client.session.msg("comm_msg", {"comm_id": self.widget, "data": data})
        )

    def told(self):
        """Whatever the widget is told next."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            message = self.client.get_iopub_msg(timeout=60)
            if message["msg_type"] == "comm_msg" and message["content"]["comm_id"] == self.widget:
                data = message["content"]["data"]
                found = data["state"]["snapshot"] if data["method"] == "update" else data["content"]
                if found:
                    return found
        raise TimeoutError

    def until(self, wanted):
        while not wanted(found := self.told()):
            pass
        return found


def look(page):
    told = {"shown": page.shown, "ids": page.ids, "notes": page.notes}
    page.say(kind="Hello", request=1, protocol=PROTOCOL, version="")
    told["snapshot"] = page.until(lambda m: m["kind"] == "Snapshot" and m["stages"])
    stage = told["snapshot"]["stages"][0]["name"]
    page.say(kind="AskDetail", request=2, stage=stage)
    told["detail"] = page.until(lambda m: m.get("request") == 2)
    page.say(kind="AskDetail", request=3, stage="<nobody>")
    told["failed"] = page.until(lambda m: m.get("request") == 3)
    page.say(kind="Start", request=4, targets=[], force=False, single=False)
    ended = page.until(
        lambda m: (
            m["kind"] == "Change" and any(s["name"] == stage and s["state"] == "ran" for s in m["stages"])
        )
    )
    told["ended"] = ended
    return told


def main(folder):
    with client_in(folder) as client:
        page = Page(client)
        for text in json.load(sys.stdin):
            page.execute(text)
        return look(page)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    json.dump(main(sys.argv[1]), sys.stdout)
