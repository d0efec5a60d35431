"""Every page in every state, for everybody: axe, narrow screens, and what axe cannot see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pyotp
import pytest
from conftest import MakePerson
from person import WIDTHS, Person
from playwright.sync_api import expect

from mailpanel.playground.whole import Playground
from mailpanel.settings import SETTINGS

RELAYHOST = "/settings/postfix_relayhost/"
INTERVAL = "/settings/junk_trash_clearing_interval/"

# Where it is narrowest and widest; what axe looks at is the same between.
BOTH: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SCHEMES = dict(zip(WIDTHS, (BOTH, (), (), BOTH), strict=True))

Visit = Callable[[Person], None]


def opens(path: str) -> Visit:
    return lambda person: person.open(path)


def is_wrong(person: Person) -> None:
    person.open(RELAYHOST)
    person.button("Save").click()
    person.sees("Nothing was saved")


def has_failed(person: Person) -> None:
    person.open(RELAYHOST)
    person.fill(**person.relay(Password="not the password"))
    person.button("Save").click()
    person.sees_status("failed")


def has_long_names(person: Person) -> None:
    person.open(RELAYHOST)
    labels = [f"{label}{'x' * 60}" for label in "abc"]
    person.fill(**person.relay(Server=".".join([*labels, "invalid"]), Username="u" * 255))
    person.button("Save").click()
    person.sees_status("failed")


def has_long_names_on_the_overview(person: Person) -> None:
    has_long_names(person)
    person.open("/")


def has_failed_on_the_overview(person: Person) -> None:
    has_failed(person)
    person.open("/")


def is_applied(person: Person) -> None:
    person.open(INTERVAL)
    person.fill(Junk="7", Trash="14")
    person.saves()
    person.sees_status("applied")


def is_asked(person: Person) -> None:
    person.open(INTERVAL)
    person.fill(Junk="7", Trash="14")
    person.button("Save").click()
    person.sees("What would go at first")


def is_asked_whether_to_clear(person: Person) -> None:
    person.may_clear()
    person.open("/clearing/")
    person.button("Clear now…").click()
    person.sees("What would go")


def was_cleared(person: Person) -> None:
    person.open("/clearing/")
    # A host rests for a minute between two runs.
    if not person.page.locator("#runs li").count():
        is_asked_whether_to_clear(person)
        person.field("Type “Junk and Trash” to clear it now").fill("Junk and Trash")
        person.button("Clear now").click()
        expect(person.page.locator("#chart svg")).to_be_visible(timeout=30_000)
    person.page.get_by_text("The same in figures").click()


def was_cleared_on_the_overview(person: Person) -> None:
    was_cleared(person)
    person.open("/")
    person.sees("cleared per day, last 14 days")


def is_asked_again(person: Person) -> None:
    is_asked(person)
    person.button("Save and delete").click()
    person.sees("Nothing was saved.")


def is_wrong_about_an_account(person: Person) -> None:
    person.open("/accounts/")
    person.fill(Username="no name", Password="short", Recovery_address="x" * 60)
    person.button("Add the account").click()
    person.sees("3 fields need another look")


def is_the_last_one(person: Person) -> None:
    person.open("/accounts/admin/remove/")
    person.button("Remove admin").click()
    person.sees("Nothing was removed")


def has_a_new_token(person: Person) -> None:
    person.open("/tokens/")
    person.fill(Name="a name that is as long as names of programs are, and-has-no-blank-in-its-end")
    person.button("Make the token").click()
    person.sees("shown this once")


def has_loaded_it_again(person: Person) -> None:
    has_a_new_token(person)
    person.page.reload()
    person.sees("A token was made from this form already")


def is_to_be_revoked(person: Person) -> None:
    has_a_new_token(person)
    person.page.get_by_role("link", name="Revoke…").first.click()


def is_loaded_again(person: Person) -> None:
    is_shown_once(person)
    person.page.reload()
    person.sees("was shown once")


def is_to_be_reset(person: Person) -> None:
    is_applied(person)
    person.link("Reset…").click()


def has_a_history(person: Person) -> None:
    is_applied(person)
    person.link("History").click()
    person.sees("Revision")


def is_shown_once(person: Person) -> None:
    person.open("/settings/imap_master_password/")
    person.button("Make a new one").click()
    person.sees_status("applied")


def was_overtaken(person: Person) -> None:
    person.open(INTERVAL)
    person.fill(Junk="7", Trash="14")
    person.page.evaluate(
        """() => fetch("", {method: "POST", body: new URLSearchParams({junk_days: "9",
            trash_days: "9", confirm: "Junk and Trash",
            csrf_token: document.querySelector("main form").csrf_token.value})})"""
    )
    person.button("Save").click()
    person.sees("has changed this meanwhile")


def was_tested(person: Person) -> None:
    person.open(RELAYHOST)
    person.fill(**person.relay())
    person.button("Test without saving").click()
    person.sees("would work")


def would_fail(person: Person) -> None:
    person.open(RELAYHOST)
    person.fill(**person.relay(Password="not the password"))
    person.button("Test without saving").click()
    person.sees("would fail")


def was_edited(person: Person) -> None:
    person.open(RELAYHOST)
    person.fill(**person.relay())
    person.button("Save").click()
    person.sees_status("applied")
    person.edits_by_hand("relayhost=[elsewhere.test]:25")
    person.sees("was edited by hand")


def was_edited_on_its_page(person: Person) -> None:
    was_edited(person)
    person.open(RELAYHOST)


def has_a_wrong_code(person: Person) -> None:
    person.open("/account/second-factor/")
    person.field("Code").fill("000000")
    person.page.get_by_role("main").locator("button.btn-primary").click()
    expect(person.page.locator("#error")).to_be_visible()


def is_logged_out(person: Person) -> None:
    person.open(RELAYHOST)
    person.forget_session()
    person.button("Save").click()
    person.sees("You are not logged in any more.")


def is_setting_up_a_factor(person: Person) -> None:
    person.open("/account/second-factor/")
    person.field("Code").fill("000000")
    person.button("Set it up").click()
    person.sees("This is not the present code.")


VISITS: dict[str, Visit] = {
    "overview": opens("/"),
    **{f"{name}, not set": opens(f"/settings/{name}/") for name in SETTINGS},
    "wrong": is_wrong,
    "failed": has_failed,
    "failed, on the overview": has_failed_on_the_overview,
    "long names": has_long_names,
    "long names, on the overview": has_long_names_on_the_overview,
    "applied": is_applied,
    "reset": is_to_be_reset,
    "nothing to reset": opens(f"{RELAYHOST}reset/"),
    "shown once": is_shown_once,
    "tested": was_tested,
    "tested, would fail": would_fail,
    "edited by hand, on the overview": was_edited,
    "edited by hand": was_edited_on_its_page,
    "overtaken": was_overtaken,
    "shown once, loaded again": is_loaded_again,
    "asked about": is_asked,
    "asked about, another name": is_asked_again,
    "accounts, wrong": is_wrong_about_an_account,
    "one account": opens("/accounts/admin/"),
    "remove the last account": is_the_last_one,
    "token shown once": has_a_new_token,
    "token shown once, loaded again": has_loaded_it_again,
    "revoke": is_to_be_revoked,
    "history": has_a_history,
    "no history": opens("/settings/system_mailer/history/"),
    "audit": opens("/audit/"),
    "hosts": opens("/hosts/"),
    "nothing cleared yet": opens("/clearing/"),
    "clear now": is_asked_whether_to_clear,
    "cleared": was_cleared,
    "cleared, on the overview": was_cleared_on_the_overview,
    "forget": opens("/hosts/playground/forget/"),
    "account": opens("/account/"),
    "second factor": is_setting_up_a_factor,
    "second factor, wrong code": has_a_wrong_code,
    "nothing here": opens("/nothing/"),
    "logged out": is_logged_out,
}


def looks_for_everybody(person: Person) -> None:
    """In both colour schemes at either end of the widths, and nothing sticks out between."""
    for width, schemes in SCHEMES.items():
        person.page.set_viewport_size({"width": width, "height": 800})
        person.fits()
        for scheme in schemes:
            person.page.emulate_media(color_scheme=scheme)
            person.is_accessible()


@pytest.mark.parametrize("visit", VISITS.values(), ids=list(VISITS))
def test_a_page_is_for_everybody(admin: Person, visit: Visit) -> None:
    """In both colour schemes, from 320 pixels up, with what text needs for reading."""
    visit(admin)
    looks_for_everybody(admin)
    admin.page.set_viewport_size({"width": 320, "height": 800})
    admin.spaces_text()
    admin.fits()


def test_another_language_has_room(someone: MakePerson) -> None:
    """Its words are longer, and a screen reader is told which it is."""
    person = someone(locale="de-AT")
    person.open("/login")
    person.field("Benutzername").fill("admin")
    person.field("Passwort").fill(person.password)
    person.button("Anmelden").click()
    settings = [f"/settings/{name}/" for name in SETTINGS]
    others = (
        "/hosts/",
        "/clearing/",
        "/accounts/",
        "/accounts/admin/",
        "/tokens/",
        "/audit/",
        "/account/",
    )
    for path in ("/", *settings, *others, "/account/second-factor/", f"{RELAYHOST}reset/"):
        person.open(path)
        expect(person.page.locator("html")).to_have_attribute("lang", "de")
        for width in (320, 360, 1440):
            person.page.set_viewport_size({"width": width, "height": 800})
            person.fits()
        person.is_accessible()


def test_the_log_in_is_for_everybody(someone: MakePerson) -> None:
    """Before anybody is known."""
    person = someone()
    person.open("/login")
    for scheme in ("light", "dark"):
        person.page.emulate_media(color_scheme=scheme)
        person.is_accessible()


def test_a_second_factor_is_for_everybody(someone: MakePerson, playground: Playground) -> None:
    """Its codes, its log-in, and what is asked before it is removed."""
    person = someone()
    person.log_in()
    person.open("/account/second-factor/")
    secret = person.page.locator("#secret").inner_text().replace(" ", "")
    person.field("Code").fill(pyotp.TOTP(secret).now())
    person.button("Set it up").click()
    try:
        person.sees("Shown this once")
        looks_for_everybody(person)
        for path in ("/account/", "/account/second-factor/remove/"):
            person.open(path)
            looks_for_everybody(person)
        person.button("Log out").click()
        person.field("Username").fill("admin")
        person.field("Password").fill(person.password)
        person.button("Log in").click()
        person.field("Code").fill("000000")
        person.button("Log in").click()
        person.page.get_by_text("Use a recovery code").click()
        looks_for_everybody(person)
    finally:
        playground.installation.command("account", "second-factor", "admin", "--remove")


def test_the_folded_navigation_opens(someone: MakePerson) -> None:
    """And says whether it is open."""
    person = someone(viewport={"width": 360, "height": 800})
    person.log_in()
    expect(person.page.get_by_role("navigation")).not_to_be_visible()
    person.button("Menu").click()
    expect(person.page.get_by_role("button", name="Menu", expanded=True)).to_be_visible()
    expect(person.page.get_by_role("navigation")).to_be_visible()
    person.is_accessible()


# It is summed up from before the first paint on; what follows an input is meant (web.dev).
SHIFTS = """globalThis.shifts = 0; new PerformanceObserver((list) => {
    for (const each of list.getEntries()) if (!each.hadRecentInput) shifts += each.value;
}).observe({type: "layout-shift", buffered: true})"""


def test_nothing_moves_while_a_page_loads_or_a_status_changes(admin: Person) -> None:
    """Far below what is held for good (web.dev: 0.1)."""
    admin.page.add_init_script(SHIFTS)
    for width in (360, 1440):
        admin.page.set_viewport_size({"width": width, "height": 800})
        for path in ("/", RELAYHOST, "/hosts/", "/clearing/", "/accounts/", "/tokens/", "/audit/"):
            admin.open(path)
            admin.page.wait_for_timeout(200)
            assert admin.page.evaluate("shifts") < 0.01, path
    admin.open(INTERVAL)
    admin.fill(Junk="7", Trash="14")
    admin.saves()
    admin.sees_status("applied")
    assert admin.page.evaluate("shifts") < 0.01
