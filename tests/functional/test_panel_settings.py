"""The pages of the settings, written against whatever settings there are."""

from __future__ import annotations

import sqlalchemy as sa
from panel import Panel
from typing_in import (
    confirmed,
    each_generated,
    each_setting,
    each_typed,
    form_of,
    other_text,
    set_by_api,
    texts,
    url,
    value_of,
    with_secret,
)

from mailpanel.forms import AGAIN, KEPT, setting_form
from mailpanel.models import PanelSession, Revision
from mailpanel.settings import SETTINGS, Setting


class TestContract:
    @each_typed
    def test_form_and_json_give_the_same_appstruct(self, setting: Setting) -> None:
        """They are read by the same schema."""
        form = setting_form(setting, None, texts(setting))
        assert setting.validate(form.cstruct, form=True) == setting.validate(dict(setting.example))

    @each_typed
    def test_what_is_stored_stands_in_the_form_and_is_taken_from_it(self, setting: Setting) -> None:
        """Saved as it is shown, it is the same value."""
        value = setting.public(setting.validate(dict(setting.example)))
        form = setting_form(setting, value)
        secret = {setting.secret_field: "x"} if setting.secret_field else {}
        assert setting.public(setting.validate({**form.cstruct, **secret}, form=True)) == value

    @each_setting
    def test_every_setting_says_in_words_what_is_so(self, setting: Setting) -> None:
        """In sentences, set or not."""
        value = setting.shown(setting.public(setting.example))
        for words in (setting.in_words(value), setting.unset):
            assert words[0].isupper()
            assert words.endswith(".")


class TestSaving:
    @each_typed
    def test_a_saved_form_is_what_the_api_would_have_stored(
        self, panel: Panel, setting: Setting
    ) -> None:
        """And leads back to the page, which says so, once."""
        browser = panel.browser()
        answer = confirmed(browser, browser.send(browser.get(url(setting)), **texts(setting)))
        assert (answer.status_int, answer.headers["Location"]) == (303, url(setting))
        expected = setting.public(setting.validate(dict(setting.example)))
        assert value_of(panel, setting) == expected
        page = browser.get(url(setting))
        assert "Saved." in page.text
        assert setting.in_words(expected) in page.text
        assert "Saved." not in browser.get(url(setting)).text

    @each_typed
    def test_the_author_and_where_from_are_kept(self, panel: Panel, setting: Setting) -> None:
        """As with the API, but without a token."""
        browser = panel.browser()
        confirmed(browser, browser.send(browser.get(url(setting)), **texts(setting)))
        with panel.database.reading() as session:
            (revision,) = session.scalars(sa.select(Revision)).all()
        assert (revision.author, revision.token_id) == ("MasterAdmin", None)

    @each_typed
    def test_a_wrong_form_comes_back_with_what_was_typed(
        self, panel: Panel, setting: Setting
    ) -> None:
        """The sentence beside each field, the focus on the first, and nothing stored."""
        browser = panel.browser()
        wrong = dict.fromkeys(texts(setting), "\N{SNOWMAN} : ")
        answer = browser.send(browser.get(url(setting)), **wrong)
        assert answer.status_int == 422
        html = answer.html
        invalid = html.select("[aria-invalid=true]")
        assert invalid
        assert [each["name"] for each in html.select("[autofocus]")] == [invalid[0]["name"]]
        for field in invalid:
            sentence = html.find(id=field["aria-describedby"].split()[0]).get_text()
            assert sentence.removeprefix("Wrong: ").endswith(".")
        for name in texts(setting):
            kept = "" if name == setting.secret_field else wrong[name]
            assert form_of(answer)[name].value == kept
        assert value_of(panel, setting) is None

    @each_typed
    def test_an_empty_form_names_what_is_required(self, panel: Panel, setting: Setting) -> None:
        """Unless everything may be left blank."""
        blank = dict.fromkeys(setting_form(setting, None, {}).fields, "")
        form = setting_form(setting, None, blank)
        answer = panel.browser().post(url(setting), **blank)
        try:
            setting.validate(form.cstruct, form=True)
        except Exception as error:  # noqa: BLE001 (whatever the schema says)
            assert answer.status_int == 422
            for each in error.errors:
                assert each.detail in answer.text
        else:
            assert answer.status_int == 303

    @each_typed
    def test_what_is_typed_is_text_whatever_it_looks_like(
        self, panel: Panel, setting: Setting
    ) -> None:
        """No markup, no expression of the template's."""
        browser = panel.browser()
        name, _ = other_text(setting)
        given = '"><script>alert(1)</script>${1+1}'
        answer = browser.send(browser.get(url(setting)), **{**texts(setting), name: given})
        assert "<script>alert" not in answer.text
        assert form_of(answer)[name].value == given


class TestSecrets:
    @with_secret
    def test_a_stored_secret_is_never_in_a_page(self, panel: Panel, setting: Setting) -> None:
        """It says that it is stored, and that a blank field keeps it."""
        set_by_api(panel, setting)
        browser = panel.browser()
        page = browser.get(url(setting))
        assert setting.example[setting.secret_field] not in page.text
        assert form_of(page)[setting.secret_field].attrs["placeholder"] == KEPT

    @with_secret
    def test_a_blank_field_keeps_it(self, panel: Panel, setting: Setting) -> None:
        """The very same blob: mailpanel itself cannot read it."""
        set_by_api(panel, setting)
        browser = panel.browser()
        assert browser.send(browser.get(url(setting))).status_int == 303
        with panel.database.reading() as session:
            first, second = session.scalars(sa.select(Revision.sealed)).all()
        assert first == second is not None

    @with_secret
    def test_it_is_not_kept_for_another_destination(self, panel: Panel, setting: Setting) -> None:
        """The message stands beside the field of the password."""
        set_by_api(panel, setting)
        browser = panel.browser()
        name, text = other_text(setting)
        answer = browser.send(browser.get(url(setting)), **{name: text})
        assert answer.status_int == 422
        (field,) = answer.html.select("[aria-invalid=true]")
        assert field["name"] == setting.secret_field

    @with_secret
    def test_one_that_was_typed_into_a_form_that_failed_is_asked_for_again(
        self, panel: Panel, setting: Setting
    ) -> None:
        """It was to replace the stored one, which a blank field would keep in silence."""
        set_by_api(panel, setting)
        browser = panel.browser()
        secret = {setting.secret_field: "the new one"}
        wrong = {"server_port": "many"}
        answer = browser.send(browser.get(url(setting)), **secret, **wrong)
        assert answer.status_int == 422
        assert form_of(answer)[setting.secret_field].attrs["placeholder"] == AGAIN
        assert "the new one" not in answer.text
        good = {"server_port": str(setting.example["server_port"])}
        answer = browser.send(answer, **good)
        assert answer.status_int == 422
        (field,) = answer.html.select("[aria-invalid=true]")
        assert field["name"] == setting.secret_field
        assert "Type it once more" in answer.text
        assert browser.send(answer, **good, **secret).status_int == 303
        with panel.database.reading() as session:
            first, second = session.scalars(sa.select(Revision.sealed)).all()
        assert first != second

    @with_secret
    def test_blanks_inside_are_kept_and_at_the_ends_refused(
        self, panel: Panel, setting: Setting
    ) -> None:
        """None is taken off in silence."""
        browser = panel.browser()
        page = browser.get(url(setting))
        for secret, status in ((" x", 422), ("x ", 422), ("a b  c", 303)):
            typed = {**texts(setting), setting.secret_field: secret}
            assert browser.send(page, **typed).status_int == status


class TestGenerated:
    @each_generated
    def test_a_new_one_is_shown_in_the_answer_and_never_again(
        self, panel: Panel, setting: Setting
    ) -> None:
        """Nothing keeps it: no later page, no session, no revision."""
        browser = panel.browser()
        answer = browser.send(browser.get(url(setting)))
        assert answer.status_int == 200
        secret = answer.html.find(id="secret").get_text()
        assert len(secret) > 30
        assert secret not in browser.get(url(setting)).text
        with panel.database.reading() as session:
            kept = str(session.scalars(sa.select(PanelSession.kept)).all())
            assert secret not in kept + str(session.scalars(sa.select(Revision.value)).all())

    @each_generated
    def test_the_same_page_makes_no_second_one(self, panel: Panel, setting: Setting) -> None:
        """The first would be lost before anybody has written it down; a reload asks anew."""
        browser = panel.browser()
        page = browser.get(url(setting))
        browser.send(page)
        answer = browser.send(page)
        assert answer.status_int == 412
        assert answer.html.find(id="secret") is None
        (notice,) = answer.html.select(".notice[role=alert]")
        assert "was shown once" in notice.h2.get_text()
        assert "make a new one" in notice.get_text()
        with panel.database.reading() as session:
            assert session.scalar(sa.select(sa.func.count()).select_from(Revision)) == 1
        # That page asks anew, for who has none.
        assert browser.send(answer).html.find(id="secret") is not None

    @each_generated
    def test_one_that_another_has_made_meanwhile_is_named(
        self, panel: Panel, setting: Setting
    ) -> None:
        """It is told who has it."""
        panel.call("PATCH", "/api/v1/accounts/MailUser/", {"perm_level": "MasterAdmin"})
        browser = panel.browser("MailUser")
        page = browser.get(url(setting))
        panel.set({}, f"/api/v1{url(setting)}")
        answer = browser.send(page)
        assert answer.status_int == 412
        assert "MasterAdmin has made a new password meanwhile" in answer.text


def test_an_unknown_setting_is_404(panel: Panel) -> None:
    """A page, with the way back; for whoever may not know, 403."""
    assert panel.browser().get("/settings/nothing/").status_int == 404
    assert panel.browser("MailUser").get("/settings/nothing/").status_int == 403


def test_every_setting_is_on_the_overview_and_in_the_navigation(panel: Panel) -> None:
    """None is written there: a fifth one appears by itself."""
    html = panel.browser().get("/").html
    assert [each.get_text() for each in html.select("main h2")][1:] == [
        setting.title for setting in SETTINGS.values()
    ]
    for setting in SETTINGS.values():
        assert html.select(f'nav a[href="{url(setting)}"]')[0].get_text() == setting.title
