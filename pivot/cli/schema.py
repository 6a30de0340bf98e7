"""``pivot schema``."""

import json

import click


@click.command("schema")
def schema_command() -> None:
    """Write the JSON schema of pivot.yaml, by which editors complete and check it.

    For example: pivot schema > .pivot/schema.json, and as the first line of pivot.yaml:

      # yaml-language-server: $schema=.pivot/schema.json
    """
    from pivot.config.pivotschema import json_schema  # lazy: start-up time

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
