"""imap_master_password: a generated password that opens any mailbox, by IMAP alone.

A master user of Dovecot's (doc.dovecot.org, authentication with master users) inside
``protocol imap``: at the top level it would also pass for submission, so it would send
mail as anybody. Why each line is as it is: docs/decisions/0005-dovecot-and-msmtp-files.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import colander
from argon2.low_level import Type, hash_secret

from mailpanel.errors import FieldError, InvalidFields, OutOfBounds, Refused
from mailpanel.plan import DovecotFacts, DovecotSays, Facts, MasterUser, Plan, WriteFile
from mailpanel.schema import Null, Object
from mailpanel.settings._core import Setting
from mailpanel.settings._dovecot import quoted, require_dovecot
from mailpanel.words import _

__all__ = ["ImapMasterPassword"]

# Five bits a letter, none that is taken for another: 35 letters are 175 bits.
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
GROUPS, GROUP = 7, 5
# OWASP's minimum for Argon2id, which Dovecot verifies in some 70 ms.
TIME_COST, MEMORY_COST, SALT = 2, 19 * 1024, 16
HASH = re.compile(
    rf"\{{ARGON2ID\}}\$argon2id\$v=19\$m={MEMORY_COST},t={TIME_COST},p=1"
    r"\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}"
)
SEPARATOR = "*"
FILE = "master-users"
# By them the sessions that the master user opened are found in Dovecot's log.
LOGGED_2_3 = ("mpid=%e", "auth_user=<%{auth_user}>")
LOGGED_2_4 = ("mpid=%{mail_pid}", "auth_user=<%{auth_user}>")

# A mailbox is looked up without its password once the master user's was right.
WITHOUT_LOOKUP = {"pam", "bsdauth"}

SayList = list[tuple[tuple[str, ...], str]]


class MasterPasswordSchema(colander.MappingSchema):
    """What a request for a new password may hold: nothing."""

    schema_type = Object

    null = colander.SchemaNode(
        Null(),
        missing=colander.drop,
        title=_("Nothing"),
        description=_("The password is generated; there is nothing to send."),
    )


class ImapMasterPassword(Setting):
    """See the module; what is stored is the hash alone."""

    name = "imap_master_password"
    part = "dovecot"
    title = _("IMAP master password")
    description = _("A generated password that opens any mailbox by IMAP, and sends no mail.")
    unset = _("There is no master password: only its owner opens a mailbox.")
    schema = MasterPasswordSchema
    generates = True
    withdrawn = True
    example: ClassVar[Mapping[str, Any]] = {"null": None}

    def in_words(self, value: Mapping[str, Any] | None) -> str:
        return _("A master password opens any mailbox by IMAP. Nobody can send mail with it.")

    def generate(self, random: Callable[[int], bytes]) -> tuple[str, dict[str, Any]]:
        letters = "".join(LETTERS[byte % len(LETTERS)] for byte in random(GROUPS * GROUP))
        password = "-".join(letters[at : at + GROUP] for at in range(0, len(letters), GROUP))
        argon2 = hash_secret(
            password.encode(), random(SALT), TIME_COST, MEMORY_COST, 1, 32, Type.ID
        )
        return password, {"hash": f"{{ARGON2ID}}{argon2.decode()}"}

    def shown(self, value: Mapping[str, Any]) -> dict[str, Any] | None:
        return None

    def believed(self, value: Mapping[str, Any], secret: str | None) -> dict[str, Any]:
        stored = value.get("hash")
        if value.keys() != {"hash"} or not isinstance(stored, str) or not HASH.fullmatch(stored):
            raise InvalidFields([FieldError("hash", _("This is no hash that mailpanel made."))])
        return {"hash": stored}

    def alert(self, value: Mapping[str, Any]) -> str:
        return "A new master password opens every mailbox by IMAP."

    def plan(self, value: Mapping[str, Any], secret: str | None, facts: Facts) -> Plan:
        dovecot = require_dovecot(facts)
        if not facts.master_enabled:
            raise OutOfBounds(
                "This host accepts no IMAP master password: mailpanel.master_enabled is false."
            )
        if dovecot.passdbs and dovecot.passdbs <= WITHOUT_LOOKUP:
            raise Refused(
                "Dovecot asks PAM alone for passwords, and PAM cannot be asked about a mailbox "
                "whose password nobody gives: a master user would get into none. Add a second "
                "passdb after it: `passdb { driver = passwd }`, in Dovecot 2.4 `passdb passwd { }`."
            )
        separator = dovecot.parameters.get("auth_master_user_separator") or SEPARATOR
        path = f"{dovecot.directory}/{FILE}"
        text, says = _drop_in(dovecot, path)
        master = MasterUser(
            path,
            facts.master_user,
            value["hash"],
            separator,
            dovecot.group,
            facts.master_allow_nets,
        )
        login = f"user@example.net{separator}{facts.master_user}"
        return Plan(
            changes=(master, WriteFile(dovecot.drop_in(self.name), self.notice() + text)),
            checks=(DovecotSays(tuple(says)),),
            details={"log_in_as": login},
            notes={"log in": _how(dovecot, login, facts.master_allow_nets)},
        )

    def read(self, facts: Facts) -> dict[str, Any] | None:
        return None


def _how(dovecot: DovecotFacts, login: str, allow_nets: tuple[str, ...]) -> str:
    where = f"from {', '.join(allow_nets)} alone" if allow_nets else "from any network"
    return (
        f"Dovecot {dovecot.version} can do this, and other log-ins stay as they are. The "
        f"mailbox user@example.net opens by IMAP as {login}, with the generated password, "
        f"{where}. The same log-in sends no mail."
    )


def _drop_in(dovecot: DovecotFacts, path: str) -> tuple[str, SayList]:
    """Return the drop-in's text, and what the configuration says with it."""
    text, says = "", SayList()
    if not dovecot.parameters.get("auth_master_user_separator"):
        text += f"auth_master_user_separator = {SEPARATOR}\n"
        says.append((("auth_master_user_separator",), SEPARATOR))
    passdb, where = (
        ("passdb", "args") if dovecot.is_2_3 else ("passdb mailpanel", "passwd_file_path")
    )
    values = {
        "driver": "passwd-file",
        where: path,
        "master": "yes",
        # Else the target's own passdb is never asked, and Dovecot answers "Internal error".
        "result_success": "continue",
    }
    lines = "".join(f"    {name} = {value}\n" for name, value in values.items())
    text += f"protocol imap {{\n  {passdb} {{\n{lines}  }}\n}}\n"
    says += [(("protocol imap", passdb, name), value) for name, value in values.items()]
    own = dovecot.parameters.get("login_log_format_elements", "")
    logged = LOGGED_2_3 if dovecot.is_2_3 else LOGGED_2_4
    missing = [each for each in logged if each not in own.split()]
    if missing:
        elements = " ".join([own, *missing]).strip()
        text += f"login_log_format_elements = {quoted(elements)}\n"
        says.append((("login_log_format_elements",), elements))
    return text, says
