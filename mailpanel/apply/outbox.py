"""The outbox: mailpanel's own mails, kept by root until the server of the system mailer has them.

They wait in a file of root's own, with the account that was live when they were put there, its
password sealed as the database has it. When one is due the courier gets the account and
the letter, and nothing else. Why so: docs/decisions/0012-outbox.md.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mailpanel.apply.beliefs import believed
from mailpanel.apply.faults import log_frames, unforeseen
from mailpanel.apply.messages import Dispatch, Dispatched
from mailpanel.errors import MailpanelError
from mailpanel.host import files
from mailpanel.host.mailhost import Host
from mailpanel.host.state import Record
from mailpanel.letters import Letter, letter, sender_of
from mailpanel.reports import Desired
from mailpanel.seal import Opener
from mailpanel.settings.system_mailer import SystemMailer

__all__ = ["Outbox"]

log = logging.getLogger(__name__)

# Whatever asks for mails, there are never more of them.
MOST = 50
# In seconds: between two tries, from one to the next twice as long; until one is given up.
FIRST_PAUSE, LONGEST_PAUSE, LIFE = 60.0, 3600.0, 3 * 86_400.0
# How long the courier may be at one, and how much later its word may come.
PATIENCE, MARGIN = 60, 30.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A letter, and the account to try it with next; ``due`` is ``None`` where it waits for
    another account, else in seconds since the epoch."""

    letter: Letter
    account: Desired
    due: float | None
    tries: int = 0
    error: str = ""

    def due_in(self, now: float) -> float | None:
        """Return in how many seconds it is due; ``None`` where it waits for another account."""
        if self.due is None:
            return None
        wait = self.due - now
        # Longer than any pause: the clock went wrong when that was written down, and right since.
        return max(wait, 0.0) if wait <= LONGEST_PAUSE else 0.0


class Outbox:
    """The letters of the host *host_name* to *recipient*, empty for nobody.

    *dispatch* hands a letter to the courier, which answers later; see :meth:`done`.
    """

    def __init__(
        self,
        state_directory: str,
        recipient: str,
        host: Host,
        opener: Opener,
        dispatch: Callable[[Dispatch], None],
        *,
        host_name: str,
    ) -> None:
        self._path = Path(state_directory, "ledger", "outbox.json")
        self._recipient = recipient
        self._host = host
        self._host_name = host_name
        self._opener = opener
        self._dispatch = dispatch
        self._mailer = SystemMailer()
        self._number = 0
        self._under_way: tuple[int, str, float] | None = None
        self._refused = ""
        self._account, self._waiting = self._read()

    @property
    def problem(self) -> str | None:
        """Return what keeps a mail from going out, in sentences; ``None`` where nothing does."""
        failing = [each for each in self._waiting if each.error]
        if not failing:
            return self._refused or None
        count = f"{len(failing)} system mail{'s' if len(failing) > 1 else ''}"
        until = "until the account is set anew" if failing[0].due is None else "and is tried again"
        return f"{count} could not be sent; it waits {until}. {failing[0].error}"

    @property
    def is_sending(self) -> bool:
        """Say whether the courier has a letter, of which it is not known whether it is taken."""
        return self._under_way is not None

    def put(self, subject: str, text: str) -> None:
        """Have a mail of one paragraph *text* sent; one that cannot be is told to the log.

        The very same one is not put there twice.
        """
        account = self._account
        if not self._recipient:
            log.warning("not mailed, mailpanel.alert_address is not set: %s", subject)
        elif account is None or account.value is None:
            log.warning("not mailed, no system mailer is live on this host: %s", subject)
        elif len(self._waiting) >= MOST:
            log.error("not mailed, %d mails wait already: %s", MOST, subject)
        else:
            sender = sender_of(account.value.get("username"), self._host_name)
            new = letter(sender, self._recipient, subject, text)
            if not any(_says(each.letter) == _says(new) for each in self._waiting):
                self._keep([*self._waiting, _Waiting(new, account, new.date)])

    def follow(self, wanted: Desired, record: Record) -> None:
        """Take the account over that is live: *wanted*, where *record* says so."""
        if not record.live:
            self._forget_account()
        elif wanted.revision == record.live and not wanted.reset and wanted != self._account:
            # The one to try it with stays: whoever has changed the account may not want the
            # mail that says so to arrive. After a failure it is the new one's turn.
            now = time.time()
            self._account, self._refused = wanted, ""
            self._keep([_with(each, wanted, now) for each in self._waiting])

    def _forget_account(self) -> None:
        if self._account is not None:
            self._account = None
            for each in self._waiting:
                log.warning(
                    "not mailed, no system mailer is live any more: %s", each.letter.subject
                )
            self._keep([])

    def due_in(self) -> float | None:
        """Return in how many seconds :meth:`run` has something to do; ``None`` for never."""
        if self._under_way is not None:
            return max(self._under_way[2] - time.monotonic(), 0.0)
        now = time.time()
        waits = [wait for each in self._waiting if (wait := each.due_in(now)) is not None]
        return min(waits, default=None)

    def run(self) -> None:
        """Hand the letter that is due to the courier, one at a time."""
        if self._under_way is not None:
            if time.monotonic() < self._under_way[2]:
                return
            self.lost()
        now = time.time()
        for each in self._waiting:
            if each.due_in(now) == 0.0:
                self._begin(each)
                return

    def _begin(self, waiting: _Waiting) -> None:
        try:
            facts = self._host.facts(self._mailer.part)
            value, secret = believed(self._opener, self._mailer, waiting.account)
            login = self._mailer.login(value, secret, facts)
        except MailpanelError as error:
            self._failed(waiting, str(error), temporary=True)
            return
        except Exception as error:  # noqa: BLE001 (a mail must not stop the service)
            log_frames(error)
            self._failed(waiting, str(unforeseen(error)), temporary=True)
            return
        self._number += 1
        message_id = waiting.letter.message_id
        self._under_way = self._number, message_id, time.monotonic() + PATIENCE + MARGIN
        self._dispatch(Dispatch(self._number, login, waiting.letter, PATIENCE))

    def done(self, said: Dispatched) -> None:
        """Take what became of the letter *said* is about."""
        if self._under_way is None or self._under_way[0] != said.number:
            return
        waiting = self._of(self._under_way[1])
        self._under_way = None
        if waiting is None:
            return
        if said.error is None:
            self._refused = ""
            # Written down first: who reads in the log that it is mailed finds it there no more.
            self._keep([each for each in self._waiting if each is not waiting])
            log.info("mailed: %s", waiting.letter.subject)
        elif said.of_letter and not said.temporary:
            # The account is right; nothing makes this server take this letter.
            self._refused = f"A system mail was refused. {said.error}"
            self._give_up(waiting, said.error)
        else:
            self._failed(waiting, said.error, temporary=said.temporary)

    def lost(self) -> None:
        """Take that there is no word on the letter under way, for the courier has gone.

        It is sent once more, with the same Message-ID: a second copy is better than none.
        """
        waiting = self._of(self._under_way[1]) if self._under_way else None
        self._under_way = None
        if waiting is not None:
            self._failed(waiting, "It is not known whether it was sent.", temporary=True)

    def _failed(self, waiting: _Waiting, error: str, *, temporary: bool) -> None:
        now = time.time()
        if now - waiting.letter.date > LIFE:
            self._give_up(waiting, error)
            return
        log.error("not mailed yet: %s: %s", waiting.letter.subject, error)
        present = self._account or waiting.account
        pause = min(FIRST_PAUSE * 2 ** min(waiting.tries, 10), LONGEST_PAUSE)
        # A password that is refused is not sent again: it locks accounts.
        due = now + pause if temporary else None if present == waiting.account else now
        failed = replace(waiting, account=present, due=due, tries=waiting.tries + 1, error=error)
        self._keep([failed if each is waiting else each for each in self._waiting])

    def _give_up(self, waiting: _Waiting, error: str) -> None:
        log.error("not mailed, given up: %s: %s", waiting.letter.subject, error)
        self._keep([each for each in self._waiting if each is not waiting])

    def _of(self, message_id: str) -> _Waiting | None:
        of_it = (each for each in self._waiting if each.letter.message_id == message_id)
        return next(of_it, None)

    def _read(self) -> tuple[Desired | None, list[_Waiting]]:
        content = files.read_state(self._path).content
        if content is None:
            return None, []
        try:
            kept = json.loads(content)
            account = Desired(**kept["account"]) if kept["account"] else None
            return account, [_as_waiting(row) for row in kept["waiting"]]
        except (ValueError, TypeError, KeyError):
            # No reason for the host to stand still; a letter's words may be mended by hand.
            aside = self._path.with_name(f"{self._path.name}.damaged")
            self._path.replace(aside)
            log.error("%s is damaged; the mails that waited there were not sent.", aside)
            return None, []

    def _keep(self, waiting: list[_Waiting]) -> None:
        """Store *waiting* and the account; on a full disk it counts while this process runs."""
        self._waiting = waiting
        account = asdict(self._account) if self._account else None
        kept = {"account": account, "waiting": [asdict(each) for each in waiting]}
        state = files.read_state(self._path, mode=0o600)
        try:
            files.write(state.with_content(json.dumps(kept, indent=1).encode() + b"\n"))
        except OSError as error:
            log.error("the outbox cannot be written down: %s", error.strerror)


def _with(waiting: _Waiting, account: Desired, now: float) -> _Waiting:
    """Return *waiting* to be tried with *account* now, where it waits for another one."""
    return replace(waiting, account=account, due=now) if waiting.due is None else waiting


def _says(wanted: Letter) -> tuple[str, str]:
    return wanted.subject, wanted.text


def _as_waiting(row: dict[str, Any]) -> _Waiting:
    known = {"letter": Letter(**row["letter"]), "account": Desired(**row["account"])}
    return _Waiting(**row | known)
