"""What stands on a host is told when it changes, and what is wrong there is logged once."""

from __future__ import annotations

from typing import Any

import pytest

from mailpanel.apply.messages import Hello, Present
from mailpanel.apply.presence import Presence
from mailpanel.errors import CheckFailed
from mailpanel.host.compose import Tree
from mailpanel.host.testing import FakeHost
from mailpanel.settings import SETTINGS

NAME = "postfix_relayhost"


class Watch:
    """A host that is watched, and what was told of it since the last time."""

    def __init__(self) -> None:
        self.host = FakeHost("relayhost = [a.test]:25\n")
        self._said: list[Any] = []
        self.presence = Presence(self.host, SETTINGS, self._said.append)

    def told(self) -> list[Any]:
        self.presence.tell()
        said, self._said[:] = list(self._said), []
        return said

    def write(self, main_cf: str) -> None:
        self.host.tree = self.host.live = Tree(main_cf, "", {})


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_all_is_told_at_first_and_then_what_changes(watch: Watch) -> None:
    hello, *values = watch.told()
    assert isinstance(hello, Hello)
    assert {each.setting for each in values} == SETTINGS.keys()
    assert watch.told() == []
    watch.write("relayhost = [b.test]:25\n")
    assert watch.told() == [Present(NAME, {"relayhost": "[b.test]:25"})]
    watch.write("")
    assert watch.told() == [Present(NAME, None)]
    # Another courier has heard of nothing.
    watch.presence.forget()
    assert len(watch.told()) == 1 + len(SETTINGS)


def test_what_is_no_utf_8_can_be_shown(watch: Watch) -> None:
    """A page that cannot be encoded would be no page at all."""
    watch.told()
    watch.write("relayhost = [caf\udce9.test]:25\n")
    assert watch.told() == [Present(NAME, {"relayhost": "[caf?.test]:25"})]


@pytest.mark.parametrize("error", [CheckFailed("main.cf, line 3"), OSError(5, "I/O error")])
def test_what_cannot_be_read_is_logged_when_it_comes_and_goes(
    watch: Watch, monkeypatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """And the other parts are looked at all the same."""
    caplog.set_level("INFO", "mailpanel")
    watch.told()
    facts = watch.host.facts

    def broken(part: str, **_: Any) -> Any:
        if part == "postfix":
            raise error
        return facts(part)

    with monkeypatch.context() as patch:
        patch.setattr(watch.host, "facts", broken)
        (hello,) = watch.told()
        assert hello.versions["postfix"] == "unreadable configuration"
        assert watch.told() == watch.told() == []
    watch.told()
    levels = [record.levelname for record in caplog.records]
    assert levels == ["ERROR", "INFO"]
