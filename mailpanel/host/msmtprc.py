"""What an msmtprc says of its default account (msmtp(1), CONFIGURATION FILES)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

from mailpanel.errors import CheckFailed, Refused
from mailpanel.host import command
from mailpanel.host.words import own_words

__all__ = ["default_account", "password_of"]

UNSET = "(not set)"
TOLD = ("host", "port", "user", "tls", "tls_starttls")
_ACCOUNT = re.compile(r"^using account (.*) from ", re.MULTILINE)
# Even to tell of a file msmtp runs the commands in it, and takes its passwords into memory.
_COMMANDS = re.compile(rb"^[ \t]*(?:password|passwordeval|eval)\b.*", re.MULTILINE)
_LINE = re.compile(r"(\S+)[ \t]*(.*)")


def default_account(path: Path) -> Mapping[str, str]:
    """Return what msmtp makes of the default account in the file at *path*, without its password.

    By msmtp's own words, with its name as ``account``; empty where there is no file, or no
    default account in it. Raises :class:`CheckFailed` where msmtp cannot read the file.
    """
    if not path.exists():
        return {}
    try:
        text = _COMMANDS.sub(b"", path.read_bytes())
        with NamedTemporaryFile() as harmless:
            harmless.write(text)
            harmless.flush()
            argv = ["msmtp", "-C", harmless.name, "--pretend", "--", "nobody@localhost"]
            answer = command.run(argv)
    except OSError as error:
        raise CheckFailed(f"{path.name} cannot be looked at: {error.strerror}.") from None
    if answer.code != 0:
        if "account default not found" in answer.stderr:
            return {}
        said = own_words(answer.stderr).replace(Path(harmless.name).name, path.name)
        raise CheckFailed(f"msmtp cannot read its configuration: {said}.")
    told = dict(line.partition(" = ")[::2] for line in answer.stdout.split("\n"))
    name = _ACCOUNT.search(answer.stdout)
    if name is None or told.get("host", UNSET) == UNSET:
        return {}
    return {"account": name[1]} | {
        each: told[each] for each in TOLD if told.get(each, UNSET) != UNSET
    }


def password_of(path: Path, name: str) -> str:
    """Return the password that stands in the file at *path* for the account *name*.

    Raises :class:`Refused` where none does, as where a command tells it: that is not run.
    """
    accounts: dict[str, str | None] = {}
    defaults: str | None = None
    current = ""
    for line in path.read_text("utf-8", "surrogateescape").split("\n"):
        match = _LINE.fullmatch(line.strip(" \t\r"))
        if match is None or match[1].startswith("#"):
            continue
        word, rest = match[1], match[2]
        if word == "defaults":
            current, defaults = "", None
        elif word == "account":
            current, _, bases = (each.strip() for each in rest.partition(":"))
            known = [accounts.get(base.strip()) for base in bases.split(",") if base.strip()]
            accounts[current] = next((each for each in reversed(known) if each), defaults)
        elif word in ("password", "passwordeval"):
            found = _unquoted(rest) if word == "password" else None
            if current:
                accounts[current] = found
            else:
                defaults = found
    # A file without any account line is the account default.
    password = accounts.get(name, defaults)
    if not password:
        raise Refused(
            "The password of the default account does not stand in msmtprc itself. Save the "
            "setting with the password in place of adopting it."
        )
    return password


def _unquoted(text: str) -> str:
    # msmtp takes off the outermost pair, whatever is inside.
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
