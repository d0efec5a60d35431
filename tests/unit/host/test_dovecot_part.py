"""The line in dovecot.conf that names mailpanel's own directory, where there is no conf.d."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailpanel.deployment import load
from mailpanel.host.dovecot_part import DovecotPart
from mailpanel.host.part import Work
from mailpanel.plan import DovecotFacts, Facts, Plan, WriteFile

ADMINS = "protocols = imap\n"


class Scene:
    """A dovecot.conf without conf.d, and one drop-in that is applied."""

    def __init__(self, directory: Path) -> None:
        (directory / "s" / "ledger").mkdir(parents=True)
        self.main = directory / "dovecot.conf"
        self.main.write_text(ADMINS)
        options = {
            "mailpanel.state_directory": str(directory / "s"),
            "mailpanel.dovecot_config_file": str(self.main),
        }
        self.part = DovecotPart(load(options, {}))
        self.drop_ins = directory / "mailpanel.d"
        self.line = f"!include_try {self.drop_ins}/*.conf\n"
        self.plan = Plan((WriteFile(f"{self.drop_ins}/99-mailpanel-s.conf", "a = 1\n"),))
        self.make(self.plan)

    def work(self, plan: Plan) -> Work:
        dovecot = DovecotFacts("2.3.19.1", {}, None, {}, "", str(self.drop_ins), "")
        return self.part.work("s", plan, Facts("mx", "", part="dovecot", dovecot=dovecot))

    def make(self, plan: Plan) -> None:
        """Write what *plan* comes to, as a transaction does."""
        for entry in list(self.work(plan).entries(None)):
            if entry.new.content is None:
                entry.new.path.unlink(missing_ok=True)
            else:
                entry.new.path.parent.mkdir(exist_ok=True)
                entry.new.path.write_bytes(entry.new.content)

    def diff(self) -> str:
        return "".join(each.diff for each in self.work(self.plan).differences())


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_it_is_added_once_and_taken_out_again(scene: Scene) -> None:
    assert scene.main.read_text() == ADMINS + scene.line
    assert scene.work(scene.plan).changes_nothing
    scene.make(Plan())
    assert scene.main.read_text() == ADMINS


@pytest.mark.parametrize("edited", [ADMINS, f"{ADMINS}#{{line}}", ""])
def test_one_that_somebody_took_out_is_seen_and_put_back(scene: Scene, edited: str) -> None:
    """Without it Dovecot reads nothing of mailpanel's."""
    text = edited.format(line=scene.line)
    scene.main.write_text(text)
    assert not scene.work(scene.plan).changes_nothing
    assert f"+{scene.line}" in scene.diff()
    scene.make(scene.plan)
    assert scene.main.read_text() == text + scene.line
    scene.make(Plan())
    assert scene.main.read_text() == text


def test_one_that_somebody_wrote_in_another_way_counts(scene: Scene) -> None:
    scene.main.write_text(f"!include mailpanel.d/*.conf\n{ADMINS}")
    assert scene.work(scene.plan).changes_nothing
    assert scene.diff() == ""
