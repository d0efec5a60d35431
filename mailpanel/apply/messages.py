"""The pipe between courier and executor: a few typed messages, and nothing else.

On the wire a message is its length (four bytes, big-endian) and one JSON object
with the name of its type. What does not decode to exactly one of these types
raises :class:`ProtocolError`: the executor, which is root, trusts nothing more.
"""

from __future__ import annotations

import json
import struct
import types
from dataclasses import dataclass, field, fields
from typing import Any, get_args, get_origin, get_type_hints

from mailpanel.errors import ProtocolError
from mailpanel.letters import Letter
from mailpanel.plan import SmtpLogin
from mailpanel.reports import (
    ClearedFolder,
    Desired,
    Errand,
    ErrandAnswer,
    ErrandProgress,
    MasterLogIn,
    Report,
    Step,
)

__all__ = [
    "HEADER",
    "LONGEST",
    "ClearingClaimed",
    "ClearingDue",
    "ClearingTold",
    "ClearingUnderWay",
    "DesiredSettings",
    "Dispatch",
    "Dispatched",
    "Goodbye",
    "Hello",
    "LogInsKept",
    "LogInsSeen",
    "Message",
    "Present",
    "ProbeRequest",
    "ProbeResult",
    "decode",
    "encode",
]

HEADER = struct.Struct(">I")
LONGEST = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DesiredSettings:
    """To the executor: what is wanted of this host now, of every setting ever set."""

    settings: tuple[Desired, ...]


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """To the executor: how the probe *number* went; ``error`` is ``None`` where it works."""

    number: int
    error: str | None
    temporary: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Hello:
    """To the courier: this host is up, with these versions of its parts."""

    versions: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Present:
    """To the courier: what the admin's own configuration amounts to for *setting*."""

    setting: str
    value: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """To the courier: try this, without root's rights, for *patience* seconds at most.

    With *only_resolve* nothing is connected to: it is seen whether a server can be there.
    ``errand`` is the errand that it belongs to, 0 for none: somebody follows its steps.
    """

    number: int
    probe: SmtpLogin = field(repr=False)
    patience: int
    only_resolve: bool = False
    errand: int = 0


@dataclass(frozen=True, slots=True)
class Dispatch:
    """To the courier: send *letter* with the account of *login*, in *patience* seconds."""

    number: int
    login: SmtpLogin = field(repr=False)
    letter: Letter
    patience: int


@dataclass(frozen=True, slots=True)
class Dispatched:
    """To the executor: what became of the letter *number*; ``error`` is ``None`` where the server
    has taken it, ``of_letter`` says that it was the letter which was refused, not the account."""

    number: int
    error: str | None
    temporary: bool
    of_letter: bool


@dataclass(frozen=True, slots=True)
class LogInsSeen:
    """To the courier: these were with the master password; answered by :class:`LogInsKept`."""

    number: int
    log_ins: tuple[MasterLogIn, ...]


@dataclass(frozen=True, slots=True)
class LogInsKept:
    """To the executor: what was seen under *number* stands in the audit log."""

    number: int


@dataclass(frozen=True, slots=True)
class ClearingDue:
    """To the courier: may this host begin a run? Answered by :class:`ClearingClaimed`.

    ``day`` (RFC 3339) is the day that it is for by the schedule; one on request has none, but the
    number of its ``errand``.
    """

    number: int
    day: str | None
    errand: int


@dataclass(frozen=True, slots=True)
class ClearingClaimed:
    """To the executor: the ``run`` that it may begin for its question *number*; 0 for none.

    No more is said: what is deleted, and by what age, root knows by itself.
    """

    number: int
    run: int


@dataclass(frozen=True, slots=True)
class ClearingTold:
    """To the courier: how far a run is, or how it ended; ``error`` is ``None`` where it is well."""

    run: int
    ended: bool
    error: str | None
    says: str
    folders: tuple[ClearedFolder, ...]


@dataclass(frozen=True, slots=True)
class ClearingUnderWay:
    """To the courier: the run under way here, 0 for none; any other of this host is over."""

    run: int


@dataclass(frozen=True, slots=True)
class Goodbye:
    """To the courier: pass on what is left, and end."""


Message = (
    DesiredSettings
    | ProbeResult
    | Errand
    | Hello
    | Report
    | Present
    | ProbeRequest
    | ErrandProgress
    | Dispatch
    | Dispatched
    | ErrandAnswer
    | LogInsSeen
    | LogInsKept
    | ClearingDue
    | ClearingClaimed
    | ClearingTold
    | ClearingUnderWay
    | Goodbye
)
_TYPES: dict[str, type[Any]] = {each.__name__: each for each in get_args(Message)}


def encode(message: Message) -> bytes:
    """Return *message* as bytes for the wire."""
    data = {"type": type(message).__name__, **_plain(message)}
    body = json.dumps(data).encode("ascii")
    return HEADER.pack(len(body)) + body


def decode(body: bytes) -> Message:
    """Return the message in *body*, the bytes after the length.

    Raises :class:`ProtocolError` for anything else than exactly one message.
    """
    try:
        data = json.loads(body)
        kind = _TYPES[data.pop("type")]
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        raise ProtocolError("This is no message.") from None
    message: Message = _typed(kind, data)
    return message


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


def _typed(kind: Any, data: Any) -> Any:
    """Return *data* as *kind*, field by field, with exactly the types it names."""
    if hasattr(kind, "__dataclass_fields__"):
        hints = get_type_hints(kind)
        if not isinstance(data, dict) or data.keys() != hints.keys():
            raise ProtocolError(f"{kind.__name__} has other fields.")
        return kind(**{name: _typed(hint, data[name]) for name, hint in hints.items()})
    if get_origin(kind) is types.UnionType:
        return None if data is None else _typed(get_args(kind)[0], data)
    if get_origin(kind) is tuple:
        if not isinstance(data, list):
            raise ProtocolError("A list is missing.")
        return tuple(_typed(get_args(kind)[0], each) for each in data)
    if type(data) is not (get_origin(kind) or kind):
        raise ProtocolError("A field has another type.")
    return data
