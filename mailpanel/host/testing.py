"""A host in memory, for tests that want speed; it passes the same contract as the real one."""

from __future__ import annotations

from mailpanel.errors import (
    CheckFailed,
    HostError,
    ProbeFailed,
    ReloadFailed,
    VerifyFailed,
)
from mailpanel.host.compose import Tree, admins_value, compose, settle
from mailpanel.host.config_text import ConfigText, main_cf_key, value_of
from mailpanel.host.ledger import Ledger
from mailpanel.host.mailhost import Step, TryProbe
from mailpanel.plan import Facts, Plan, PostfixFacts

__all__ = ["FakeHost"]

FAILURES: dict[str, type[HostError]] = {
    "check": CheckFailed,
    "probe": ProbeFailed,
    "reload": ReloadFailed,
    "verify": VerifyFailed,
}


class FakeHost:
    """A Postfix that is two texts and some tables.

    ``failing`` names the step at which the next changes fail, ``in_flight`` says
    whether mail is on its way, ``reloads`` counts what the daemon was made to read,
    and ``live`` is the configuration that it has.
    """

    def __init__(self, main_cf: str = "", master_cf: str = "") -> None:
        self.tree = Tree(main_cf, master_cf, {})
        self.live = self.tree
        self.ledger = Ledger()
        self.failing: str | None = None
        self.in_flight = False
        self.reloads = 0

    def recover(self) -> str | None:
        return None

    def facts(self) -> Facts:
        text = ConfigText(self.tree.main_cf, main_cf_key)
        live = {name: value_of(text.get(name) or "") for name in text.names()}
        names = live.keys() | self.ledger.parameters.keys()
        parameters = {
            name: value
            for name in names
            if (value := admins_value(name, live.get(name, ""), self.ledger))
        }
        return Facts(
            host_name="fake.example.net",
            ca_file="/etc/ssl/certs/ca-certificates.crt",
            postfix=PostfixFacts(
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
            ),
        )

    def converge(self, setting: str, plan: Plan, facts: Facts, probe: TryProbe, step: Step) -> bool:
        tree, ledger = compose(self.tree, self.ledger, setting, plan)
        if tree == self.tree:
            self.ledger = ledger
            return False
        for name in ("check", "probe"):
            self._step(name, step)
        for each in plan.probes:
            probe(each)
        for name in ("journal", "swap", "reload", "verify"):
            self._step(name, step)
        self.tree = self.live = tree
        self.ledger = ledger
        self.reloads += 1
        return True

    def _step(self, name: str, step: Step) -> None:
        step(name)
        if self.failing == name:
            raise FAILURES.get(name, HostError)(f"The step {name} fails, as the test wants it.")

    def settle(self) -> bool:
        if self.ledger.leaving() and not self.in_flight:
            self.tree, self.ledger = settle(self.tree, self.ledger)
            self.live = self.tree
        return self.ledger.leaving()

    def leaving(self, setting: str) -> bool:
        return self.ledger.leaving(setting)

    def owned(self, setting: str) -> list[str]:
        return self.ledger.owned(setting)
