"""Ending the IMAP sessions that a master user opened: they outlive the password.

doveadm(1) can only kick all sessions of a mailbox. Dovecot's log has, for each log-in, the
process that serves it and who logged in; a process that the log does not tell of is ended
as well: its client logs in again.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path

from mailpanel.errors import HostError
from mailpanel.host.daemon import children, wait_for
from mailpanel.host.doveconf import seconds
from mailpanel.host.dovecot import Dovecot
from mailpanel.host.dovecot_journal import has_journal, lines_since
from mailpanel.host.unread import started

__all__ = ["LOGIN", "WHO", "end_sessions", "end_sessions_of_undone", "logs", "tells_syslog"]

log = logging.getLogger(__name__)

# Where syslog puts it, for a Dovecot without a log file of its own.
SYSLOG = ("/var/log/mail.log", "/var/log/mail.info", "/var/log/maillog", "/var/log/syslog")
# What is read of a log, from its end; as much again of the one before it.
LONGEST_LOG = 64 * 1024 * 1024
# A session that begins now has its line in the log by then.
MOMENT = 0.5
# How long a session may take to end when it is told to, in seconds; then it is not asked.
PATIENCE = 5.0
# Dovecot looks at the file of the passwords once a second.
LOOK = 1.2

# At the place where Dovecot itself writes it (2.3, 2.4; with a log file, with syslog): further
# on in a line stands what clients chose, such as the name of a log-in that failed.
LOGIN = re.compile(
    rb"^[^(=<\[]*(?:\[[0-9]+\]: )?imap-login: (?:Info: )?(?:Login|Logged in): user=<([^>]*)>(.*)"
)
_PROCESS = re.compile(rb"\bmpid=([0-9]+)\b")
WHO = re.compile(rb"\b(?:auth_user|master_user|master)=<([^>]*)>")


def end_sessions(dovecot: Dovecot, master: str) -> None:
    """End every IMAP session that the master user *master* opened, and no other one.

    They have ended then: whoever is told so may rely on it.

    Where several sessions share a process, or sleep outside of one, all sessions of the
    mailboxes that the master user opened are ended.
    """
    parameters = dovecot.configuration().parameters
    pid = dovecot.master_pid(parameters["base_dir"])
    if pid is None:
        return
    sleeps = bool(seconds(parameters["imap_hibernate_timeout"]))
    living = set(children(pid, "imap"))
    # Of a session that sleeps nobody knows when it began.
    known = _log_ins(parameters, {pid} if sleeps else living)
    if living - known.keys():
        time.sleep(MOMENT)
        known = _log_ins(parameters, {pid} if sleeps else living)
        living = set(children(pid, "imap"))
    name = master.encode()
    ended = [each for each in living if name in known.get(each, {name: b""})]
    _end(pid, ended)
    if sleeps:
        for mailbox in {who[name] for who in known.values() if name in who}:
            dovecot.kick(mailbox.decode("utf-8", "surrogateescape"))
    if ended:
        log.info("%d sessions of the master user were ended", len(ended))


def _end(pid: int, ended: Collection[int]) -> None:
    """End those of the master process *pid*, the gentle way first, and see them gone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for each in children(pid, "imap").intersection(ended):
            with suppress(ProcessLookupError):
                os.kill(each, number)
        if wait_for(lambda: children(pid, "imap").isdisjoint(ended), PATIENCE):
            return


def end_sessions_of_undone(dovecot: Dovecot, masters: Collection[str]) -> None:
    """End the sessions of *masters*, whose passwords are those of before again.

    The other ones have counted for a moment, and count until Dovecot sees that they are gone.
    """
    parameters = dovecot.configuration().parameters if masters else {}
    if masters and dovecot.master_pid(parameters["base_dir"]) is not None:
        time.sleep(LOOK)
        dovecot.forget_passwords()
        for name in sorted(masters):
            end_sessions(dovecot, name)


def _log_ins(parameters: Mapping[str, str], pids: Collection[int]) -> dict[int, dict[bytes, bytes]]:
    """Return who logged in, and to which mailbox, by the process that serves it.

    The journal is read from when the oldest of the processes *pids* began.
    """
    found: dict[int, dict[bytes, bytes]] = {}
    for line in chain(_in_files(parameters), _in_journal(parameters, pids)):
        login = LOGIN.search(line)
        process = login and _PROCESS.search(login[2])
        who = login and WHO.search(login[2])
        if login and process and who:
            found.setdefault(int(process[1]), {})[who[1]] = login[1]
    return found


def _in_files(parameters: Mapping[str, str]) -> Iterator[bytes]:
    for path in logs(parameters):
        yield from _tail(path).split(b"\n")


def _in_journal(parameters: Mapping[str, str], pids: Collection[int]) -> list[bytes]:
    starts = [start for pid in pids if (start := started(pid)) is not None]
    if not starts or not tells_syslog(parameters) or not has_journal():
        return []
    try:
        return lines_since(min(starts) - 1, b"mpid=")
    except HostError as error:
        # All are ended then whose log-ins stand in no file.
        log.warning("who is logged in is not known: %s", error)
        return []


def logs(parameters: Mapping[str, str]) -> Iterator[Path]:
    """Yield where Dovecot logs who logs in, before each the one that it was turned to."""
    for name in SYSLOG if tells_syslog(parameters) else (_own_log(parameters),):
        yield Path(f"{name}.1")
        yield Path(name)


def tells_syslog(parameters: Mapping[str, str]) -> bool:
    """Say whether Dovecot has no log file of its own (its setting ``log_path``)."""
    return _own_log(parameters) in ("", "syslog")


def _own_log(parameters: Mapping[str, str]) -> str:
    return parameters["info_log_path"] or parameters["log_path"]


def _tail(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(size - LONGEST_LOG, 0))
            return stream.read()
    except OSError:
        return b""
