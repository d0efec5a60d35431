"""The tree that is drawn is the tree that there is."""

from __future__ import annotations

import inspect
import re

import pytest

from mailpanel import errors


def drawn() -> dict[str, str | None]:
    """Return each class of the drawing, with the one above it."""
    above: dict[int, str] = {}
    found: dict[str, str | None] = {}
    for line in (errors.__doc__ or "").split("\n"):
        match = re.match(r"([│├└─ ]*)([A-Z]\w+)(?:$| {2,})", line)
        if match:
            depth = len(match[1]) // 4
            above[depth] = match[2]
            found[match[2]] = above[depth - 1] if depth else None
    return found


CLASSES = {
    name: each
    for name, each in inspect.getmembers(errors, inspect.isclass)
    if issubclass(each, Exception)
}


def test_the_drawn_tree_is_the_real_one() -> None:
    real = {name: each.__bases__[0].__name__ for name, each in CLASSES.items()}
    assert drawn() == real | {"MailpanelError": None}
    assert CLASSES["MailpanelError"].__bases__ == (Exception,)


def test_all_are_public() -> None:
    assert set(errors.__all__) == {*CLASSES, "FieldError"}


@pytest.mark.parametrize("name", [name for name in CLASSES if name != "MailpanelError"])
def test_each_is_caught_as_one_of_mailpanels(name: str) -> None:
    assert issubclass(CLASSES[name], errors.MailpanelError)


def test_a_host_error_may_pass_unless_it_says_otherwise() -> None:
    assert errors.HostError("x").temporary
    assert not errors.ProbeFailed("x", temporary=False).temporary


def test_invalid_fields_tell_every_field() -> None:
    error = errors.InvalidFields([errors.FieldError("a", "No."), errors.FieldError("b", "Nor.")])
    assert str(error) == "a: No. b: Nor."
