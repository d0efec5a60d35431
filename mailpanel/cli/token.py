"""mailpanel token: the tokens that API clients use."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from mailpanel.cli._base import config_option, echo_json, echo_table
from mailpanel.cli._services import local_author, open_database, require_account
from mailpanel.errors import NotFound
from mailpanel.services.tokens import Tokens

__all__ = ["command"]

COLUMNS = ("id", "account", "name", "read_only", "settings", "networks", "expires", "last_used")


@click.group("token")
@config_option
def command() -> None:
    """Manage the tokens that API clients use in place of a password.

    \b
    Example:
      token=$(mailpanel token create alice)
      curl -u alice:$token http://127.0.0.1:8080/api/v1/settings/
    """


@command.command("create")
@click.argument("account")
@click.option("--name", default="", metavar="TEXT", help="What it is for.")
@click.option("--read-only", is_flag=True, help="It can look, not change.")
@click.option("--setting", "settings", multiple=True, metavar="S", help="Only this setting.")
@click.option("--network", "networks", multiple=True, metavar="CIDR", help="Only from there.")
@click.option(
    "--expires",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    metavar="DATE",
    help="Until then, in UTC, like 2027-01-31 or 2027-01-31T12:00:00.",
)
@config_option
def create(
    account: str,
    *,
    name: str,
    read_only: bool,
    settings: tuple[str, ...],
    networks: tuple[str, ...],
    expires: datetime | None,
) -> None:
    """Print a new token of ACCOUNT, alone. It cannot be shown again.

    \b
    Example:
      mailpanel token create alice --name monitoring --read-only --network 192.0.2.0/24
    """
    author, database = local_author(), open_database()
    require_account(database, account)
    token = Tokens(database).create(
        account,
        name,
        read_only,
        settings,
        networks,
        expires=expires.replace(tzinfo=UTC) if expires else None,
        author=author,
    )
    click.echo(token)


@command.command("list")
@click.argument("account", required=False)
@click.option("--json", "as_json", is_flag=True, help="For scripts: the same as JSON.")
@config_option
def list_(account: str | None, as_json: bool) -> None:
    """List the tokens of ACCOUNT, or of all; never the tokens themselves.

    \b
    Example:
      mailpanel token list alice
    """
    database = open_database()
    if account is not None:
        require_account(database, account)
    tokens = Tokens(database).list(account)
    if as_json:
        echo_json(tokens)
    else:
        echo_table(COLUMNS, tokens)


@command.command("revoke")
@click.argument("token_id", metavar="ID", type=int)
@config_option
def revoke(token_id: int) -> None:
    """Revoke the token with this ID (see list): it opens nothing any more.

    \b
    Example:
      mailpanel token revoke 3
    """
    author = local_author()
    try:
        Tokens(open_database()).revoke(token_id, author)
    except NotFound:
        raise NotFound(
            f"There is no token with ID {token_id}; mailpanel token list shows all."
        ) from None
