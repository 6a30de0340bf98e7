"""A program, not a test: executes texts of cells in a kernel and answers when they ask for input.

    python converse.py FOLDER     cells from stdin as JSON: [[text, [answer, …] or null], …]

Writes for each cell what it showed, the prompts and answers in it, as a JSON list. ``null``: a front end that
cannot be asked. It is a process of its own for the sockets that a client leaves behind.
"""

import json
import re
import sys
import warnings
from contextlib import contextmanager

from jupyter_client.manager import KernelManager


@contextmanager
def client_in(folder):
    """A client of a kernel of this interpreter that works in a folder; both end with the block."""
    manager = KernelManager()
    manager.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager.start_kernel(cwd=folder)
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=120)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def main(folder):
    with client_in(folder) as client:
        return [execute(client, text, answers) for text, answers in json.load(sys.stdin)]


def execute(client, text, answers):
    told, left = [], list(answers or ())

    def hear(message):
        content = message["content"]
        if message["msg_type"] == "stream":
            told.append(content["text"])
        elif message["msg_type"] == "error":
            told.append("\n".join(content["traceback"]))
        elif "data" in content:
            told.append(content["data"].get("text/plain", ""))

    def answer(_):
        client.input(left.pop(0) if left else "q")

    client.execute_interactive(
        text, allow_stdin=answers is not None, output_hook=hear, stdin_hook=answer, timeout=120
    )
    return re.sub(r"\x1b\[[\d;]*m", "", "\n".join(told))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    json.dump(main(sys.argv[1]), sys.stdout)
