"""The panel in another language than English: all that a page says comes through a catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from answering import answering
from factor import FACTOR, enrol
from foreign import TAG, Foreign, untranslated
from panel import ACCOUNTS_URL, ADDRESS, AUTH_URL, PASSWORD, RELAYHOST, Panel
from test_panel_clearing import ran
from test_panel_deletions import DONE as COUNTED
from test_panel_relay import AILING
from typing_in import confirmed, set_by_api, texts, url
from webtest import TestResponse

from mailpanel.relay_words import say
from mailpanel.services.accounts import Accounts
from mailpanel.services.audit import Author
from mailpanel.services.tokens import Tokens
from mailpanel.settings import SETTINGS

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True, scope="session")

MAILER, RELAY, INTERVAL, MASTER = SETTINGS.values()
AUTHOR = Author("MasterAdmin", None, ADDRESS)
DRIFT = {"path": "/etc/postfix/main.cf", "diff": "--- a\n+++ b\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"}
SASL = {**DRIFT, "path": "/etc/postfix/sasl"}
OWN = {"relayhost": "[own.test]:25"}
NO = "It did not work."
# What people and hosts are called here, and what hosts say: no catalogue has it.
KNOWN = {
    "mail1",
    "mail2",
    "localhost",
    "alice",
    "relay-user",
    "filter1020.mymailcheap.com",
    "mail3.mymailcheap.com",
    "noreply@vonmail.com",
    "me@example.org",
    "main.cf",
    "sasl",
    "postfix",
    "own.test",
    "other-setting",
    "read-only",
    "monitoring",
    "Junk",
    "Trash",
    "log_in",
    "starttls",
    "tls",
    "none",
    NO,
}


class Reader:
    """Somebody who knows the foreign language alone, and looks at each page for a word of ours."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.language = Foreign()
        self.language.speak(panel.wsgi.registry)
        self.browser = panel.browser(languages=f"{TAG}-AT, en;q=0.5")

    def reads(self, answer: TestResponse, status: int = 200) -> TestResponse:
        """Assert that *answer*, or the page that it leads to, has no word of ours."""
        if answer.status_int == 303:
            answer, status = self.browser.get(answer.headers["Location"]), 200
        assert answer.status_int == status
        assert answer.html.html["lang"] == TAG
        assert untranslated(answer.html, KNOWN) == []
        return answer

    def opens(self, path: str, status: int = 200) -> TestResponse:
        return self.reads(self.browser.get(path), status)

    def sends(self, path: str, status: int = 200, **texts: str) -> TestResponse:
        return self.reads(self.browser.post(path, **texts), status)


@pytest.fixture
def reader(panel: Panel) -> Iterator[Reader]:
    return Reader(panel)


def has_everything(panel: Panel) -> None:
    """Have each setting set, and the host mail1 tell something of each."""
    for setting in SETTINGS.values():
        set_by_api(panel, setting)
    health = {"relay_health": AILING, "undelivered": NO, "present": OWN}
    panel.report(RELAY.name, 1, details=health)
    panel.report(INTERVAL.name, 1, details={"drift": [DRIFT, SASL], "problem": NO, "fight": NO})
    panel.report(MAILER.name, 1, "failed", error=NO, step="probe")
    panel.report(MASTER.name, 1, details={"log_in_as": "a*b", "last_log_in": NO})


class TestWithoutAWordOfOurs:
    def test_the_log_in(self, panel: Panel, reader: Reader) -> None:
        """Right, wrong, too often wrong, and half-way."""
        enrol(panel, panel.browser("MailUser"))
        reader.browser = panel.browser(None, languages=TAG)
        reader.opens("/login")
        reader.reads(reader.browser.log_in("MailUser", "wrong"), 403)
        half_way = reader.reads(reader.browser.log_in("MailUser", PASSWORD))
        reader.reads(reader.browser.send(half_way, code="000000"), 403)
        reader.sends("/login/code", 403, ticket="old", code="000000")
        for _ in range(12):
            answer = reader.browser.log_in("MailUser", "wrong")
        reader.reads(answer, 429)

    def test_pages_where_nothing_is_yet(self, reader: Reader) -> None:
        """Each says what will stand there."""
        for path in (
            "/",
            "/hosts/",
            "/audit/",
            "/accounts/",
            "/tokens/",
            "/account/",
            "/clearing/",
        ):
            reader.opens(path)
        for setting in SETTINGS.values():
            for page in ("", "reset/", "history/"):
                reader.opens(f"{url(setting)}{page}")

    def test_pages_of_settings_that_are_set(self, panel: Panel, reader: Reader) -> None:
        """Applied, failed, edited by hand, with mail that waits; on the way, and reset."""
        has_everything(panel)
        for _ in range(2):
            for path in ("/", "/hosts/", "/audit/", "/hosts/mail1/forget/"):
                reader.opens(path)
            for setting in SETTINGS.values():
                for page in ("", "reset/", "history/"):
                    reader.opens(f"{url(setting)}{page}")
            panel.report(RELAY.name, 1, "applying", step="probe")
            panel.report(MAILER.name, 1, "applying", step="put back")
            panel.report(INTERVAL.name, 1, details={"unread_edits": NO})
            panel.hosts.checked_in("mail2", {})
        for setting in SETTINGS.values():
            reader.sends(f"{url(setting)}reset/", revision="1")
            panel.report(setting.name, 2, "failed", error=NO, details={"present": OWN})
            reader.opens(url(setting))
        reader.opens("/")
        reader.opens(f"{url(RELAY)}history/")

    def test_what_follows_a_form(self, panel: Panel, reader: Reader) -> None:
        """Saved, restored, tried again, reset; and what is asked before more is deleted."""
        for setting in (MAILER, RELAY):
            reader.sends(url(setting), revision="", security="", **texts(setting))
        reader.sends(f"{url(RELAY)}again/", revision="1")
        reader.sends(f"{url(RELAY)}history/1/restore/", revision="2")
        reader.sends(f"{url(RELAY)}reset/", revision="3")
        reader.sends(f"{url(RELAY)}reset/", revision="3")
        with answering(panel, mail1=COUNTED, mail2={**COUNTED, "preview": None, "error": NO}):
            asked = reader.sends(url(INTERVAL), junk_days="7", trash_days="14", revision="")
        panel.wsgi.registry.errand_wait = 0
        reader.reads(reader.browser.send(asked, confirm="no"), 422)
        reader.reads(confirmed(reader.browser, asked))

    def test_what_was_cleared_and_what_clears_now(self, panel: Panel, reader: Reader) -> None:
        """Done, failed and under way; asked, refused, and begun."""
        set_by_api(panel, INTERVAL)
        panel.report(INTERVAL.name, 1)
        for messages, more in ((0, {}), (9, {"asked_by": "alice"}), (9, {"error": NO})):
            ran(panel, messages, **more)
            reader.opens("/clearing/")
            reader.opens("/")
        with answering(panel, mail1=COUNTED):
            asked = reader.sends("/clearing/run/")
        with answering(panel, mail1=COUNTED):
            reader.reads(reader.browser.send(asked, confirm="no"), 422)
        reader.reads(confirmed(reader.browser, asked))
        ran(panel, 0, ended=None, mail_store="mail2")
        reader.opens("/clearing/")
        reader.reads(confirmed(reader.browser, asked))

    def test_what_is_wrong_with_what_was_typed(self, panel: Panel, reader: Reader) -> None:
        """Beside each field, and above the form."""
        wrong = ("", "x" * 300, "a b", " x", "0", "99999", "[x]", "1.2.3", "x_y", "a:b", "::1%1")
        for text in wrong:
            typed = dict.fromkeys(RELAY.example, text)
            reader.sends(url(RELAY), 422, revision="", **typed, security=text)
        for text in ("", "a b", "x" * 300):
            form = {"username": f"{text}!", "recovery_email": text or "x", "language": text or "x"}
            reader.sends("/accounts/", 422, password=text, perm_level=text, **form)
            networks = {"networks": text or "x", "expires": "2020-01-01"}
            reader.sends("/tokens/", 422, name=text or "\x01", revision="0", **networks)
            reader.sends("/account/", 422, current="not it", password=text, again="another")
        for setting in (MAILER, INTERVAL):
            reader.sends(url(setting), 422, revision="")
            reader.sends(url(setting), 422, revision="", **dict.fromkeys(setting.example, "0"))
        same = {"password": PASSWORD, "perm_level": "MailUser", "recovery_email": ""}
        reader.sends("/accounts/", 409, username="MailUser", language="", **same)

    def test_two_at_one_setting(self, panel: Panel, reader: Reader) -> None:
        """What differs, and what was shown once."""
        set_by_api(panel, RELAY)
        reader.sends(url(RELAY), 412, revision="", security="", **texts(MAILER))
        reader.sends(f"{url(RELAY)}reset/", 412, revision="7")
        reader.sends(url(MASTER), revision="")
        reader.sends(url(MASTER), 412, revision="")
        account = {"perm_level": "MailUser", "recovery_email": "", "language": ""}
        reader.sends("/accounts/MailUser/", 412, revision="0", **account)

    @pytest.mark.parametrize("error", [None, NO])
    def test_what_hosts_answer(self, panel: Panel, reader: Reader, error: str | None) -> None:
        """To a test, and to what they are asked to do."""
        set_by_api(panel, RELAY)
        steps = [
            {"name": name, "ok": error is None, "says": "", "duration_ms": 1234}
            for name in ("read", "resolve", "tls", "message", "other ways")
        ]
        said: dict[str, Any] = {"steps": steps, "diffs": [], "preview": None, "error": error}
        typed = {**texts(RELAY), "revision": "1", "security": ""}
        for asked in ("test", "put-back", "adopt", "flush"):
            more = {} if asked == "test" else {"host": "mail1"}
            with answering(panel, mail1=said):
                reader.sends(f"{url(RELAY)}{asked}/", **typed, **more)
        panel.wsgi.registry.errand_wait = 0
        for asked in ("put-back", "adopt", "flush"):
            reader.sends(f"{url(RELAY)}{asked}/", host="mail1")
        reader.sends(f"{url(RELAY)}test/", 422, message="1", **typed)

    def test_accounts_and_tokens(self, panel: Panel, reader: Reader) -> None:
        """One's own and others'."""
        add = {"perm_level": "MailUser", "password": PASSWORD, "language": ""}
        reader.sends("/accounts/", username="alice", recovery_email="me@example.org", **add)
        for name in ("alice", "MasterAdmin", "MailUser"):
            reader.opens(f"/accounts/{name}/")
            reader.opens(f"/accounts/{name}/remove/")
        reader.sends("/accounts/alice/password/", password=PASSWORD)
        reader.sends("/accounts/alice/password/", 422, password="short")
        reader.sends("/accounts/MasterAdmin/remove/", 409)
        reader.sends("/accounts/alice/remove/")
        made = {"name": "monitoring", "networks": "10.0.0.0/8", "expires": "2099-01-01"}
        newest = reader.opens("/tokens/").html.find(attrs={"name": "revision"})["value"]
        reader.sends("/tokens/", revision=newest, **made)
        reader.sends("/tokens/", 412, revision=newest, **made)
        number = max(each["id"] for each in Tokens(panel.database).list("MasterAdmin"))
        reader.opens(f"/tokens/{number}/revoke/")
        reader.sends(f"/tokens/{number}/revoke/")
        Accounts(panel.database).change("MasterAdmin", {"api_access": False}, AUTHOR)
        reader.opens("/tokens/")

    def test_the_second_factor(self, panel: Panel, reader: Reader) -> None:
        """Set up, used, and removed; and the question who one is."""
        reader.reads(reader.browser.send(reader.opens(FACTOR), code="0"), 422)
        phone = enrol(panel, reader.browser)
        reader.opens("/account/")
        reader.sends(f"{FACTOR}codes/")
        reader.opens(f"{FACTOR}remove/")
        panel.let_proofs_age()
        asked = reader.opens("/account/confirm/?next=/account/")
        reader.reads(reader.browser.send(asked, code="000000"), 403)
        reader.reads(reader.browser.send(asked, code=phone.code()))
        reader.sends(f"{FACTOR}remove/")
        panel.let_proofs_age()
        reader.sends("/tokens/", 403, name="monitoring", revision="0")
        asked = reader.opens("/account/confirm/?next=/account/")
        reader.reads(reader.browser.send(asked, password="wrong"), 403)
        reader.reads(reader.browser.send(asked, password=PASSWORD))
        new = "another horse battery"
        reader.sends("/account/", current=PASSWORD, password=new, again=new)

    def test_what_cannot_be_done(self, panel: Panel, reader: Reader) -> None:
        """Each error has a page."""
        reader.opens("/nowhere/", 404)
        reader.opens("/settings/nothing/", 404)
        reader.opens("/logout", 405)
        reader.reads(reader.browser.raw("/accounts/", b"\xff"), 400)
        reader.reads(reader.browser.raw("/accounts/", b"x" * 70_000), 413)
        reader.reads(reader.browser.raw("/accounts/", b"{}", Content_Type="application/json"), 415)
        reader.reads(reader.browser.post("/tokens/", "old", name="x"))
        reader.browser.forget()
        reader.reads(reader.browser.post(url(RELAY), "old", **texts(RELAY)), 403)
        reader.browser = panel.browser("MailUser", languages=TAG)
        reader.opens("/accounts/", 403)
        panel.lose_database()
        reader.opens("/account/", 503)


def test_what_a_host_says_of_a_relay_is_said_in_the_pages_language(panel: Panel) -> None:
    """The relay's own words within it stay, and what is not known is marked up as English."""
    has_everything(panel)
    refused = str(say("password", said="535 5.7.8 no"))
    panel.report(RELAY.name, 1, details={"relay_health": {**AILING, "says": refused}})
    panel.report(MAILER.name, 1, "failed", error=refused, step="probe")
    page = panel.browser(languages="de").get("/").html
    found = page.find_all(string=re.compile("weist aber das Passwort zurück \\(535 5.7.8 no\\)"))
    assert len(found) == 2
    assert refused not in page.get_text()
    for path in (url(RELAY), url(MAILER), "/hosts/"):
        page = panel.browser(languages="de").get(path).html
        said = page.find(string=re.compile("weist aber das Passwort"))
        assert said.find_parent(lang=True)["lang"] == "de"
    unknown = panel.browser(languages="de").get(url(INTERVAL)).html.find(string=re.compile(NO))
    assert unknown.find_parent(lang=True)["lang"] == "en"


class TestWhichLanguage:
    @pytest.mark.parametrize(
        ("languages", "spoken"),
        [
            (None, "en"),
            ("de", "de"),
            ("de-AT, en;q=0.5", "de"),
            ("fr, de;q=0.5", "de"),
            ("en, de;q=0.9", "en"),
            ("fr", "en"),
            ("de;q=0", "en"),
            ("*", "en"),
            ("\x7f;;q=x", "en"),
        ],
    )
    def test_before_the_log_in_it_is_the_browsers(
        self, panel: Panel, languages: str | None, spoken: str
    ) -> None:
        """As far as there is a catalogue, else English; the page says which it is."""
        page = panel.browser(None, languages=languages).get("/login")
        assert page.html.html["lang"] == spoken
        assert page.html.h1.get_text() == {"en": "Log in", "de": "Anmelden"}[spoken]

    @pytest.mark.parametrize(
        ("account", "languages", "spoken"),
        [("de", "en", "de"), ("de-CH", None, "de"), ("en", "de", "en"), ("fr", "de", "de")],
    )
    def test_after_it_the_accounts_counts(
        self, panel: Panel, account: str, languages: str | None, spoken: str
    ) -> None:
        """One that nobody has translated leaves it to the browser."""
        Accounts(panel.database).change("MailUser", {"language": account}, AUTHOR)
        page = panel.browser("MailUser", languages=languages).get("/account/")
        assert page.html.html["lang"] == spoken

    def test_who_chooses_one_is_answered_in_it(self, panel: Panel) -> None:
        """At once, with the sentence that says that it is saved."""
        browser = panel.browser()
        page = browser.get("/accounts/MasterAdmin/")
        answer = browser.send(page, language="de")
        page = browser.get(answer.headers["Location"])
        assert page.html.html["lang"] == "de"
        assert page.html.select_one(".flash").get_text() == "Gespeichert."

    def test_a_page_that_says_that_the_database_is_away_is_in_the_browsers(
        self, panel: Panel
    ) -> None:
        """The account's is not to be had then."""
        browser = panel.browser(languages="de")
        panel.lose_database()
        page = browser.get("/")
        assert page.status_int == 503
        assert page.html.h1.get_text() == "Die Datenbank ist nicht da"

    def test_the_name_that_confirms_is_the_one_on_the_page(self, panel: Panel) -> None:
        """The English one is another there."""
        browser = panel.browser(languages="de")
        sent = {"junk_days": "7", "trash_days": "14", "revision": ""}
        asked = browser.post(url(INTERVAL), **sent)
        assert browser.send(asked, confirm=INTERVAL.title).status_int == 422
        assert browser.send(asked, confirm="junk und papierkorb").status_int == 303

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", RELAYHOST, None),
            ("POST", RELAYHOST, {"server_hostname": "a b", "server_port": True}),
            ("POST", ACCOUNTS_URL, {"username": "!", "perm_level": "x", "password": "short"}),
            ("POST", AUTH_URL, {"username": "x", "password": "y"}),
            ("GET", "/api/v1/nothing/", None),
            ("GET", "/api/v1/openapi.json", None),
        ],
    )
    def test_programs_are_answered_in_english(
        self, panel: Panel, method: str, path: str, body: Any
    ) -> None:
        """Whatever their client says of languages, to the byte."""
        sent = b"" if body is None else body
        german = panel.call(method, path, sent, headers={"Accept-Language": "de"})
        assert german.body == panel.call(method, path, sent).body
