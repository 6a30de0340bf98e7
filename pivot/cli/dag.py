"""``pivot dag``."""

import click

from pivot.cli.completion import targets_argument
from pivot.cli.opened import open_project
from pivot.cli.status import NO_STAGES


@click.command("dag")
@targets_argument
@click.option("--mermaid", is_flag=True, help="Write a Mermaid flowchart instead of text.")
def dag_command(targets: tuple[str, ...], mermaid: bool) -> None:
    """Draw how the stages depend on each other (TARGETS: only these and what they need)."""
    from pivot.core.render import dag_mermaid, dag_text  # lazy: start-up time

    with open_project() as project:
        graph = project.graph(targets)
    click.echo(dag_mermaid(graph, {}) if mermaid else dag_text(graph, {}) or NO_STAGES)
