"""`lossreg schema`: print the JSON Schema of configs, for editors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Print the JSON Schema of configs, with the parameters of every installed plugin. An editor with a YAML "
        "language server uses it in files that begin with: # yaml-language-server: $schema=PATH"
    )
    command = commands.add_parser(
        "schema", help="print the JSON Schema of configs, for editors", description=description
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:  # noqa: ARG001  it has no options
    """Print the schema."""
    import json

    from lossreg.experiment.config.json_schema import schema

    print(json.dumps(schema(), indent=2))
