"""What stands on a host is said as a value, sealed for its destination, and nothing changes."""

from __future__ import annotations

import pytest
from test_executor import NAME, SECRET, VALUE, Scene

from mailpanel.apply.adoption import Adoptions
from mailpanel.errors import HostError
from mailpanel.host.compose import Tree
from mailpanel.reports import Desired, Errand, ErrandAnswer
from mailpanel.seal import Opener, Sealer
from mailpanel.settings import SETTINGS

OWN = "relayhost = [own.test]:587\nsmtp_sasl_auth_enable = yes\n"
DESTINATION = {"server_hostname": "own.test", "server_port": 587, "username": "o", "security": None}


class Adopting(Scene):
    """A scene whose executor knows what was adopted."""

    def start(self) -> None:
        super().start()
        opener = Opener(self.directory / "seal.key")
        sealer = Sealer(self.directory / "seal.pub")
        self.adoptions = Adoptions(self.host, opener, sealer, SETTINGS)
        self.executor._is_adopted = self.adoptions.is_of

    def adopt(self, wanted: Desired | None = None, setting: str = NAME) -> ErrandAnswer:
        before = self.host.tree
        errand = Errand(7, "adopt", setting, True, None, None)
        answer = self.adoptions.adopt(errand, wanted, self.state.get(setting))
        assert (self.host.tree, answer.number) == (before, 7)
        return answer

    def write(self, main_cf: str) -> None:
        self.host.tree = self.host.live = Tree(main_cf, "", self.host.tree.maps)


@pytest.fixture
def scene(tmp_path, monkeypatch) -> Adopting:
    return Adopting(tmp_path, monkeypatch)


def test_an_account_comes_along_sealed_to_its_server(scene: Adopting) -> None:
    scene.write(OWN)
    scene.host.accounts = {"[own.test]:587": ("o", SECRET)}
    adopted = scene.adopt().adopted
    assert adopted is not None
    assert adopted.value == {"server_hostname": "own.test", "server_port": 587, "username": "o"}
    assert SECRET not in repr(adopted)
    assert adopted.sealed is not None
    assert Opener(scene.directory / "seal.key").open(adopted.sealed, NAME, 1, DESTINATION) == SECRET
    # And it is what may be applied.
    report = scene.converge(Desired(NAME, 1, False, adopted.value, adopted.sealed, probe=True))
    assert report is not None
    assert report.status == "applied"


def test_what_mailpanel_applied_is_not_adopted(scene: Adopting) -> None:
    """Unless somebody gave its account another password."""
    scene.converge(scene.wanted(1))
    scene.host.accounts = {"[relay.test]:587": (VALUE["username"], SECRET)}
    answer = scene.adopt(scene.wanted(1))
    assert answer.adopted is None
    assert "what mailpanel has applied" in (answer.error or "")
    scene.host.accounts = {"[relay.test]:587": (VALUE["username"], "another")}
    assert scene.adopt(scene.wanted(1)).adopted is not None


def test_an_edited_line_is_what_stands(scene: Adopting) -> None:
    scene.converge(scene.wanted(1))
    scene.write(scene.host.tree.main_cf.replace("[relay.test]:587", "[edited.test]:25"))
    adopted = scene.adopt(scene.wanted(1)).adopted
    assert adopted is not None
    assert adopted.value == {"server_hostname": "edited.test", "server_port": 25}
    assert adopted.sealed is None


@pytest.mark.parametrize(
    ("main_cf", "words"),
    [
        ("", "nothing of its own"),
        ("relayhost = own.test\n", "brackets"),
        ("relayhost = [under_score.test]\n", "server_hostname"),
        ("relayhost = [own.test]:70000\n", "server_port"),
    ],
)
def test_what_is_no_valid_value_is_refused_with_the_reason(scene: Adopting, main_cf, words) -> None:
    scene.write(main_cf)
    answer = scene.adopt()
    assert answer.adopted is None
    assert words in (answer.error or "")


def test_a_generated_secret_is_nothing_to_adopt(scene: Adopting) -> None:
    assert "nothing to adopt" in (scene.adopt(setting="imap_master_password").error or "")
    assert "no such setting" in (scene.adopt(setting="nosuch").error or "")


@pytest.mark.parametrize("error", [HostError("The table cannot be read."), KeyError("x")])
def test_a_failure_to_read_is_told_and_stops_nothing(scene: Adopting, monkeypatch, error) -> None:
    def fail(*_: object) -> None:
        raise error

    scene.write(OWN)
    monkeypatch.setattr(scene.host, "account", fail)
    assert scene.adopt().error
