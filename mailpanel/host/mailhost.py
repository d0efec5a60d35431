"""The mail host as the executor sees it: facts, converge, settle, recover."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from mailpanel.deployment import Deployment
from mailpanel.errors import HostError
from mailpanel.host import transaction
from mailpanel.host.daemon_log import DaemonLog
from mailpanel.host.dovecot_part import DovecotPart
from mailpanel.host.journal import Journal
from mailpanel.host.msmtp import MsmtpPart
from mailpanel.host.part import Counted, Part, Sweeping, Work
from mailpanel.host.postfix_part import PostfixPart
from mailpanel.host.stage import clear
from mailpanel.plan import Facts, Lookup, Plan, PostfixRelays, Preview, SmtpLogin
from mailpanel.reports import FileDiff

__all__ = ["Host", "MailHost", "Step", "TryOut", "TryProbe"]

Step = Callable[[str], None]
# Tries a probe by the host's own programs, from the stage, and says how that went.
TryOut = Callable[[PostfixRelays], str]
TryProbe = Callable[[SmtpLogin], None]


class Host(Protocol):
    """What the executor needs of a host; :class:`mailpanel.host.testing.FakeHost` is one too."""

    def recover(self) -> str | None:
        """Finish or undo what a killed process left; say which, ``None`` for neither."""

    def facts(self, part: str, *, standing: bool = False) -> Facts:
        """Return what a plan for *part* may depend on: what stands there without mailpanel.

        With *standing* what stands there now, mailpanel's own and edits of it among it.
        Raises :class:`CheckFailed` where the admin's own configuration is broken.
        """

    def account(self, part: str, lookup: Lookup) -> tuple[str, str] | None:
        """Return the username and password that *part* finds by *lookup*, ``None`` for none.

        Raises :class:`HostError` where they are there and cannot be read.
        """

    def converge(
        self,
        setting: str,
        plan: Plan,
        facts: Facts,
        probe: TryProbe,
        step: Step,
        *,
        over_edits: bool = False,
    ) -> bool:
        """Make *plan*, made from *facts*, all that *setting* wants; say whether anything changed.

        *probe* raises where a probe fails that is not the host's own part to try, *step* is
        told the name of each step. With *over_edits* a file of mailpanel's own is written anew
        though somebody edited it.
        Raises :class:`HostError`, and then the host is wholly what it was.
        """

    def rehearsal(
        self, setting: str, plan: Plan, facts: Facts
    ) -> AbstractContextManager[tuple[list[FileDiff], TryOut]]:
        """Do all of :meth:`converge` but probes and change; return what would change in which
        file, and what tries a probe while the block lasts.

        Raises what :meth:`converge` does before it touches anything.
        """

    def count(self, previews: tuple[Preview, ...], facts: Facts) -> Counted:
        """Count what *previews*, of a plan made from *facts*, ask for; change nothing.

        Raises :class:`HostError` where it cannot be told.
        """

    def sweep(self, previews: tuple[Preview, ...], facts: Facts) -> Sweeping:
        """Return the run that deletes what *previews*, of a plan made from *facts*, name.

        Raises :class:`HostError` where what is live on this host is not just that.
        """

    def drift(self, setting: str, plan: Plan, facts: Facts) -> list[FileDiff]:
        """Return what would change if *plan*, which was applied, were applied once more.

        That is, what somebody has edited since. Nothing is changed.
        """

    def overridden(self, plan: Plan, facts: Facts) -> str | None:
        """Return what of the admin's own counts in place of *plan*, of which nothing is edited.

        In a sentence with the remedy; ``None`` for nothing.
        """

    def unread_edits(self, part: str) -> str | None:
        """Return which edits of the admin's own the next reload of *part* makes live, too.

        In a sentence; ``None`` for none.
        """

    def settle(self) -> bool:
        """Put back what lingered, once the mail in flight is gone; say whether any is left."""

    def leaving(self, setting: str) -> bool:
        """Say whether something of *setting* waits for the mail in flight to be gone."""

    def owned(self, setting: str) -> list[str]:
        """Return the names of what *setting* owns on the host."""


class MailHost:
    """The real host: one Postfix, one Dovecot, one msmtp, one state directory."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._state = Path(deployment.state_directory)
        self._stage = self._state / "stage"
        parts = (PostfixPart(deployment), DovecotPart(deployment), MsmtpPart(deployment))
        self._parts: Mapping[str, Part] = {part.name: part for part in parts}

    def recover(self) -> str | None:
        try:
            clear(self._stage)
        except OSError as error:
            raise HostError(f"The stage cannot be cleared: {error.strerror}.") from None
        return transaction.recover(self._state / "journal", self._state / "backups", self._parts)

    def facts(self, part: str, *, standing: bool = False) -> Facts:
        known = Facts(
            host_name=self._deployment.host_name,
            ca_file=self._deployment.ca_file,
            relay_allow=self._deployment.relay_allow,
            relay_ports=self._deployment.relay_ports,
            master_user=self._deployment.master_user,
            master_enabled=self._deployment.master_enabled,
            master_allow_nets=self._deployment.master_allow_nets,
            msmtp_group=self._deployment.msmtp_group,
            part=part,
        )
        return replace(known, **{part: self._parts[part].facts(standing=standing)})

    def account(self, part: str, lookup: Lookup) -> tuple[str, str] | None:
        return self._parts[part].account(lookup)

    def leaving(self, setting: str) -> bool:
        return any(part.leaving(setting) for part in self._parts.values())

    def owned(self, setting: str) -> list[str]:
        return [name for part in self._parts.values() for name in part.owned(setting)]

    def converge(
        self,
        setting: str,
        plan: Plan,
        facts: Facts,
        probe: TryProbe,
        step: Step,
        *,
        over_edits: bool = False,
    ) -> bool:
        self._require_recovered()
        part = self._parts[facts.part]
        if plan == Plan() and not part.owned(setting):
            return False
        work = part.work(setting, plan, facts, over_edits=over_edits)
        return self._make(setting, part, work, probe, step)

    def drift(self, setting: str, plan: Plan, facts: Facts) -> list[FileDiff]:
        work = self._parts[facts.part].work(setting, plan, facts, over_edits=True)
        return list(work.differences())

    @contextmanager
    def rehearsal(
        self, setting: str, plan: Plan, facts: Facts
    ) -> Iterator[tuple[list[FileDiff], TryOut]]:
        self._require_recovered()
        work = self._parts[facts.part].work(setting, plan, facts)
        with work.checked(self._stage):
            yield list(work.differences()), work.try_out

    def count(self, previews: tuple[Preview, ...], facts: Facts) -> Counted:
        return self._parts[facts.part].count(previews)

    def overridden(self, plan: Plan, facts: Facts) -> str | None:
        return self._parts[facts.part].overridden(plan)

    def sweep(self, previews: tuple[Preview, ...], facts: Facts) -> Sweeping:
        self._require_recovered()
        return self._parts[facts.part].sweep(previews)

    def unread_edits(self, part: str) -> str | None:
        return self._parts[part].unread_edits()

    def settle(self) -> bool:
        self._require_recovered()
        left = False
        for part in self._parts.values():
            if part.leaving():
                work = part.settling()
                left = left or work is None
                if work is not None:
                    self._make("settle", part, work, _ignore, _ignore)
        return left

    def _require_recovered(self) -> None:
        """Raise :class:`HostError` where a change that was interrupted had its end only now."""
        if recovered := self.recover():
            # The facts were read from what it had left.
            raise transaction.late(recovered)

    def _make(self, setting: str, part: Part, work: Work, probe: TryProbe, step: Step) -> bool:
        """Carry *work* out: check, probe, swap, reload, verify; say whether it did anything."""
        work.require_running()
        if work.changes_nothing:
            work.write_ledger()
            return False
        built = self._checked(work, probe, step)
        work.require_unchanged()
        log = DaemonLog(work.log_file)
        transaction.Transaction(
            Journal(setting, part.name, tuple(work.entries(built)), work.ran()),
            self._state / "journal",
            self._state / "backups",
            reload=partial(log.telling, work.reload),
            verify=partial(log.telling, work.verify),
            revive=partial(log.telling, work.revive),
            drain=part.drain,
            undone=work.undone,
        ).run(step)
        part.made()
        return True

    def _checked(self, work: Work, probe: TryProbe, step: Step) -> Any:
        """Check *work* in the stage and try its probes; return what :meth:`Work.entries` needs."""
        step("check")
        with work.checked(self._stage) as built:
            step("probe")
            for each in work.plan.probes:
                if isinstance(each, PostfixRelays):
                    work.try_out(each)
                else:
                    probe(each)
            return built


def _ignore(_: object) -> None:
    """Take a probe or a step and do nothing: settling tries and tells nothing."""
