"""What holds for the pages beside the settings': hosts, errors, files, limits."""

from __future__ import annotations

import gzip
import re

import pytest
from panel import Panel
from webob import Request

from mailpanel.checks import LARGEST_BODY
from mailpanel.services.hosts import Hosts
from mailpanel.services.sessions import Sessions

SETTING = "/settings/postfix_relayhost/"


class TestHosts:
    def test_a_host_is_shown_with_what_it_runs_and_has(self, panel: Panel) -> None:
        """By the settings' titles."""
        details = {"live_revision": 7}
        panel.report("postfix_relayhost", 8, "failed", error="It did not work.", details=details)
        text = " ".join(panel.browser().get("/hosts/").html.get_text().split())
        assert "Live there is revision 7." in text
        for each in ("mail1", "3.7.11", "Relayhost", "failed, revision 8", "It did not work."):
            assert each in text

    def test_where_there_is_none_it_says_how_to_get_one(self, panel: Panel) -> None:
        """An empty page would be no help."""
        assert "mailpanel apply" in panel.browser().get("/hosts/").text

    def test_a_host_is_forgotten_after_a_question(self, panel: Panel) -> None:
        """Whatever it is called."""
        name = "mäil1?.example"
        panel.hosts.checked_in(name, {})
        browser = panel.browser()
        link = browser.get("/hosts/").html.select("main a[href$='/forget/']")[0]["href"]
        answer = browser.get(link)
        if answer.status_int == 200:
            answer = browser.send(answer)
        assert answer.headers["Location"] == "/hosts/"
        assert f"{name} is forgotten." in browser.get("/hosts/").text
        assert panel.hosts.list() == []


class TestErrors:
    def test_without_the_database_a_page_says_so(self, panel: Panel) -> None:
        """With when to come back, logged in or not."""
        browser, stranger = panel.browser(), panel.browser(None)
        page = stranger.get("/login")
        panel.lose_database()
        for answer in (
            browser.get("/"),
            browser.get(SETTING),
            stranger.send(page, username="a", password="b"),
        ):
            assert (answer.status_int, answer.headers["Retry-After"]) == (503, "5")
            assert "Nothing was changed." in answer.text

    def test_a_fault_is_a_page_that_tells_nothing(
        self, panel: Panel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """And a line in the log that does not say what was sent."""
        browser = panel.browser()

        def fail(_self: Hosts) -> None:
            raise RuntimeError("a " + "secret")

        monkeypatch.setattr(Hosts, "list", fail)
        answer = browser._app.get("/hosts/", status=500)  # 500 is no page to be expected
        assert "secret" not in answer.text
        assert "RuntimeError" in caplog.text
        assert "a secret" not in caplog.text

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "POST"])
    def test_another_method_is_405_with_those_there_are(self, panel: Panel, method: str) -> None:
        """As a page; HEAD goes with GET."""
        answer = panel.call(method, "/hosts/", caller="nobody")
        assert (answer.status_int, answer.headers["Allow"]) == (405, "GET, HEAD")

    def test_a_missing_slash_is_308(self, panel: Panel) -> None:
        """With the query; and a path that is nothing is 404."""
        answer = panel.browser(None).get("/hosts?x=1")
        assert (answer.status_int, answer.headers["Location"]) == (308, "/hosts/?x=1")
        assert panel.browser(None).get("/nowhere").status_int == 404


class TestForms:
    @pytest.mark.parametrize(
        ("body", "headers", "status"),
        [
            (b"a=" + b"x" * LARGEST_BODY, {}, 413),
            (b"a=%ff", {}, 400),
            (b"a=\xff", {}, 400),
            (b"server_port=1&server_port=2", {}, 400),
            (b"{}", {"Content_Type": "application/json"}, 415),
            (b"", {"Content_Type": "multipart/form-data; boundary=x"}, 415),
            (b"a=b", {"Content_Type": "text/plain"}, 415),
            (b"a=b;c=d&__start__=x:mapping", {}, 403),
        ],
        ids=["large", "escape", "raw", "twice", "json", "multipart", "text", "no token"],
    )
    def test_what_is_no_form_of_ours_is_refused(
        self, panel: Panel, body: bytes, headers: dict[str, str], status: int
    ) -> None:
        """Before anything is read of it."""
        assert panel.browser(None).raw(SETTING, body, **headers).status_int == status

    def test_fields_that_are_none_are_ignored(self, panel: Panel) -> None:
        """Deform's own marks among them."""
        answer = panel.browser().post(SETTING, __start__="x:sequence", __formid__="x", y="z")
        assert answer.status_int == 422


class TestFiles:
    def test_what_a_page_loads_is_there_and_never_asked_for_again(self, panel: Panel) -> None:
        """Whoever looks; together with the first page it is less than 100 KB."""
        browser = panel.browser(None)
        page, first = browser.get("/login"), panel.browser().get("/")
        total = len(page.body) + len(first.body)
        files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
        assert len(files) == 4
        for url in files:
            # Not by WebTest, which unpacks it.
            asked = Request.blank(url, headers={"Accept-Encoding": "gzip"})
            answer = asked.get_response(panel.wsgi)
            assert answer.status_int == 200
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert answer.headers["Content-Encoding"] == "gzip"
            total += len(answer.body)
            plain = browser.get(url)
            assert "Content-Encoding" not in plain.headers
            assert plain.body == gzip.decompress(answer.body)
        assert total < 100_000

    def test_no_page_asks_another_host(self, panel: Panel) -> None:
        """Nor does a file of ours."""
        browser = panel.browser()
        urls = (
            "/",
            SETTING,
            "/hosts/",
            "/account/",
            "/accounts/",
            "/tokens/",
            "/audit/",
            "/clearing/",
        )
        pages = [browser.get(url) for url in urls]
        for url in re.findall(r'(?:href|src)="(/static/[^"]+)"', pages[0].text):
            if "bootstrap" not in url:
                pages.append(browser.get(url))
        for page in pages:
            assert not re.findall(r"(?:href|src|action|url\()[=\s\"'(]*(?:https?:)?//", page.text)

    @pytest.mark.parametrize("path", ["0/panel.css", "..%2f..%2f/etc/passwd", "x/nothing.css"])
    def test_nothing_else_is_served(self, panel: Panel, path: str) -> None:
        """Not even the right file by a wrong digest."""
        assert panel.browser(None).get(f"/static/{path}").status_int == 404


def test_a_page_is_read_in_few_steps(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session is looked up once a request."""
    browser = panel.browser()
    asked: list[str] = []
    real = Sessions.get

    def counted(self: Sessions, session_id: str) -> object:
        asked.append(session_id)
        return real(self, session_id)

    monkeypatch.setattr(Sessions, "get", counted)
    browser.get("/")
    assert len(asked) == 1
