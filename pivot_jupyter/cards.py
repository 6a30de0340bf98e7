"""The lines below the cells that define stages, as they are when a run has ended: they are what is saved."""

# mypy: disable-error-code="no-untyped-call"

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from IPython.display import DisplayHandle, display

from pivot.core.render import StageState, state_after
from pivot.model.decision import Verdict
from pivot.model.event import Outcome, StageFinished
from pivot.model.run import Run
from pivot.model.upstream import OnError
from pivot_jupyter import shown

_MADE = (Outcome.RAN, Outcome.RESTORED, Outcome.UNCHANGED)


@dataclass(slots=True, eq=False)
class _Card:
    rows: Sequence[shown.CardRow]
    handle: DisplayHandle


class Cards:
    """The card below each cell that was executed in this kernel, where what was shown can be replaced."""

    def __init__(self) -> None:
        self._of_stage: dict[str, _Card] = {}

    def show(self, rows: Sequence[shown.CardRow]) -> None:
        """Shows the card of a cell."""
        handle: DisplayHandle | None = display(shown.card(rows), raw=True, display_id=True)
        if handle is not None:  # else it was only printed
            card = _Card(rows, handle)
            self._of_stage.update({stage.name: card for stage, _, _ in rows})

    def ended(self, run: Run, told: Callable[[str], str]) -> None:
        """A run is over: says of its stages what is so now.

        It is the same for one that ran as for one that had not to: so is the notebook's file.

        Args:
            told: puts lines of cells into a text.
        """
        for card in {self._of_stage[name]: None for name in run.stages if name in self._of_stage}:
            rows = [_row_after(row, run.stages, told) for row in card.rows]
            if rows != card.rows:
                card.rows = rows
                card.handle.update(shown.card(rows), raw=True)


def _row_after(
    row: shown.CardRow, ends: Mapping[str, StageFinished], told: Callable[[str], str]
) -> shown.CardRow:
    stage, _, _ = row
    end = ends.get(stage.name)
    if end is None or end.outcome is Outcome.CANCELLED:
        return row  # it is as before
    runs_again = stage.always or (stage.map is not None and stage.map.on_error is OnError.DROP)
    if end.outcome in _MADE and not runs_again:
        return stage, StageState(Verdict.UNCHANGED), ""
    return stage, replace(state_after(end), reason=told(end.reason), seconds=None), ""
