"""A look at the mail on its way to the relay: Postfix's log, its queue, and a flush."""

from __future__ import annotations

import re
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from mailpanel.errors import HostError
from mailpanel.host import command
from mailpanel.host.followed_log import FollowedFile, FollowedJournal
from mailpanel.host.postfix import Postfix
from mailpanel.host.relay_mail import Attempt, Hop, Tally, attempt_of, queued_of
from mailpanel.host.words import own_words

__all__ = ["Found", "RelayLook"]

# Of one listing: seconds, and messages. Whoever has more knows enough.
PATIENCE = 5.0
MOST_MESSAGES = 100_000
# Where each message was tried whose reason names no server; the newest count.
MOST_TRIED = 10_000
# What smtp(8) logs beside its reason: why it does not accept a certificate, or start TLS. At
# the place where it does: further on in a line stands what senders chose.
_WHY = re.compile(
    r"^[^\[\]]*/smtp\[[0-9]+\]: "
    r"(?:certificate verification failed for |warning: TLS library problem: .*wrong version number)"
)
MOST_WHY = 20
# Where syslog puts the mail facility, on Debian, Red Hat and SUSE.
SYSLOG = ("/var/log/mail.log", "/var/log/maillog", "/var/log/mail")
# sd_booted(3)
SYSTEMD = Path("/run/systemd/system")


@dataclass(frozen=True, slots=True)
class Found:
    """What a look has found: the *attempts* at a delivery since the last look, oldest first."""

    attempts: list[Attempt]
    why: list[str]
    """The lines of the log that say why a certificate is not accepted."""
    log: str | None
    """Which log was read: ``file`` or ``journal``; ``None`` where none can be read."""


class RelayLook:
    """Looks at the Postfix whose main.cf stands in *config_directory*, and changes nothing."""

    def __init__(self, config_directory: str) -> None:
        self._postfix = Postfix(config_directory)
        self._log: FollowedFile | FollowedJournal | None = None
        self._why: list[str] = []
        self._tried: dict[str, Hop] = {}

    def attempts(self) -> Found:
        """Return what was tried since the last look; the first one only marks the log's end."""
        kind, lines = self._new_lines()
        why = [line for line in lines if _WHY.search(line)][-MOST_WHY:]
        # Each comes before what it tells of, so perhaps in the last look.
        self._why, why = why, [*self._why, *why]
        attempts = [each for line in lines if (each := attempt_of(line)) is not None]
        for each in attempts:
            if each.hop is not None:
                self._tried.pop(each.queue_id, None)
                self._tried[each.queue_id] = each.hop
        for queue_id in list(self._tried)[:-MOST_TRIED]:
            del self._tried[queue_id]
        return Found(attempts, why, kind)

    def count(self, relay: Hop | None, older: Collection[Hop], since: float) -> tuple[Tally, bool]:
        """Count the mail that waits; say whether it is all.

        Raises :class:`HostError` where Postfix's queue cannot be listed.
        """
        tally = Tally(relay, older, self._tried, since)
        argv = self._postfix.argv("postqueue", "-j")
        lines = command.Lines(argv, "", time.monotonic() + PATIENCE)
        for number, line in enumerate(lines, 1):
            if (queued := queued_of(line)) is not None:
                tally.add(queued)
            if number >= MOST_MESSAGES:
                return tally, False
        if lines.code:
            raise HostError("Postfix's queue cannot be listed; postqueue -j shows why.")
        return tally, lines.code == 0

    def flush(self) -> None:
        """Let Postfix try all mail that waits, now; raises :class:`HostError` where it does not."""
        finished = command.run(self._postfix.argv("postqueue", "-f"))
        if finished.code != 0:
            raise HostError(f"Postfix does not try its mail: {own_words(finished.stderr)}.")

    def _new_lines(self) -> tuple[str | None, list[str]]:
        path = self._log_file()
        log = self._log
        if path is not None and not (isinstance(log, FollowedFile) and log.path == path):
            log = FollowedFile(path)
        elif path is None and not isinstance(log, FollowedJournal):
            log = FollowedJournal() if SYSTEMD.is_dir() else None
        if self._log is not None and log is not self._log:
            self._log.close()
        self._log = log
        if log is None:
            return None, []
        try:
            lines = log.new_lines()
        except HostError:
            return None, []
        if not log.readable:
            return None, []
        return ("file" if isinstance(log, FollowedFile) else "journal"), lines

    def _log_file(self) -> Path | None:
        """Return the file of the log; ``None`` where it is the journal that has it."""
        answer = command.run(self._postfix.argv("postconf", "-xh", "maillog_file"))
        named = answer.stdout.strip() if answer.code == 0 else ""
        if named.startswith("/"):
            return Path(named)
        if SYSTEMD.is_dir():
            return None
        return next((path for name in SYSLOG if (path := Path(name)).is_file()), None)
