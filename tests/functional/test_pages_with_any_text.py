"""Whatever somebody types, or their browser says, stands in a page as text and as nothing else."""

from __future__ import annotations

from html.parser import HTMLParser
from ipaddress import ip_network
from urllib.parse import urlencode

import pytest
from browser import Browser
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from panel import PASSWORD, Panel

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True, scope="session")
GENERATED = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
# A browser sends line ends as CR LF, and NUL not at all.
TEXT = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0\r\n\x0c"), max_size=30
) | st.lists(
    st.sampled_from(
        ['"', "'", "<", ">", "&", "&quot;", "</h1>", "${x}", "-->", "]]>", "=", " ", "\\"]
    ),
    max_size=8,
).map("".join)
EVIL = "\"'><script x>alert(1)</script><b onclick title="
FIELDS = ["server_hostname", "server_port", "username"]


class Read(HTMLParser):
    """A page as a browser reads it: its elements with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def input(self, name: str) -> str | None:
        """Return the value that stands in a field."""
        (found,) = [each for tag, each in self.elements if each.get("name") == name]
        return found.get("value", "")

    def require_harmless(self) -> None:
        """Assert that there is no element and no attribute but ours."""
        assert all(each.get("src") for tag, each in self.elements if tag == "script")
        for tag, attributes in self.elements:
            assert tag.isalnum(), tag
            assert tag not in ("b", "style", "iframe", "object", "embed", "base")
            assert not any(name.startswith("on") for name in attributes)
            for name in ("href", "action", "src"):
                assert (attributes.get(name) or "/").startswith(("/", "#", "?")), attributes


@pytest.mark.parametrize("field", FIELDS)
def test_what_is_typed_comes_back_as_it_was_typed(shared_panel: Panel, field: str) -> None:
    """In its field, beside what is wrong with it."""
    browser = shared_panel.browser()
    token = browser.token()

    @GENERATED
    @given(text=TEXT)
    @example(text=EVIL)
    def check(text: str) -> None:
        typed = {**dict.fromkeys(FIELDS, "?"), "security": "x", field: text}
        answer = browser.post("/settings/postfix_relayhost/", token, **typed)
        assert answer.status_int == 422
        page = Read(answer.text)
        page.require_harmless()
        assert page.input(field) == text

    check()


def test_the_log_in_shows_a_username_as_it_was_typed(panel: Panel) -> None:
    """And leads to a path of this panel alone."""
    # From one address only some wrong passwords are looked at.
    addresses = ip_network("10.0.0.0/8").hosts()

    @GENERATED
    @given(text=TEXT, next_page=TEXT)
    @example(text=EVIL, next_page="//evil.test/")
    @example(text=EVIL, next_page="javascript:alert(1)")
    @example(text=EVIL, next_page="https://evil.test/")
    def check(text: str, next_page: str) -> None:
        browser = Browser(panel.wsgi, str(next(addresses)))
        answer = browser.post("/login", username=text, password="x", next=next_page)
        page = Read(answer.text)
        page.require_harmless()
        assert page.input("username") == text

    check()


def test_a_filter_of_the_audit_log_is_shown_as_text(shared_panel: Panel) -> None:
    """And so is a setting that there is not."""
    browser = shared_panel.browser()

    @GENERATED
    @given(text=TEXT)
    @example(text=EVIL)
    def check(text: str) -> None:
        for url in ("/audit/?before=", "/login?next=", "/nowhere/?x="):
            Read(browser.get(f"{url}{_quoted(text)}").text).require_harmless()

    check()


def test_a_browser_that_calls_itself_anything_is_listed_as_that(panel: Panel) -> None:
    """Where somebody is logged in, on the page of their account."""
    for name in (EVIL, "&lt;b&gt;", "${x}"):
        browser = panel.browser(None)
        page = browser.get("/login")
        form = {"username": "MasterAdmin", "password": PASSWORD}
        token = page.forms[0]["csrf_token"].value
        body = urlencode({**form, "csrf_token": token}).encode()
        assert browser.raw("/login", body, User_Agent=name).status_int == 303
        account = Read(browser.get("/account/").text)
        account.require_harmless()
        assert name in account.text


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())
