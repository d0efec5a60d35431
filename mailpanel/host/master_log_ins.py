"""Who has used the master password: read from Dovecot's log, each log-in once.

Up to where the log was read stands in root's own state. A log that was turned meanwhile is read
to its end first, as far as it stands beside the new one with .1 behind its name (logrotate(8)).
Where Dovecot tells syslog, systemd's journal is read as well.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from mailpanel.deployment import Deployment
from mailpanel.host import files
from mailpanel.host.dovecot import Dovecot
from mailpanel.host.dovecot_journal import DovecotJournal, has_journal
from mailpanel.host.master_sessions import LOGIN, WHO, logs, tells_syslog
from mailpanel.reports import MasterLogIn

__all__ = ["MasterLogIns"]

# Of one log at one look, in bytes, of which so many are in memory; what is left waits for the
# next. Whoever fills the log with failed log-ins would else put off what stands behind them.
LONGEST, CHUNK = 64 * 1024 * 1024, 4 * 1024 * 1024
MOST = 200
# What a clock may be wrong by, before a time without its year is taken for the last one's.
DAY = 86_400.0

_ADDRESS = re.compile(rb"\brip=([0-9A-Fa-f:.]+)")
_SESSION = re.compile(rb"\bsession=<[^<>\s]+>")
_TIME = re.compile(
    rb"(?P<iso>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9]{2}:?[0-9]{2}))"
    rb"|(?P<local>[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2})"
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Up to where a log was read: the file's inode, and how many bytes of it."""

    inode: int
    offset: int


class MasterLogIns:
    """The log-ins of the master user at the Dovecot of *deployment*."""

    def __init__(self, deployment: Deployment) -> None:
        self._dovecot = Dovecot(deployment.dovecot_config_file)
        self._master = deployment.master_user.encode()
        self._path = Path(deployment.state_directory, "ledger", "log-ins.json")
        self._next: dict[str, _Place] = {}
        self._journal = DovecotJournal(self._path.with_name("log-ins.cursor"))

    def new(self) -> list[MasterLogIn]:
        """Return those since :meth:`noted` was called last, the oldest first.

        Each has a ``line`` of its own by which it is known again, also in another log: syslog
        may write the same to several. Raises :class:`HostError`.
        """
        places = self._read()
        found: list[MasterLogIn] = []
        self._next = dict(places)
        parameters = self._dovecot.configuration().parameters
        paths = list(logs(parameters))
        # The log and the one before it.
        for old, path in zip(paths[::2], paths[1::2], strict=True):
            known = places.get(str(path))
            # The first time what stands there already is told as well: it has its time.
            known = known or _Place(_end(path).inode, 0)
            found += self._since(old, path, known, MOST - len(found))
        # Which of syslog's files is still written to nobody knows; the journal has it all.
        if tells_syslog(parameters) and has_journal():
            found += self._in_journal()
        return sorted({each.line: each for each in found}.values(), key=lambda each: each.at)

    def noted(self) -> None:
        """Take note that what :meth:`new` returned last is kept elsewhere."""
        self._journal.noted()
        if self._next != self._read():
            rows = {name: [place.inode, place.offset] for name, place in self._next.items()}
            state = files.read_state(self._path, mode=0o600)
            files.write(state.with_content(json.dumps(rows).encode() + b"\n"))

    def _read(self) -> dict[str, _Place]:
        with suppress(ValueError, TypeError, AttributeError):
            rows = json.loads(files.read_state(self._path).content or b"{}")
            return {name: _Place(*map(int, place)) for name, place in rows.items()}
        return {}

    def _in_journal(self) -> list[MasterLogIn]:
        lines = self._journal.new(b"=<%b>" % self._master)
        found = (self._log_in(line, mark) for line, mark in lines)
        return list(islice((each for each in found if each), MOST))

    def _since(self, old: Path, path: Path, known: _Place, most: int) -> list[MasterLogIn]:
        found: list[MasterLogIn] = []
        if _end(path).inode != known.inode:
            if _end(old).inode == known.inode:
                found += self._in(old, str(path), known, most)
                if self._next[str(path)].offset < _end(old).offset:
                    return found
            known = _Place(_end(path).inode, 0)
        elif _end(path).offset < known.offset:
            # It was emptied where it stands.
            known = _Place(known.inode, 0)
        return found + self._in(path, str(path), known, most - len(found))

    def _in(self, path: Path, name: str, known: _Place, most: int) -> list[MasterLogIn]:
        found: list[MasterLogIn] = []
        offset = known.offset
        for line in _lines(path, known):
            if len(found) >= most:
                break
            log_in = self._log_in(line, f"{known.inode}:{offset}")
            found += [log_in] if log_in else []
            offset += len(line)
        self._next[name] = _Place(known.inode, offset)
        return found

    def _log_in(self, line: bytes, mark: str) -> MasterLogIn | None:
        # Of very many lines few have the name at all.
        login = LOGIN.match(line) if b"=<%b>" % self._master in line else None
        who = login and WHO.search(login[2])
        if not login or not who or who[1] != self._master:
            return None
        address = _ADDRESS.search(login[2])
        if _SESSION.search(login[2]):
            # Nothing else has this line: the session's name has its time and port in it.
            mark = hashlib.sha256(line[login.start(1) :].rstrip()).hexdigest()[:32]
        return MasterLogIn(
            mailbox=_printable(login[1]),
            address=address[1].decode() if address else "",
            protocol="imap",
            at=_time(line),
            line=mark,
        )


def _end(path: Path) -> _Place:
    try:
        status = path.stat()
    except OSError:
        return _Place(0, 0)
    return _Place(status.st_ino, status.st_size)


def _lines(path: Path, known: _Place) -> Iterator[bytes]:
    """Yield the whole lines in the log after *known*, with what ends them."""
    with suppress(OSError), path.open("rb") as stream:
        stream.seek(known.offset)
        for _ in range(max(LONGEST // CHUNK, 1)):
            text = stream.read(CHUNK)
            whole = text[: text.rfind(b"\n") + 1]
            if not whole and len(text) < CHUNK:
                return
            # A line that never ends is skipped: nothing of Dovecot's is as long.
            whole = whole or text
            yield from whole.splitlines(keepends=True)
            stream.seek(len(whole) - len(text), os.SEEK_CUR)


def _printable(text: bytes) -> str:
    shown = text.decode("utf-8", "replace")[:255]
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in shown)


def _time(line: bytes) -> float:
    """Return when *line* was written, in seconds since the epoch; now, where it does not say."""
    now = time.time()
    match = _TIME.match(line)
    if match is None:
        return now
    with suppress(ValueError):
        if match["iso"]:
            return datetime.fromisoformat(match["iso"].decode()).timestamp()
        year = datetime.now(UTC).astimezone().year
        local = datetime.strptime(f"{year} {match['local'].decode()}", "%Y %b %d %H:%M:%S")
        stamp = local.astimezone().timestamp()
        return stamp if stamp <= now + DAY else local.replace(year=year - 1).timestamp()
    return now
