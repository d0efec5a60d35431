"""Which of these tests run on both versions of Dovecot; what they use stands in real_host."""

from __future__ import annotations

import pytest
from real_host import *  # noqa: F403 (fixtures, which tests ask for by their names)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "dovecot: runs on both versions of Dovecot")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts a Dovecot, for script/debian13."""
    for item in items:
        # Not what needs a mount of its own for a root, or systemd: in that tree there is neither.
        away = "test_sandbox" in item.nodeid or "test_journal" in item.nodeid
        if "make_dovecot" in getattr(item, "fixturenames", ()) and not away:
            item.add_marker("dovecot")
