"""mailpanel openapi: the description of the API."""

from __future__ import annotations

import click

from mailpanel.cli._base import config_option, echo_json
from mailpanel.openapi import document

__all__ = ["command"]


@click.command("openapi")
@config_option
def command() -> None:
    """Print the OpenAPI 3.1 description of the API, as GET /api/v1/openapi.json answers it.

    \b
    Example:
      mailpanel openapi > openapi.json
    """
    echo_json(document())
