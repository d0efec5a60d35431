"""What a setting wants of a host, as frozen data: facts in, a plan out.

A setting's ``plan`` reads :class:`Facts` and answers a :class:`Plan`; the engine
in :mod:`mailpanel.host` carries it out. What a setting owned before and its new
plan no longer names is put back, so a reset is the empty plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "NO_DOVECOT",
    "NO_POSTFIX",
    "Adoption",
    "Change",
    "Check",
    "CountOld",
    "DovecotFacts",
    "DovecotSays",
    "Facts",
    "Folder",
    "Lookup",
    "MapEntries",
    "MapIsSilent",
    "MasterUser",
    "MsmtpFacts",
    "ParameterIs",
    "Plan",
    "PostfixFacts",
    "PostfixRelays",
    "PrependParameter",
    "Preview",
    "Probe",
    "SetParameter",
    "SetService",
    "SmtpLogin",
    "TransportsAreNamed",
    "WriteFile",
    "list_items",
]

NO_POSTFIX = (
    "There is no main.cf where mailpanel.postfix_config_directory says. Install the package "
    "postfix, or mend that option."
)
NO_DOVECOT = (
    "There is no dovecot.conf where mailpanel.dovecot_config_file says. Install the package "
    "dovecot-imapd, or mend that option."
)


def list_items(value: str) -> list[str]:
    """Return the items of a parameter that lists lookup tables; braces bind (DATABASE_README)."""
    items: list[str] = []
    depth, current = 0, ""
    for char in value:
        depth += (char == "{") - (char == "}")
        if depth <= 0 and char in ", \t\r\n":
            items.append(current)
            current = ""
        else:
            current += char
    return [item for item in [*items, current] if item]


@dataclass(frozen=True, slots=True)
class PostfixFacts:
    """What stands in Postfix on this host, without what mailpanel put there.

    ``parameters`` holds main.cf's explicit parameters as text, as ``postconf -n``
    shows them (postconf(1)), each with its value from before mailpanel where
    mailpanel owns it; what a probe needs of them is expanded. ``overrides`` holds
    master.cf's ``-o`` settings, keyed ``service/type/parameter`` as ``postconf -P``
    shows them. ``smtp_chroot`` is the chroot column of the ``smtp unix`` service (master(5)).
    ``sasl_mechanisms`` are those for which a SASL client plugin is installed.
    ``names`` are the names and addresses under which this host is its own
    mail server. ``maps_directory`` holds mailpanel's own lookup tables.
    """

    version: str
    queue_directory: str
    parameters: Mapping[str, str]
    overrides: Mapping[str, str]
    smtp_chroot: str
    database_type: str
    maps_directory: str
    sasl_mechanisms: frozenset[str]
    names: frozenset[str]
    ports: frozenset[int]

    def map(self, name: str) -> str:
        """Return how main.cf names mailpanel's own lookup table *name*."""
        return f"{self.database_type}:{self.maps_directory}/{name}"


@dataclass(frozen=True, slots=True)
class Folder:
    """A mailbox block of Dovecot's: its special uses (RFC 6154), and the age in seconds at
    which autoexpunge clears it, ``None`` where it does not."""

    special_use: frozenset[str] = frozenset()
    autoexpunge: float | None = None


@dataclass(frozen=True, slots=True)
class DovecotFacts:
    """What stands in Dovecot on this host, without what mailpanel put there.

    ``parameters`` holds what ``doveconf`` says at the top level (doveconf(1)), defaults
    too. ``inbox_namespace`` is the name of the namespace with ``inbox = yes``, ``None``
    where there is none; ``folders`` are the mailbox blocks in it by name. ``passdbs`` are
    the drivers of the password databases. ``directory`` holds mailpanel's own files,
    ``drop_ins`` its configuration; ``group`` is what Dovecot's processes read them by.
    ``inbox_prefix`` stands before the name of each folder in that namespace.
    """

    version: str
    parameters: Mapping[str, str]
    inbox_namespace: str | None
    folders: Mapping[str, Folder]
    directory: str
    drop_ins: str
    group: str
    passdbs: frozenset[str] = frozenset()
    inbox_prefix: str = ""

    @property
    def is_2_3(self) -> bool:
        """Say whether it wants the syntax of Dovecot 2.3; 2.4 has another."""
        major, minor = (int(part) for part in self.version.split(".")[:2])
        return (major, minor) < (2, 4)

    def drop_in(self, setting: str) -> str:
        """Return the path of *setting*'s own configuration file."""
        return f"{self.drop_ins}/99-mailpanel-{setting}.conf"


@dataclass(frozen=True, slots=True)
class MsmtpFacts:
    """What stands of msmtp on this host, without what mailpanel put there.

    ``path`` is where mailpanel's own msmtprc goes: the system's, or, where that one is
    the admin's (``admins_own``), one in ``directory``, which holds mailpanel's own files.
    ``account`` is what the admin's own file has as the default account, in its own words
    (``msmtp --pretend``), without the password.
    """

    version: str
    path: str
    directory: str
    admins_own: bool
    account: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a plan may depend on: one *part* of the host, and root's own bounds.

    The part is ``None`` where it is not installed. ``relay_allow``, ``relay_ports`` and
    ``master_allow_nets`` are bounds, empty is any; ``msmtp_group`` may read msmtprc.
    """

    host_name: str
    ca_file: str
    relay_allow: tuple[str, ...] = ()
    relay_ports: tuple[int, ...] = ()
    master_user: str = "master"
    master_enabled: bool = True
    master_allow_nets: tuple[str, ...] = ()
    msmtp_group: str = "mail"
    part: str = "postfix"
    postfix: PostfixFacts | None = None
    dovecot: DovecotFacts | None = None
    msmtp: MsmtpFacts | None = None


@dataclass(frozen=True, slots=True)
class Lookup:
    """Where a host finds the account of what stands there.

    For Postfix in the tables of the list *maps*, under the first of *keys* that is in one;
    for msmtp in its file, under the account's name.
    """

    maps: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Adoption:
    """What stands on a host as a value of a setting, its account aside.

    ``account`` tells where that is looked up, ``None`` where there is none.
    """

    value: Mapping[str, Any]
    account: Lookup | None = None


@dataclass(frozen=True, slots=True)
class SetParameter:
    """main.cf: *name* has *value*.

    ``lingers`` says that, once no plan wants it, it stays until the mail that is
    already on its way under it has gone; so for every change below.
    """

    name: str
    value: str
    lingers: bool = False


@dataclass(frozen=True, slots=True)
class PrependParameter:
    """main.cf: *item* stands first in the list *name*; the admin's items are kept."""

    name: str
    item: str
    lingers: bool = False


@dataclass(frozen=True, slots=True)
class SetService:
    """master.cf: a service of mailpanel's own, one logical line of *text* (master(5))."""

    name: str
    type: str
    text: str
    lingers: bool = False


@dataclass(frozen=True, slots=True)
class MapEntries:
    """mailpanel's own lookup table *name* holds *entries* (key, value).

    Every key must answer exactly its value when the staged table is read back.
    A key that no plan wants any more stays until the mail in flight has gone.
    """

    name: str
    entries: tuple[tuple[str, str], ...] = field(repr=False)
    lingers: bool = True


@dataclass(frozen=True, slots=True)
class WriteFile:
    """The file *path*, mailpanel's own, holds *content*, under *mode* and *group*.

    One that stands there and is not mailpanel's is never touched. ``counts`` says that
    by this file the change counts; one that does not is named by another that does.
    """

    path: str
    content: str = field(repr=False)
    mode: int = 0o644
    group: str = ""
    counts: bool = True


@dataclass(frozen=True, slots=True)
class MasterUser:
    """Dovecot's passwd-file *path*, mailpanel's own, has *name* as its only master user.

    *hash* is a Dovecot password with its scheme; *allow_nets* are the networks to log in
    from, empty for any; *separator* stands between mailbox and master user at log-in.
    Dovecot is seen to log in by the file as it shall be, or, once no plan wants it, to do
    so no longer; sessions that the master user opened under an earlier password are ended.
    """

    path: str
    name: str
    hash: str = field(repr=False)
    separator: str
    group: str
    allow_nets: tuple[str, ...] = ()


Change = SetParameter | PrependParameter | SetService | MapEntries | WriteFile | MasterUser


@dataclass(frozen=True, slots=True)
class SmtpLogin:
    """Probe: log in to an SMTP server as the daemon would, and send nothing.

    ``tls`` is ``starttls``, ``tls`` (from the start), ``may`` or ``none``; with
    ``verify`` the certificate must be valid for *hostname*. ``username`` and
    ``password`` are ``None`` where there is no account. ``mechanisms`` are those
    that the daemon itself could use, ``ca_option`` what names the CA file. One that does
    not ``decide`` only tells the finer steps, where another probe has the last word.
    ``largest`` is the largest message that may have to go there, in bytes; 0 for any.
    Where ``message_to`` is not empty, one message does go out, to that address.
    """

    hostname: str
    port: int
    tls: str
    verify: bool
    username: str | None
    password: str | None = field(repr=False)
    ca_file: str
    ca_path: str
    mechanisms: tuple[str, ...]
    helo: str
    ca_option: str = "mailpanel.ca_file"
    decides: bool = True
    largest: int = 0
    message_to: str = ""


@dataclass(frozen=True, slots=True)
class PostfixRelays:
    """Probe: Postfix itself goes to its relayhost, from the staged configuration, as far as
    naming a recipient, and sends nothing; but one message to ``message_to``, where that is
    not empty.

    ``hostname`` and ``port`` are the relay's, ``transport`` is the service of master.cf
    that goes there. ``username`` is ``None`` where there is no account; where it is an
    address it is the sender. ``ca_option`` is what names the CA file, *patience* how
    long it may take, in seconds.
    """

    hostname: str
    port: int
    transport: str
    username: str | None = None
    ca_option: str = "mailpanel.ca_file"
    patience: float = 90.0
    message_to: str = ""


Probe = SmtpLogin | PostfixRelays


@dataclass(frozen=True, slots=True)
class ParameterIs:
    """Verification: ``postconf -h`` answers *value* for *name* after the reload."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class MapIsSilent:
    """Check: no table of the admin's in the list *maps* has *key*, or another value there than
    *but*; else *sentence*."""

    maps: str
    key: str
    sentence: str
    but: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class TransportsAreNamed:
    """Check: no entry of the admin's tables in the list *maps* leaves its transport to the
    default, as ``:[host]:port`` does (transport(5)); else *sentence*, with the entry's key."""

    maps: str
    sentence: str


@dataclass(frozen=True, slots=True)
class DovecotSays:
    """Check: the staged configuration says *values*, and nothing else has changed in it.

    A key is the headers of the blocks and the parameter, as ``doveconf -n`` prints them:
    ``("namespace inbox", "mailbox Junk", "autoexpunge")``. A value of ``0`` may be missing;
    spans of time are compared as such.
    """

    values: tuple[tuple[tuple[str, ...], str], ...]


Check = MapIsSilent | TransportsAreNamed | DovecotSays


@dataclass(frozen=True, slots=True)
class CountOld:
    """Preview: what Dovecot would delete from *folder*, a mailbox block, after *days*.

    *mailbox* is its full name in a user's store, or a pattern as autoexpunge has it.
    """

    folder: str
    mailbox: str
    days: int


Preview = CountOld


@dataclass(frozen=True, slots=True)
class Plan:
    """All that one setting wants of one host; the empty plan is the reset.

    ``details`` is what the administrator should know of how it was done there, by name.
    ``previews`` are what a test of unsaved values counts, ``notes`` the steps of it that
    only say something, a sentence by the step's name.
    """

    changes: tuple[Change, ...] = ()
    checks: tuple[Check, ...] = ()
    probes: tuple[Probe, ...] = ()
    verifications: tuple[ParameterIs, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)
    previews: tuple[Preview, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
