"""Postfix as a part of the host: its ledger, and the mail that is in flight."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from mailpanel.deployment import Deployment
from mailpanel.errors import Refused, VerifyFailed
from mailpanel.host import files
from mailpanel.host.change import Change, snapshot
from mailpanel.host.compose import Tree, compose, settle
from mailpanel.host.daemon import Daemon, children, wait_for
from mailpanel.host.in_flight import InFlight
from mailpanel.host.journal import Journal
from mailpanel.host.ledger import Ledger
from mailpanel.host.part import Part, Work
from mailpanel.host.postfix import QUEUE_MANAGERS, Postfix
from mailpanel.host.unread import started, unread_edits
from mailpanel.plan import NO_POSTFIX, Facts, Lookup, Plan, PostfixFacts, list_items

__all__ = ["PostfixPart"]

# Two looks at the queue, this many seconds apart, must both find a message gone.
LOOKS_APART = 2.0
# How long an undo waits for them at most: a message may hang on a relay for many minutes.
DRAIN, DRAIN_LOOK = 5.0, 0.1


class PostfixPart(Part):
    """One Postfix instance."""

    name = "postfix"

    def __init__(self, deployment: Deployment) -> None:
        self._ledger_path = Path(deployment.state_directory, "ledger", "postfix.json")
        self._postfix = Postfix(deployment.postfix_config_directory)
        self._in_flight = InFlight(LOOKS_APART)
        self._ran: Daemon | None = None

    def facts(self, *, standing: bool = False) -> PostfixFacts | None:
        return self._postfix.facts(Ledger() if standing else self._ledger())

    def account(self, lookup: Lookup) -> tuple[str, str] | None:
        value = self._postfix.values((lookup.maps,))[lookup.maps]
        tables = list_items(self._postfix.expanded(value))
        for key in lookup.keys:
            for table in tables:
                found = self._postfix.query(table, key)
                if found is not None:
                    # Postfix splits at the first colon (smtp_sasl_glue.c).
                    username, _, password = found.partition(":")
                    return username, password
        return None

    def unread_edits(self) -> str | None:
        pid = self._pid()
        # With each reload master(8) starts the queue manager anew, and else never.
        loaded = [started(each) for each in children(pid, *QUEUE_MANAGERS)] if pid else []
        files = (self._postfix.main_cf, self._postfix.master_cf)
        return unread_edits("Postfix", files, max((each for each in loaded if each), default=None))

    def owned(self, setting: str) -> list[str]:
        return self._ledger().owned(setting)

    def leaving(self, setting: str | None = None) -> bool:
        return self._ledger().leaving(setting)

    def work(self, setting: str, plan: Plan, facts: Facts, *, over_edits: bool = False) -> Work:
        return self._compose(
            plan, facts.postfix, lambda tree, ledger: compose(tree, ledger, setting, plan)
        )

    def settling(self) -> Work | None:
        queue = self._postfix.queue_directory()
        if self._postfix.master_pid(queue) is None:
            return None
        if not self._in_flight.has_gone(self._postfix.in_flight(queue), time.monotonic()):
            return None
        return self._compose(Plan(), self.facts(), settle)

    def made(self) -> None:
        self._in_flight.begin()

    def recovering(self, journal: Journal) -> None:
        pid = self._pid()
        self._ran = Daemon.noted(journal.ran) if pid is None else Daemon(pid)

    def drain(self) -> None:
        queue = self._postfix.queue_directory()
        before = self._postfix.in_flight(queue)
        wait_for(lambda: not before & self._postfix.in_flight(queue), DRAIN, DRAIN_LOOK)

    def recovered(self) -> None:
        if self._ran is not None and self._pid() != self._ran.pid:
            raise VerifyFailed("Postfix ended after the reload; its log says why.")

    def reload_if_running(self) -> None:
        queue = self._postfix.queue_directory()
        if self._postfix.master_pid(queue) is not None:
            self._postfix.reload_for_certain(queue)
        elif self._ran is not None:
            self._ran.start(self._postfix.argv("postfix", "start"))
            # Where it was down already it is this one that has to live on.
            self._ran.pid = self._ran.pid or self._pid() or 0

    def _pid(self) -> int | None:
        return self._postfix.master_pid(self._postfix.queue_directory())

    def _ledger(self) -> Ledger:
        return Ledger.loads(files.read_state(self._ledger_path).content)

    def _compose(
        self,
        plan: Plan,
        facts: PostfixFacts | None,
        compute: Callable[[Tree, Ledger], tuple[Tree, Ledger]],
    ) -> Change:
        if facts is None:
            raise Refused(NO_POSTFIX)
        before = snapshot(self._postfix, self._ledger_path)
        tree, ledger = compute(before.tree, before.ledger)
        return Change(self._postfix, facts, plan, before, tree, ledger)
