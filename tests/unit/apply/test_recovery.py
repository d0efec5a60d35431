"""What the log says of a change that a killed apply service left."""

from __future__ import annotations

import logging

import pytest

from mailpanel.apply.service import _recover
from mailpanel.errors import HostError


class Host:
    """A host on which recovery *comes* to that."""

    def __init__(self, comes: str | HostError | None) -> None:
        self._comes = comes

    def recover(self) -> str | None:
        if isinstance(self._comes, HostError):
            raise self._comes
        return self._comes


@pytest.mark.parametrize(
    ("comes", "told"),
    [
        (None, []),
        ("finished", ["a change that was interrupted has been finished"]),
        ("undone", ["a change that was interrupted has been undone"]),
        (
            HostError("The disk is full."),
            [
                "a change that was interrupted can be neither finished nor put back yet: "
                "The disk is full."
            ],
        ),
    ],
)
def test_it_says_what_became_of_it(
    comes: str | HostError | None, told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """And no more than is known: where it fails, it may have been to be finished."""
    with caplog.at_level(logging.WARNING, "mailpanel.apply.service"):
        _recover(Host(comes))
    assert caplog.messages == told
