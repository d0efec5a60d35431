"""mailpanel.services.leaked: a file of leaked passwords, asked without being read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailpanel.errors import DeploymentError, InvalidFields
from mailpanel.services.accounts import Accounts
from mailpanel.services.leaked import Leaked

MANY = [f"leaked password {number}" for number in range(500)]

Open = Callable[[str], Leaked]


def digits(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


@pytest.fixture
def of(tmp_path: Path) -> Iterator[Open]:
    """Open a file with that text."""
    opened = []

    def of(text: str) -> Leaked:
        (tmp_path / "leaked.txt").write_text(text)
        opened.append(Leaked(str(tmp_path / "leaked.txt")))
        return opened[-1]

    yield of
    for each in opened:
        each.close()


@pytest.mark.parametrize("count", [1, 2, 3, len(MANY)])
@pytest.mark.parametrize("end", [":1\n", ":123456789\r\n", "\n"])
def test_each_of_them_is_found_and_no_other(of: Open, count: int, end: str) -> None:
    """The first and the last too, however long the lines are and how they end."""
    lines = sorted(digits(each) for each in MANY[:count])
    leaked = of("".join(f"{line}{end}" for line in lines))
    assert all(leaked.has(each) for each in MANY[:count])
    assert not any(leaked.has(f"{each}x") for each in MANY)


def test_the_last_line_may_lack_its_end_and_digits_may_be_small(of: Open) -> None:
    lines = sorted(digits(each).lower() for each in MANY)
    leaked = of("\n".join(f"{line}:{number}" for number, line in enumerate(lines)))
    assert all(leaked.has(each) for each in MANY)


def test_without_a_file_none_is_known() -> None:
    assert not Leaked("").has(MANY[0])


@pytest.mark.parametrize("text", ["", "password\n", f"{'G' * 40}:1\n", f"{'0' * 39}:1\n"])
def test_another_file_is_refused_by_name(of: Open, tmp_path: Path, text: str) -> None:
    """At the start, and not by letting each password pass."""
    with pytest.raises(DeploymentError, match=r"leaked\.txt: its first line is no SHA-1"):
        of(text)
    with pytest.raises(DeploymentError, match=r"mailpanel\.leaked_passwords: /nowhere"):
        Leaked("/nowhere")
    with pytest.raises(DeploymentError, match="cannot be read"):
        Leaked(str(tmp_path))


def test_no_account_gets_one(of: Open, accounts: Accounts, database, clock) -> None:
    """Neither at the beginning nor later."""
    leaked = of(f"{digits(MANY[0])}:3\n")
    choosy = Accounts(database, clock, is_leaked=leaked.has)
    with pytest.raises(InvalidFields, match="known from a leak"):
        choosy.add("admin", "MasterAdmin", MANY[0])
    choosy.add("admin", "MasterAdmin", MANY[1])
    with pytest.raises(InvalidFields, match="known from a leak"):
        choosy.set_password("admin", MANY[0])
