"""Values, versions, digests and states in a few characters, as explanations and listings show them."""

from pivot.model.decision import ChangeKind
from pivot.model.observation import ABSENT, FOLDER, PRESENT, UNREADABLE, is_link, is_listing, left_by_stage
from pivot.model.stored import OWN

_WIDEST_VALUE = 40
_DIGESTS = frozenset(
    (ChangeKind.CODE, ChangeKind.DEP, ChangeKind.LOADER, ChangeKind.OUTPUT_ALTERED, ChangeKind.OBJECT_MISSING)
)
_SHOWN_KEYS = {ABSENT: "absent", PRESENT: "there", OWN: "the stage's own state"}


def shown_value(kind: ChangeKind, value: str) -> str:
    """A digest, value, version or state in a few characters; never the value of a variable."""
    if kind is ChangeKind.KEY:
        return _SHOWN_KEYS.get(value) or value.removeprefix("keys ")[:8]
    if kind in (ChangeKind.FILE, ChangeKind.ENVIRONMENT):
        return shown_state(value, "set" if kind is ChangeKind.ENVIRONMENT else PRESENT)
    if kind in _DIGESTS:
        return value[:8]
    line = " ".join(value.split())
    return line if len(line) <= _WIDEST_VALUE else line[: _WIDEST_VALUE - 1] + "…"


def shown_state(state: str, present: str = PRESENT) -> str:
    """The state of a file or variable: ``absent``, ``5995c853``, ``folder 5995c853``, ``made by the stage``.

    Args:
        present: the word for what is there and of which nothing more counts.
    """
    if state == PRESENT:
        return present
    if left_by_stage(state) is not None:
        return "absent, then made by the stage"
    if is_listing(state):
        return "folder " + state.partition(" ")[2][:8]
    return state if state in (ABSENT, FOLDER, UNREADABLE) or is_link(state) else state[:8]
