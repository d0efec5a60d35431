"""A host in memory, for tests that want speed; it passes the same contract as the real one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from mailpanel.errors import (
    CheckFailed,
    HostError,
    ProbeFailed,
    ReloadFailed,
    VerifyFailed,
)
from mailpanel.host.compose import Tree, admins_value, compose, settle
from mailpanel.host.config_text import ConfigText, main_cf_key, value_of
from mailpanel.host.diffs import MASK, file_diff, masked_main_cf
from mailpanel.host.ledger import Ledger
from mailpanel.host.mailhost import Step, TryOut, TryProbe
from mailpanel.host.own_files import master_line
from mailpanel.host.part import Counted
from mailpanel.host.transaction import PUT_BACK, late
from mailpanel.plan import (
    DovecotFacts,
    Facts,
    Folder,
    Lookup,
    MasterUser,
    MsmtpFacts,
    Plan,
    PostfixFacts,
    PostfixRelays,
    Preview,
    WriteFile,
)
from mailpanel.reports import ClearedFolder, FileDiff

__all__ = ["FakeHost", "FakeSweep"]

FAILURES: dict[str, type[HostError]] = {
    "check": CheckFailed,
    "probe": ProbeFailed,
    "reload": ReloadFailed,
    "verify": VerifyFailed,
}

# Of a run that is not disturbed.
SLICES = 3
DOVECOT = DovecotFacts(
    version="2.3.19.1",
    parameters={},
    inbox_namespace="inbox",
    folders={
        "Junk": Folder(frozenset({"\\Junk"})),
        "Trash": Folder(frozenset({"\\Trash"})),
    },
    directory="/etc/dovecot/mailpanel",
    drop_ins="/etc/dovecot/conf.d",
    group="dovecot",
)
MSMTP = MsmtpFacts("1.8.23", "/etc/msmtprc", "/etc/mailpanel", admins_own=False)


@dataclass(frozen=True, slots=True)
class _Standing:
    """All that a change may change."""

    tree: Tree
    ledger: Ledger
    files: dict[str, tuple[str, str]]


class FakeHost:
    """A Postfix that is two texts and some tables, a Dovecot and an msmtp that are some files.

    ``failing`` names the step at which the next changes fail, ``in_flight`` says
    whether mail is on its way, ``reloads`` counts what the daemon was made to read,
    and ``live`` is the configuration that it has. ``relayed`` are the probes that were tried
    by its own Postfix, which ``relay_fails`` makes fail. ``files`` are mailpanel's own beside
    Dovecot and msmtp: path to the setting and the content; ``dovecot`` is what stands there,
    ``counted`` what is counted there, or why it cannot be, and ``bounds`` what root's options
    allow, by the names of :class:`Facts`; ``accounts`` are found by their keys,
    ``unread`` is what is told of edits that were not read yet, ``overriding`` of what counts in
    place of mailpanel's own.
    """

    def __init__(self, main_cf: str = "", master_cf: str = "") -> None:
        self.tree = Tree(main_cf, master_cf, {})
        self.live = self.tree
        self.ledger = Ledger()
        self.files: dict[str, tuple[str, str]] = {}
        self.dovecot = DOVECOT
        self.bounds: dict[str, Any] = {}
        self.unread: str | None = None
        self.overriding: str | None = None
        self.accounts: dict[str, tuple[str, str]] = {}
        self.counted: Counted | HostError = Counted((), "Nothing is due.")
        self.swept: FakeSweep | HostError | None = None
        self.failing: str | None = None
        self.in_flight = False
        self._journal: _Standing | None = None
        self.reloads = 0
        self.relayed: list[PostfixRelays] = []
        self.relay_fails: ProbeFailed | None = None

    def recover(self) -> str | None:
        if self._journal is None:
            return None
        old, self._journal = self._journal, None
        if self.tree is old.tree and self.files is old.files:
            return "undone"
        self.live = self.tree
        return "finished"

    def facts(self, part: str, *, standing: bool = False) -> Facts:
        known = Facts(
            host_name="fake.example.net",
            ca_file="/etc/ssl/certs/ca-certificates.crt",
            part=part,
            **self.bounds,
        )
        if part == "dovecot":
            return replace(known, dovecot=self.dovecot)
        if part == "msmtp":
            return replace(known, msmtp=MSMTP)
        return replace(known, postfix=self._postfix_facts(Ledger() if standing else self.ledger))

    def account(self, part: str, lookup: Lookup) -> tuple[str, str] | None:
        found = (self.accounts.get(key) for key in lookup.keys)
        return next((each for each in found if each), None)

    def unread_edits(self, part: str) -> str | None:
        return self.unread

    def _postfix_facts(self, ledger: Ledger) -> PostfixFacts:
        text = ConfigText(self.tree.main_cf, main_cf_key)
        live = {name: value_of(text.get(name) or "") for name in text.names()}
        names = live.keys() | ledger.parameters.keys()
        parameters = {
            name: value
            for name in names
            if (value := admins_value(name, live.get(name, ""), ledger))
        }
        return PostfixFacts(
            version="3.7.11",
            queue_directory="/var/spool/postfix",
            parameters=parameters,
            overrides={},
            smtp_chroot="-",
            database_type="hash",
            maps_directory="/etc/postfix/mailpanel",
            sasl_mechanisms=frozenset({"PLAIN", "LOGIN"}),
            names=frozenset({"localhost"}),
            ports=frozenset({25}),
        )

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
        tree, ledger, own = self.tree, self.ledger, self.files
        if facts.part == "postfix":
            tree, ledger = compose(tree, ledger, setting, plan)
        else:
            own = _composed(own, setting, plan)
        if tree == self.tree and own == self.files:
            self.ledger = ledger
            return False
        for name in ("check", "probe"):
            self._step(name, step)
        for each in plan.probes:
            if isinstance(each, PostfixRelays):
                self._try_out(each)
            else:
                probe(each)
        self._swap(_Standing(tree, ledger, own), step)
        return True

    def _swap(self, new: _Standing, step: Step) -> None:
        """Make *new* what stands; whoever is killed in it leaves the journal."""
        old = _Standing(self.tree, self.ledger, self.files)
        self._step("journal", step)
        self._journal = old
        try:
            self._step("swap", step)
            self._stand(new)
            self._step("reload", step)
            self.live = new.tree
            self.reloads += 1
            self._step("verify", step)
        except HostError:
            step(PUT_BACK)
            self._stand(old)
            self.live = old.tree
            self._journal = None
            raise
        self._journal = None

    def _stand(self, now: _Standing) -> None:
        self.tree, self.ledger, self.files = now.tree, now.ledger, now.files

    def _require_recovered(self) -> None:
        if recovered := self.recover():
            raise late(recovered)

    def drift(self, setting: str, plan: Plan, facts: Facts) -> list[FileDiff]:
        return self._differences(setting, plan, facts)

    def overridden(self, plan: Plan, facts: Facts) -> str | None:
        return self.overriding

    def _differences(self, setting: str, plan: Plan, facts: Facts) -> list[FileDiff]:
        if facts.part != "postfix":
            return list(_differences(self.files, _composed(self.files, setting, plan)))
        tree, _ = compose(self.tree, self.ledger, setting, plan)
        diff = file_diff("main.cf", self.tree.main_cf, tree.main_cf, masked_main_cf)
        return [diff] if diff else []

    @contextmanager
    def rehearsal(
        self, setting: str, plan: Plan, facts: Facts
    ) -> Iterator[tuple[list[FileDiff], TryOut]]:
        self._step("check", lambda _: None)
        yield self._differences(setting, plan, facts), self._try_out

    def _try_out(self, probe: PostfixRelays) -> str:
        self.relayed.append(probe)
        if self.relay_fails is not None:
            raise self.relay_fails
        return "It goes there."

    def _step(self, name: str, step: Step) -> None:
        step(name)
        if self.failing == name:
            raise FAILURES.get(name, HostError)(f"The step {name} fails, as the test wants it.")

    def count(self, previews: tuple[Preview, ...], facts: Facts) -> Counted:
        if isinstance(self.counted, HostError):
            raise self.counted
        return self.counted

    def sweep(self, previews: tuple[Preview, ...], facts: Facts) -> FakeSweep:
        if isinstance(self.swept, HostError):
            raise self.swept
        self.swept = FakeSweep(previews)
        return self.swept

    def settle(self) -> bool:
        self._require_recovered()
        if self.ledger.leaving() and not self.in_flight:
            self.tree, self.ledger = settle(self.tree, self.ledger)
            self.live = self.tree
        return self.ledger.leaving()

    def leaving(self, setting: str) -> bool:
        return self.ledger.leaving(setting)

    def owned(self, setting: str) -> list[str]:
        own = [f"file: {path}" for path, (whose, _) in self.files.items() if whose == setting]
        return self.ledger.owned(setting) + own


class FakeSweep:
    """A run that deletes a message of each folder in each of three slices.

    ``problem`` is what the next slice, or look at what is live, fails with.
    """

    def __init__(self, previews: tuple[Preview, ...]) -> None:
        self.previews = previews
        self.slices = 0
        self.problem: Exception | None = None
        self.is_stopped = False

    def go_on(self, seconds: float) -> bool:
        self._fail()
        self.slices += 1
        return self.slices < SLICES

    def require_live(self) -> None:
        self._fail()

    def _fail(self) -> None:
        if self.problem is not None:
            raise self.problem

    def stop(self) -> None:
        self.is_stopped = True

    def folders(self) -> tuple[ClearedFolder, ...]:
        cleared, whole = self.slices, self.slices >= SLICES
        return tuple(
            ClearedFolder(each.folder, each.days, cleared, 100 * cleared, 1, whole)
            for each in self.previews
        )

    def says(self) -> str:
        return f"{self.slices} slices done."


def _composed(
    files: dict[str, tuple[str, str]], setting: str, plan: Plan
) -> dict[str, tuple[str, str]]:
    """Return the files in which *plan* is all that *setting* wants."""
    kept = {path: each for path, each in files.items() if each[0] != setting}
    for change in plan.changes:
        if isinstance(change, MasterUser):
            kept[change.path] = setting, master_line(change.name, change.hash, change.allow_nets)
        elif isinstance(change, WriteFile):
            kept[change.path] = setting, change.content
    return kept


def _differences(
    old: dict[str, tuple[str, str]], new: dict[str, tuple[str, str]]
) -> Iterator[FileDiff]:
    for path in {**old, **new}:
        before, after = (files.get(path, ("", ""))[1] for files in (old, new))
        diff = file_diff(path, before, after, lambda _: MASK)
        if diff:
            yield diff
