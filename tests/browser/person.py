"""Somebody who uses the panel, and what they do on every page."""

from __future__ import annotations

import re
import smtplib
import time
from subprocess import run
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Locator, Page, expect

from mailpanel.playground.whole import Playground

__all__ = ["WIDTHS", "Person"]

# CSS pixels: WCAG 1.4.10's smallest, a phone, a tablet, a desktop.
WIDTHS = (320, 360, 768, 1440)
# WCAG 2.2 AA, and what axe's authors hold for good practice.
AXE = {
    "runOnly": [
        "wcag2a",
        "wcag2aa",
        "wcag21a",
        "wcag21aa",
        "wcag22aa",
        "best-practice",
    ],
    "resultTypes": ["violations"],
}


class Person:
    """A browser profile; *options* are Playwright's for it, such as ``java_script_enabled``."""

    def __init__(self, playground: Playground, chromium: Browser, **options: Any) -> None:
        self.url: str = playground.record["url"]
        self.password: str = playground.record["password"]
        self._record = playground.record
        self._installation = playground.installation
        self._has_edited = False
        self._context = chromium.new_context(
            **{"viewport": {"width": 1440, "height": 900}, **options}
        )
        self.page: Page = self._context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def leave(self) -> None:
        """Close the browser; raise where a page has complained, or asked another host."""
        self._context.close()
        if self._has_edited:
            body = {"setting": "postfix_relayhost"}
            assert self._installation.api("POST", "hosts/playground/put-back/", body).status == 200
        # Chromium puts each answer of 4xx on the console, which is how a refused form is answered.
        complaints = [text for text in self.complaints if "Failed to load resource" not in text]
        elsewhere = [url for url in self.requests if not url.startswith((self.url, "data:"))]
        assert not complaints + elsewhere, "\n".join(complaints + elsewhere)

    def open(self, path: str) -> None:
        """Open a page."""
        self.page.goto(f"{self.url}{path}")

    def log_in(
        self, path: str = "/", username: str | None = None, password: str | None = None
    ) -> None:
        """Log in, as the administrator or somebody else, from the page that *path* leads to."""
        self.open(path)
        self.field("Username").fill(username or self._record["username"])
        self.field("Password").fill(password or self.password)
        self.button("Log in").click()
        expect(self.page).to_have_url(f"{self.url}{path}")

    def forget_session(self) -> None:
        """Lose the session's cookie, as when it has ended."""
        self._context.clear_cookies(name="mailpanel")

    def field(self, label: str) -> Locator:
        """Return the field that is labelled *label*."""
        return self.page.get_by_label(label, exact=True).or_(
            self.page.get_by_label(f"{label} (optional)", exact=True)
        )

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def link(self, name: str) -> Locator:
        return self.page.get_by_role("main").get_by_role("link", name=name, exact=True)

    def saves(self) -> None:
        """Save the form, and say yes where that would delete mail."""
        with self.page.expect_navigation():
            self.button("Save").click()
        if self.page.locator("#confirm").count():
            self.page.locator("#confirm").fill("Junk and Trash")
            self.button("Save and delete").click()

    def may_clear(self) -> None:
        """Set an interval that leaves the mail that other tests count, and see it applied."""
        self.open("/settings/junk_trash_clearing_interval/")
        self.fill(Junk="50", Trash="50")
        self.saves()
        self.sees_status("applied")

    def fill(self, **texts: str) -> None:
        """Fill in fields by their labels, in which a blank is written as ``_``."""
        for label, text in texts.items():
            self.field(label.replace("_", " ")).fill(text)

    def relay(self, **other: str) -> dict[str, str]:
        """Return what is to be typed for the playground's relay."""
        account = self._record["relay"]
        texts = {
            "Server": "localhost",
            "Port": str(self._record["ports"]["relay"]),
            "Username": account["username"],
            "Password": account["password"],
        }
        return {**texts, **other}

    def mailer(self) -> dict[str, str]:
        """Return what is to be typed for the playground's system mailer."""
        account = self._record["mailer"]
        return self.relay(Username=account["username"], Password=account["password"])

    def edits_by_hand(self, line: str) -> None:
        """Write *line* to main.cf on the host, and look at the overview until it is seen there.

        It is taken away again at the end.
        """
        self._has_edited = True
        postfix = self._record["directories"]["postfix"]
        run(["postconf", "-c", postfix, "-e", line], check=True)
        self.open("/")
        self.looks_again_until(self.page.locator(".notice"))

    def sends_mail(self) -> None:
        """Send a message to somebody outside, by the host's Postfix."""
        with smtplib.SMTP("127.0.0.1", self._record["ports"]["postfix"]) as client:
            client.sendmail("user@example.net", "friend@example.com", "Subject: hello\n\nHello.\n")

    def looks_again_until(self, there: Locator) -> None:
        """Load the page again and again until *there* is something, a while at most."""
        deadline = time.monotonic() + 90
        while not there.count() and time.monotonic() < deadline:
            time.sleep(0.5)
            self.page.reload()

    def sees(self, text: str) -> None:
        """Wait until *text* is to be seen; raise where it does not come."""
        expect(self.page.get_by_text(text).first).to_be_visible()

    def sees_status(self, text: str | re.Pattern[str]) -> None:
        """Wait, without touching the page, until it says so."""
        expect(self.page.locator("#chip")).to_have_text(text)

    def is_accessible(self) -> None:
        """Raise, with what and where, unless axe finds nothing wrong."""
        self.page.wait_for_load_state()
        if not self.page.evaluate("'axe' in globalThis"):
            self.page.evaluate(AXE_SCRIPT)
        found = self.page.evaluate("(options) => axe.run(options)", AXE)["violations"]
        wrong = [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]
        assert not wrong, "\n".join(wrong)

    def spaces_text(self) -> None:
        """Space the text as WCAG 1.4.12 has it, as somebody who reads badly may."""
        self.page.evaluate(
            """() => {
                const sheet = new CSSStyleSheet();
                sheet.replaceSync(`p { margin-bottom: 2em !important; } * {
                    line-height: 1.5 !important; letter-spacing: .12em !important;
                    word-spacing: .16em !important; }`);
                document.adoptedStyleSheets = [sheet];
            }"""
        )

    def fits(self) -> None:
        """Raise unless the page is as wide as the screen, and each target large enough.

        WCAG 1.4.10 and 2.5.8; a link in a sentence is no target.
        """
        self.page.wait_for_load_state()
        widths = "[document.documentElement.scrollWidth, innerWidth]"
        inner, outer = self.page.evaluate(widths)
        assert inner <= outer, f"the page is {inner} pixels wide on a screen of {outer}"
        small = self.page.evaluate(
            """[...document.querySelectorAll("button, input, select, .item, .btn")]
            .filter((each) => each.checkVisibility())
            .filter((each) => Math.min(each.offsetWidth, each.offsetHeight) < 24)
            .map((each) => each.outerHTML)"""
        )
        assert not small, f"too small: {small}"
