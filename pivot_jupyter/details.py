"""All that is known of one stage, for a page that asks."""

from pivot.core.render import StageState
from pivot.model.event import Outcome
from pivot.project import Project
from pivot_jupyter.failures import RECENT
from pivot_jupyter.protocol import Detail, Row, Why
from pivot_jupyter.session import Session
from pivot_jupyter.views import LOG_BYTES, params_of, paths_of, previews

_RUNS = 5  # so many of a stage's last runs are told of


def detail_of(session: Session, request: int, name: str, why: tuple[Why, ...], traceback: str) -> Detail:
    """What a page shows of a stage.

    Args:
        request: the number of the question.
        why: it would run.
        traceback: of its last execution.

    Raises:
        UsageError: there is no such stage.
    """
    project = session.project
    stage = project.graph().stage(name)
    deps, outs = paths_of(stage, project.root)
    return Detail(
        request=request,
        stage=name,
        why=why,
        params=params_of(stage),
        deps=deps,
        outs=outs,
        durations=durations(project, name),
        log=session.told(session.log(name)[-LOG_BYTES:]),
        traceback=traceback,
        previews=previews(stage.outs, project.root),
    )


def durations(project: Project, stage: str) -> tuple[Row, ...]:
    """When a stage was executed last, in the machine's own time, and how long it took; newest first."""
    rows = []
    for run in project.past_runs(RECENT):
        for end in run.stages:
            if end.stage == stage and end.outcome in (Outcome.RAN, Outcome.FAILED):
                when = f"{run.began.astimezone():%Y-%m-%d %H:%M}" if run.began is not None else ""
                rows.append(Row(when, StageState(end.outcome, seconds=end.seconds).phrase))
    return tuple(rows[:_RUNS])
