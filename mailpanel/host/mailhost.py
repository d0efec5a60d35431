"""The mail host as the executor sees it: facts, converge, settle, recover."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from mailpanel.deployment import Deployment
from mailpanel.errors import HostError, Refused
from mailpanel.host import files, transaction
from mailpanel.host.change import Change, snapshot
from mailpanel.host.compose import Tree, compose, settle
from mailpanel.host.journal import Journal
from mailpanel.host.ledger import Ledger
from mailpanel.host.postfix import Postfix
from mailpanel.host.stage import clear
from mailpanel.plan import Facts, Plan, Probe

__all__ = ["Host", "MailHost", "Step", "TryProbe"]

# Two looks at the queue, this many seconds apart, must both find the mail in flight gone.
LOOKS_APART = 2.0

TryProbe = Callable[[Probe], None]
Step = Callable[[str], None]


class Host(Protocol):
    """What the executor needs of a host; :class:`mailpanel.host.testing.FakeHost` is one too."""

    def recover(self) -> str | None:
        """Finish or undo what a killed process left; say which, ``None`` for neither."""

    def facts(self) -> Facts:
        """Return what a plan may depend on.

        Raises :class:`CheckFailed` where the admin's own configuration is broken.
        """

    def converge(self, setting: str, plan: Plan, facts: Facts, probe: TryProbe, step: Step) -> bool:
        """Make *plan*, made from *facts*, all that *setting* wants; say whether anything changed.

        *probe* raises where a probe fails, *step* is told the name of each step.
        Raises :class:`HostError`, and then the host is wholly what it was.
        """

    def settle(self) -> bool:
        """Put back what lingered, once the mail in flight is gone; say whether any is left."""

    def leaving(self, setting: str) -> bool:
        """Say whether something of *setting* waits for the mail in flight to be gone."""

    def owned(self, setting: str) -> list[str]:
        """Return the names of what *setting* owns on the host."""


class MailHost:
    """The real host: one Postfix instance, one state directory."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._state = Path(deployment.state_directory)
        self._stage = self._state / "stage"
        self._postfix = Postfix(deployment.postfix_config_directory)
        self._in_flight: frozenset[str] | None = None
        self._quiet_since: float | None = None

    def recover(self) -> str | None:
        clear(self._stage)
        return transaction.recover(
            self._state / "journal", self._state / "backups", self._reload_if_running, lambda: None
        )

    def _reload_if_running(self) -> None:
        if self._postfix.master_pid(self._postfix.queue_directory()) is not None:
            self._postfix.reload()

    def facts(self) -> Facts:
        return Facts(
            host_name=self._deployment.host_name,
            ca_file=self._deployment.ca_file,
            relay_allow=self._deployment.relay_allow,
            relay_ports=self._deployment.relay_ports,
            postfix=self._postfix.facts(self._ledger()),
        )

    def leaving(self, setting: str) -> bool:
        return self._ledger().leaving(setting)

    def owned(self, setting: str) -> list[str]:
        return self._ledger().owned(setting)

    def _ledger_path(self) -> Path:
        return self._state / "ledger" / "postfix.json"

    def _ledger(self) -> Ledger:
        return Ledger.loads(files.read_state(self._ledger_path()).content)

    def converge(self, setting: str, plan: Plan, facts: Facts, probe: TryProbe, step: Step) -> bool:
        self._require_recovered()
        if plan == Plan() and not self._ledger().owned(setting):
            return False
        change = self._compose(
            plan, facts, lambda tree, ledger: compose(tree, ledger, setting, plan)
        )
        return self._make(setting, change, probe, step)

    def settle(self) -> bool:
        self._require_recovered()
        if not self._ledger().leaving():
            return False
        queue = self._postfix.queue_directory()
        if self._postfix.master_pid(queue) is None or not self._quiet(queue):
            return True
        self._make("settle", self._compose(Plan(), self.facts(), settle), _ignore, _ignore)
        return False

    def _require_recovered(self) -> None:
        """Raise :class:`HostError` where a change that could not be put back was so only now."""
        if self.recover():
            # The facts were read from what it had left.
            raise HostError("A change that had failed has been put back now; this is tried again.")

    def _compose(
        self, plan: Plan, facts: Facts, compute: Callable[[Tree, Ledger], tuple[Tree, Ledger]]
    ) -> Change:
        if facts.postfix is None:
            raise Refused("Postfix is not installed on this host; install the package postfix.")
        before = snapshot(self._postfix, self._ledger_path())
        return Change(
            self._postfix, facts.postfix, plan, before, *compute(before.tree, before.ledger)
        )

    def _make(self, setting: str, change: Change, probe: TryProbe, step: Step) -> bool:
        """Carry *change* out: check, probe, swap, reload, verify; say whether it did anything."""
        pid = self._postfix.master_pid(Path(change.facts.queue_directory))
        if pid is None:
            raise HostError(
                "Postfix is not running on this host; start it, and this is tried again."
            )
        if change.changes_nothing:
            change.write_ledger()
            return False
        step("check")
        built = change.check(self._stage)
        step("probe")
        for each in change.plan.probes:
            probe(each)
        change.require_unchanged()
        transaction.Transaction(
            Journal(setting, tuple(change.entries(built))),
            self._state / "journal",
            self._state / "backups",
            self._postfix.reload,
            lambda: change.verify(pid),
        ).run(step)
        self._in_flight = self._quiet_since = None
        return True

    def _quiet(self, queue: Path) -> bool:
        """Say whether two looks apart have found all gone that was in flight at the reload."""
        now = self._postfix.in_flight(queue)
        if self._in_flight is None:
            self._in_flight = now
        if self._in_flight & now:
            self._quiet_since = None
            return False
        if self._quiet_since is None:
            self._quiet_since = time.monotonic()
        return time.monotonic() - self._quiet_since >= LOOKS_APART


def _ignore(_: object) -> None:
    """Take a probe or a step and do nothing: settling tries and tells nothing."""
