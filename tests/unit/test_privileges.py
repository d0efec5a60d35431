"""mailpanel.privileges: root is given up, or nothing goes on."""

from __future__ import annotations

import os

import pytest

from mailpanel.deployment import load
from mailpanel.errors import DeploymentError
from mailpanel.privileges import become_user

ONLY_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="nobody else has root to give up")


@ONLY_ROOT
def test_root_is_no_unprivileged_user(monkeypatch):
    """Else web and courier would keep root in silence."""
    monkeypatch.setattr(os, "umask", lambda mode: mode)
    with pytest.raises(
        DeploymentError, match=r"mailpanel\.user: root is root, .* give another user"
    ):
        become_user(load({"mailpanel.user": "root"}, {}))


def test_whoever_is_not_root_stays_who_they_are(monkeypatch):
    monkeypatch.setattr(os, "umask", lambda mode: mode)
    monkeypatch.setattr(os, "geteuid", lambda: 1)
    become_user(load({"mailpanel.user": "root"}, {}))
    monkeypatch.undo()
