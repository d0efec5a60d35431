"""Two administrators at one setting, or one who clicks twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from browser import Browser
from panel import PASSWORD, Panel
from typing_in import (
    confirmed,
    each_typed,
    other_text,
    set_by_api,
    texts,
    url,
    value_of,
)
from webtest import TestResponse

from mailpanel.models import Revision
from mailpanel.services.accounts import Accounts
from mailpanel.settings import Setting


class TestTwoAdministrators:
    def overtake(self, panel: Panel, setting: Setting) -> tuple[Browser, TestResponse]:
        """Return a browser with a page of it from before somebody else changed the setting."""
        Accounts(panel.database).add("other", "MasterAdmin", PASSWORD)
        browser, other = panel.browser(), panel.browser("other")
        page = browser.get(url(setting))
        name, text = other_text(setting)
        theirs = {**texts(setting), name: text}
        answer = other.send(other.get(url(setting)), **theirs)
        assert confirmed(other, answer).status_int == 303
        return browser, page

    @each_typed
    @pytest.mark.parametrize("was_set", [True, False])
    def test_the_second_is_told_and_keeps_what_was_typed(
        self, panel: Panel, setting: Setting, was_set: bool
    ) -> None:
        """With what differs; saved once more, it counts."""
        if was_set:
            set_by_api(panel, setting)
        name, text = other_text(setting)
        browser, page = self.overtake(panel, setting)
        answer = browser.send(page, **texts(setting))
        assert answer.status_int == 412
        assert "other has changed this meanwhile" in answer.text
        (row,) = answer.html.select("tbody tr")
        assert [each.get_text() for each in row.select("td")] == [str(setting.example[name]), text]
        assert str(value_of(panel, setting)[name]) == text
        secret = (
            {setting.secret_field: texts(setting)[setting.secret_field]}
            if (setting.secret_field)
            else {}
        )
        assert confirmed(browser, browser.send(answer, **secret)).status_int == 303
        assert value_of(panel, setting)[name] == setting.example[name]

    @each_typed
    def test_a_reset_is_told_too(self, panel: Panel, setting: Setting) -> None:
        """Nobody resets what they have not seen."""
        set_by_api(panel, setting)
        browser = panel.browser()
        question = browser.get(f"{url(setting)}reset/")
        name, text = other_text(setting)
        set_by_api(panel, setting, **{name: type(setting.example[name])(text)})
        answer = browser.send(question)
        assert answer.status_int == 412
        assert str(value_of(panel, setting)[name]) == text
        assert browser.send(answer).status_int == 303
        assert value_of(panel, setting) is None

    @each_typed
    def test_a_double_click_saves_once(self, panel: Panel, setting: Setting) -> None:
        """The second answer is that of the first."""
        browser = panel.browser()
        page = browser.get(url(setting))
        for _ in range(2):
            answer = confirmed(browser, browser.send(page, **texts(setting)))
            assert (answer.status_int, answer.headers["Location"]) == (303, url(setting))
        with panel.database.reading() as session:
            assert session.scalar(sa.select(sa.func.count()).select_from(Revision)) == 1

    @each_typed
    def test_what_is_sent_again_much_later_is_no_double_click(
        self, panel: Panel, setting: Setting
    ) -> None:
        """It may have been changed and changed back meanwhile."""
        browser = panel.browser()
        page = browser.get(url(setting))
        confirmed(browser, browser.send(page, **texts(setting)))
        with panel.database.writing() as session:
            (revision,) = session.scalars(sa.select(Revision)).all()
            revision.created -= timedelta(minutes=1)
        assert browser.send(page, **texts(setting)).status_int == 412
