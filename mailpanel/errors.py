"""The exceptions of mailpanel, as one tree.

MailpanelError
├── DeploymentError          a deployment option is wrong; the message names it
├── MalformedJson            a body that breaks the rules for JSON itself
├── InvalidFields            one or more fields of a value are wrong
├── NotFound                 no such object
├── Conflict                 the name is taken, or the last of its kind
├── PreconditionFailed       If-Match named another revision
├── BadCredentials           the username or the password is wrong
├── Throttled                too many bad credentials from one address
├── DatabaseAway             the database cannot be reached
├── SealError                a sealed secret does not open, or not for this destination
├── ProtocolError            what came through the pipe is not a message
└── HostError                the change cannot be made on this host
    ├── Refused              what stands on the host forbids the plan
    │   └── OutOfBounds      root's own options forbid it
    ├── CheckFailed          the staged configuration is wrong
    ├── ProbeFailed          the staged values do not work
    ├── ReloadFailed         a daemon did not take the new configuration
    ├── VerifyFailed         the daemon does not live with the new value
    ├── PutBackFailed        and the old configuration could not be put back
    └── Busy                 another process holds the host

The text of each is one sentence or two that an administrator can act on. None
ever holds a secret or a rejected value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mailpanel.words import joined

__all__ = [
    "BadCredentials",
    "Busy",
    "CheckFailed",
    "Conflict",
    "DatabaseAway",
    "DeploymentError",
    "FieldError",
    "HostError",
    "InvalidFields",
    "MailpanelError",
    "MalformedJson",
    "NotFound",
    "OutOfBounds",
    "PreconditionFailed",
    "ProbeFailed",
    "ProtocolError",
    "PutBackFailed",
    "Refused",
    "ReloadFailed",
    "SealError",
    "Throttled",
    "VerifyFailed",
]


class MailpanelError(Exception):
    """The root of all that mailpanel raises by itself."""


class DeploymentError(MailpanelError):
    """A deployment option is wrong or its surroundings are; the message names it."""


class MalformedJson(MailpanelError):
    """The body breaks the rules for JSON itself (RFC 8259, RFC 7493)."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: its name, and a sentence with the remedy."""

    field: str
    detail: str


class InvalidFields(MailpanelError):
    """One or more fields are wrong; ``errors`` holds them all."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__(joined(" ", (joined(": ", (each.field, each.detail)) for each in errors)))
        self.errors = errors


class NotFound(MailpanelError):
    """No such object."""


class Conflict(MailpanelError):
    """The name is taken, or the change would remove the last of its kind."""


class PreconditionFailed(MailpanelError):
    """The desired revision is not the one that the caller has seen."""


class BadCredentials(MailpanelError):
    """A username and password that open nothing; never why not."""


class Throttled(MailpanelError):
    """Too many bad credentials; ``retry_after`` is in seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DatabaseAway(MailpanelError):
    """The database cannot be reached.

    ``in_commit`` is true where the connection broke in the commit, so that
    nobody knows yet whether the change was stored. ``reason`` is the driver's own
    line, for whoever runs a command; no answer shows it.
    """

    def __init__(self, message: str, in_commit: bool = False, reason: str | None = None) -> None:
        super().__init__(message)
        self.in_commit = in_commit
        self.reason = reason


class SealError(MailpanelError):
    """A sealed secret does not open here, or was sealed for another destination."""


class ProtocolError(MailpanelError):
    """What came through the pipe between courier and executor is not a message."""


class HostError(MailpanelError):
    """A change cannot be made on this host; but for :class:`PutBackFailed` nothing has changed.

    ``temporary`` is true where trying the same value again later may help (a relay
    that does not answer, a configuration that the admin mends), false where it
    would do harm (a refused password: trying on locks the account).
    """

    def __init__(self, message: str, temporary: bool = True) -> None:
        super().__init__(message)
        self.temporary = temporary


class Refused(HostError):
    """What stands on the host forbids the plan; the message names it and the remedy."""


class OutOfBounds(Refused):
    """Root's own options on the host forbid the plan; the message names the option."""


class CheckFailed(HostError):
    """The staged configuration does not pass the daemons' own checks."""


class ProbeFailed(HostError):
    """The staged values do not work: the server cannot be reached, trusted or used.

    ``steps`` are those that the probe has gone through, as far as they are told.
    """

    def __init__(self, message: str, temporary: bool = True, steps: Sequence[Any] = ()) -> None:
        super().__init__(message, temporary)
        self.steps = steps


class ReloadFailed(HostError):
    """A daemon did not take the configuration that it was told to read."""


class VerifyFailed(HostError):
    """The daemon does not live with the new value."""


class PutBackFailed(HostError):
    """The change failed and so did putting the old configuration back."""


class Busy(HostError):
    """Another process holds the host's lock."""
