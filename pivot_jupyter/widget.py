"""The live graph as a widget: for front ends that have no extension of Pivot, but show widgets."""

from pathlib import Path
from typing import Any

import traitlets
from anywidget import AnyWidget

from pivot_jupyter.desk import Desk, answer_at_once
from pivot_jupyter.protocol import Snapshot, to_json

_STATIC = Path(__file__).parent / "static"


class DagWidget(AnyWidget):  # type: ignore[misc,unused-ignore] # where anywidget is not installed it is Any
    """Shows a `Snapshot` until its page says Hello; from then on what the desk tells."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    snapshot = traitlets.Dict().tag(sync=True)

    def __init__(self, desk: Desk, snapshot: Snapshot) -> None:
        super().__init__(
            snapshot=to_json(snapshot),
            _esm=(_STATIC / "widget.js").read_text(encoding="utf-8"),
            _css=(_STATIC / "widget.css").read_text(encoding="utf-8"),
        )
        answer_at_once(self.comm)
        viewer = _Viewer(self)
        self.on_msg(lambda _widget, asked, _buffers: desk.hear(viewer, asked))
        self.comm.on_close(lambda _: desk.leave(viewer))


class _Viewer:
    """A widget as one of those whom the desk tells."""

    def __init__(self, widget: DagWidget) -> None:
        self.comm_id: str = widget.model_id
        self._widget = widget

    def send(self, data: dict[str, Any]) -> None:
        """A whole state becomes the model's own, that later views begin with it."""
        if data["kind"] == "Snapshot":
            self._widget.snapshot = data
        else:
            self._widget.send(data)
