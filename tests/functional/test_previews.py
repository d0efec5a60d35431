"""What a host counts of unsaved values is answered as the document has it."""

from __future__ import annotations

from typing import Any

from panel import INTERVAL, Panel

from mailpanel import openapi
from mailpanel.reports import ErrandAnswer, FolderPreview, Step
from mailpanel.services.taken_errands import TakenErrands

JUNK = FolderPreview("Junk", 7, 3, 2, 600, 1, "2026-10-13", True, "Junk: 3 messages.")
NONE = FolderPreview("Trash", 14, 0, 0, 0, 0, None, False, "Trash: nothing.")


def answered(panel: Panel, preview: tuple[FolderPreview, ...] | None) -> dict[str, Any]:
    """Return the host's part of the answer to a test that counted *preview*."""
    panel.hosts.checked_in("mail1", {})
    begun = panel.call("POST", f"{INTERVAL}test/", {"junk_days": 7, "trash_days": 14}).json["test"]
    (waiting,) = begun["hosts"]
    assert (waiting["done"], waiting["preview"]) == (False, None)
    hosts = TakenErrands(panel.database)
    (errand,) = hosts.take("mail1")
    steps = (Step("count", True, 12, "3 messages due."),)
    hosts.answer(ErrandAnswer(errand.number, None, steps, (), preview))
    (host,) = panel.call("GET", f"{INTERVAL}test/{begun['ticket']}/").json["test"]["hosts"]
    assert (host["done"], host["ok"]) == (True, True)
    return host


def test_each_folder_is_answered_with_all_that_is_documented(panel: Panel) -> None:
    (junk, trash) = answered(panel, (JUNK, NONE))["preview"]
    assert junk == {
        "folder": "Junk",
        "days": 7,
        "messages": 3,
        "newly": 2,
        "bytes": 600,
        "mailboxes": 1,
        "oldest": "2026-10-13",
        "complete": True,
        "says": "Junk: 3 messages.",
    }
    assert (trash["oldest"], trash["complete"]) == (None, False)
    hosts = openapi.document()["components"]["schemas"]["tested"]["properties"]["hosts"]
    folder = hosts["items"]["properties"]["preview"]["items"]
    assert sorted(junk) == folder["required"]


def test_what_was_not_counted_is_null(panel: Panel) -> None:
    assert answered(panel, None)["preview"] is None
    assert answered(panel, ())["preview"] == []
