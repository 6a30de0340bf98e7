"""The pipeline of a folder for JupyterLab, without a kernel: routes that start ``pivot … --json`` there.

The server itself imports nothing of the pipeline tool: each project is asked with its own Python.

    routes ── place        which folder a request is about, inside the server's root
           ├─ interpreter  its Python
           ├─ command      starts `python -m pivot …` and gives its JSON, or why there is none
           ├─ runs         runs that go on when nobody looks, followed by those who do
           └─ states       that JSON as the messages of `pivot_jupyter.protocol`
"""

from typing import Any


def _load_jupyter_server_extension(app: Any) -> None:
    """Called by jupyter_server when it starts."""
    from pivot_jupyter.server.routes import add_routes

    add_routes(app)
