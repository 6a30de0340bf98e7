"""The face of all drawing: a graph and the states of its stages as text, Mermaid, SVG, or a saved record."""

from pivot.core.lanes import dag_text
from pivot.core.mermaid import dag_mermaid
from pivot.core.record import record_html, record_text
from pivot.core.state import Progress, StageState, counts_text, state_after, state_of, state_word, summary
from pivot.core.svg import alt_text, dag_svg

__all__ = [
    "Progress",
    "StageState",
    "alt_text",
    "counts_text",
    "dag_mermaid",
    "dag_svg",
    "dag_text",
    "record_html",
    "record_text",
    "state_after",
    "state_of",
    "state_word",
    "summary",
]
