"""mailpanel account: who may log in or call the API."""

from __future__ import annotations

import click

from mailpanel.cli._base import (
    ask_for_secret,
    config_option,
    deployment,
    echo_json,
    echo_table,
    read_secret,
)
from mailpanel.cli._services import local_author, open_database, require_account
from mailpanel.services.accounts import LEVELS, Accounts
from mailpanel.services.audit import Author
from mailpanel.services.leaked import Leaked
from mailpanel.services.second_factors import SecondFactors
from mailpanel.vault import Vault

__all__ = ["command"]

COLUMNS = ("username", "perm_level", "enabled", "api_access", "has_password", "created")


@click.group("account")
@config_option
def command() -> None:
    """Manage who may log in or call the API.

    \b
    Example:
      mailpanel account add alice --perm-level MasterAdmin
      mailpanel token create alice
    """


@command.command("add")
@click.argument("name")
@click.option("--perm-level", type=click.Choice(LEVELS), required=True, help="What it may do.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@config_option
def add(name: str, perm_level: str, password_stdin: bool) -> None:
    """Add an account. Without a password it calls the API with tokens alone.

    \b
    Example:
      mailpanel account add alice --perm-level MasterAdmin --password-stdin < password.txt
    """
    password = read_secret() if password_stdin else None
    accounts, author = _accounts_and_author()
    accounts.add(name, perm_level, password, author)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="For scripts: the same as JSON.")
@config_option
def list_(as_json: bool) -> None:
    """List the accounts.

    \b
    Example:
      mailpanel account list
    """
    accounts = Accounts(open_database()).list()
    if as_json:
        echo_json(accounts)
    else:
        echo_table(COLUMNS, accounts)


@command.command("passwd")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read it from standard input.")
@config_option
def passwd(name: str, password_stdin: bool) -> None:
    """Give an account a new password; it is asked for, twice.

    Whoever is logged in with the one before no longer is, and its tokens are revoked.

    \b
    Example:
      mailpanel account passwd alice
    """
    accounts, author = _accounts_and_author(name)
    password = read_secret() if password_stdin else ask_for_secret("New password")
    accounts.set_password(name, password, author)


@command.command("disable")
@click.argument("name")
@config_option
def disable(name: str) -> None:
    """Disable an account: its password opens nothing, its tokens are revoked.

    \b
    Example:
      mailpanel account disable alice
    """
    accounts, author = _accounts_and_author(name)
    accounts.set_enabled(name, False, author)


@command.command("enable")
@click.argument("name")
@config_option
def enable(name: str) -> None:
    """Enable an account again, with the password it had; its tokens are gone.

    \b
    Example:
      mailpanel account enable alice
    """
    accounts, author = _accounts_and_author(name)
    accounts.set_enabled(name, True, author)


@command.command("second-factor")
@click.argument("name")
@click.option("--remove", is_flag=True, help="Take it away: the password alone opens then.")
@config_option
def second_factor(name: str, remove: bool) -> None:
    """Tell whether an account has a second factor, or take it away.

    For whoever has lost both the phone and the recovery codes. Whoever is logged in with
    the account no longer is.

    \b
    Example:
      mailpanel account second-factor alice
      mailpanel account second-factor alice --remove
    """
    options, author = deployment(), local_author()
    database = open_database(options)
    require_account(database, name)
    factors = SecondFactors(database, Vault(options.web_key_file))
    if remove:
        factors.remove(name, author)
        return
    factor = factors.get(name)
    if factor is None:
        click.echo("none")
    else:
        click.echo(f"since {factor['created']}; recovery codes left: {factor['recovery_codes']}")


@command.command("remove")
@click.argument("name")
@config_option
def remove(name: str) -> None:
    """Remove an account with its tokens; what it did stays in the history.

    \b
    Example:
      mailpanel account remove alice
    """
    accounts, author = _accounts_and_author(name)
    accounts.remove(name, author)


def _accounts_and_author(existing: str | None = None) -> tuple[Accounts, Author]:
    """Return what a change needs; raises :class:`NotFound` where *existing* is no account."""
    # In this order: who asks is no longer known once root is given up.
    author, options = local_author(), deployment()
    leaked = Leaked(options.leaked_passwords)
    click.get_current_context().call_on_close(leaked.close)
    database = open_database(options)
    if existing is not None:
        require_account(database, existing)
    return Accounts(database, words=options.guessed_words, is_leaked=leaked.has), author
