"""The first save of a setting: of two at one moment one counts, and a form is whole or nothing."""

from __future__ import annotations

import pytest
from panel import Panel

from mailpanel.errors import PreconditionFailed
from mailpanel.headers import NOT_SET
from mailpanel.seal import Sealer
from mailpanel.services.changes import Author, Changes
from mailpanel.services.wake import make_waker

INTERVAL = "junk_trash_clearing_interval"
PAGE = f"/settings/{INTERVAL}/"
ADMIN = Author("admin", None, "")


def test_the_condition_is_checked_where_the_value_is_stored(panel: Panel) -> None:
    """Not before: between the two somebody else's first save would be overwritten."""
    waker = make_waker(panel.database, panel.directory / "wake")
    changes = Changes(panel.database, Sealer(panel.directory / "keys" / "seal.pub"), waker)
    value = {"junk_days": 7, "trash_days": None}
    changes.set(INTERVAL, value, ADMIN, NOT_SET)
    with pytest.raises(PreconditionFailed):
        changes.set(INTERVAL, value, ADMIN, NOT_SET)
    changes.reset(INTERVAL, ADMIN)
    assert changes.set(INTERVAL, value, ADMIN, NOT_SET).revision == 3


def test_a_form_made_before_somebody_elses_first_save_is_told(panel: Panel) -> None:
    browser = panel.browser()
    page = browser.get(PAGE)
    panel.set({"junk_days": 30, "trash_days": 30}, f"/api/v1/settings/{INTERVAL}/")
    answer = browser.send(page, junk_days="7", trash_days="7")
    assert answer.status_int == 412
    state = panel.call("GET", f"/api/v1/settings/{INTERVAL}/").json["settings"]
    assert state["value"] == {"junk_days": 30, "trash_days": 30}


def test_a_field_that_is_not_sent_is_no_blank_one(panel: Panel) -> None:
    """A blank one means never, and a program that sends half a form does not."""
    answer = panel.browser().post(PAGE, revision="")
    assert answer.status_int == 422
    assert panel.call("GET", f"/api/v1/settings/{INTERVAL}/").status_int == 204
