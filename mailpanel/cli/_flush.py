"""mailpanel hosts flush: the mail that waits for the relay, tried now."""

from __future__ import annotations

from typing import Any

import click

from mailpanel.cli._base import config_option, deployment
from mailpanel.cli._services import local_author, open_database
from mailpanel.seal import Sealer
from mailpanel.services.errands import Errands
from mailpanel.services.hosts import Hosts
from mailpanel.services.wake import make_waker

__all__ = ["flush"]

RELAYHOST = "postfix_relayhost"
# A relay that does not answer takes as long, in seconds.
WAIT = 60


@click.command("flush")
@click.argument("host", required=False)
@config_option
@click.pass_context
def flush(ctx: click.Context, host: str | None) -> None:
    """Let HOST, or each mail host, try the mail that waits for the relay now.

    The host tries the relay first, as a test does: while that does not take mail, the
    mail is left waiting. Exit status 1 if a host leaves it so or does not answer.

    \b
    Example:
      mailpanel hosts flush mail1
    """
    author, options = local_author(), deployment()
    database = open_database(options)
    errands = Errands(
        database,
        Sealer(options.public_key_file),
        make_waker(database, options.wake_socket),
        check_interval=options.check_interval,
    )
    names = [each["name"] for each in Hosts(database).list()] if host is None else [host]
    # One ticket: a minute has not room for as many as there may be hosts.
    answers = errands.wait(errands.flush(RELAYHOST, names, author), WAIT)
    for answer in answers:
        click.echo(f"{answer['host']}: {_in_words(answer)}")
    if not answers:
        click.echo("No mail host has checked in yet; mailpanel apply does.")
    ctx.exit(0 if answers and all(each["ok"] for each in answers) else 1)


def _in_words(answer: dict[str, Any]) -> str:
    if not answer["done"]:
        return "It did not answer in time."
    told = answer["error"] or (answer["steps"][-1]["says"] if answer["steps"] else "Done.")
    return str(told)
