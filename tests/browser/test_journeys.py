"""What people do in the panel, from the click to the daemon."""

from __future__ import annotations

import re
import time

import pyotp
import pytest
from conftest import MakePerson
from person import Person
from playwright.sync_api import expect

from mailpanel.playground.whole import Playground

RELAYHOST = "/settings/postfix_relayhost/"
INTERVAL = "/settings/junk_trash_clearing_interval/"
MAILER = "/settings/system_mailer/"
MASTER = "/settings/imap_master_password/"


def revision(playground: Playground, setting: str) -> int | None:
    """Return the number of the setting's revision."""
    return playground.installation.api("GET", f"settings/{setting}/status/").body["status"][
        "revision"
    ]


def remove_factor(playground: Playground) -> None:
    """Take the administrator's second factor away, where a test has left one."""
    command = ("account", "second-factor", "admin")
    if playground.installation.command(*command) != "none\n":
        playground.installation.command(*command, "--remove")


def test_a_relayhost_becomes_live_while_one_looks_on(admin: Person) -> None:
    """From the overview and back to it; the page is never touched meanwhile."""
    admin.link("Set up Relayhost").click()
    admin.fill(**admin.relay())
    admin.button("Save").click()
    admin.sees("Saved.")
    admin.sees_status("applied")
    admin.page.get_by_role("link", name="Overview").click()
    admin.sees("All mail leaves through localhost")


def test_every_other_setting_becomes_live_too(admin: Person) -> None:
    """The mailer, the interval, and the master password with how to use it."""
    for path, texts in ((MAILER, admin.mailer()), (INTERVAL, {"Junk": "30", "Trash": ""})):
        admin.open(path)
        admin.fill(**texts)
        admin.saves()
        admin.sees_status("applied")
    admin.sees("A message is deleted from Junk after 30 days, from Trash never.")
    admin.open(MASTER)
    admin.button("Make a new one").click()
    secret = admin.page.locator("#secret").inner_text()
    assert len(secret) > 30
    admin.sees_status("applied")
    admin.sees("user@example.net*master")
    # The status has changed meanwhile, and the password still stands there.
    expect(admin.page.locator("#secret")).to_have_text(secret)
    admin.open(MASTER)
    expect(admin.page.get_by_text(secret)).to_have_count(0)


def test_a_second_factor_is_set_up_asked_for_and_removed(
    someone: MakePerson, playground: Playground
) -> None:
    """From the QR code, without a script, to the log-in with a recovery code and back."""
    person = someone(java_script_enabled=False)
    person.log_in("/account/")
    person.link("Set it up…").click()
    drawn = person.page.get_by_role("img", name="QR code").bounding_box()
    assert drawn is not None
    assert drawn["width"] > 180
    secret = person.page.locator("#secret").inner_text().replace(" ", "")
    try:
        person.field("Code").fill(pyotp.TOTP(secret).now())
        person.button("Set it up").click()
        expect(person.page.locator("#codes code")).to_have_count(10)
        codes = person.page.locator("#codes code").all_inner_texts()
        person.link("I have put them away").click()
        person.sees("10 recovery codes are left.")
        person.button("Log out").click()
        person.field("Username").fill("admin")
        person.field("Password").fill(person.password)
        person.button("Log in").click()
        person.page.get_by_text("Use a recovery code").click()
        person.field("Recovery code").fill(codes[0].lower())
        person.button("Log in").click()
        person.open("/account/")
        person.sees("9 recovery codes are left.")
        person.link("Remove…").click()
        person.button("Remove it").click()
        person.sees("Your second factor is removed.")
    finally:
        remove_factor(playground)


def test_a_master_password_is_copied(someone: MakePerson) -> None:
    """By one click, and the button says that it was."""
    person = someone(permissions=["clipboard-read", "clipboard-write"])
    person.log_in(MASTER)
    person.button("Make a new one").click()
    person.button("Copy").click()
    person.sees("Copied")
    copied = person.page.evaluate("navigator.clipboard.readText()")
    assert copied == person.page.locator("#secret").inner_text()


def test_values_are_tested_without_being_saved(admin: Person, playground: Playground) -> None:
    """A wrong password fails by the relay's own words, the right one does not; neither is kept."""
    admin.open(RELAYHOST)
    before = revision(playground, "postfix_relayhost")
    admin.fill(**admin.relay(Password="not the password"))
    admin.button("Test without saving").click()
    result = admin.page.get_by_role("region", name="Test", exact=True)
    # The page follows the steps by itself.
    expect(result).to_contain_text("would fail")
    expect(result).to_be_focused()
    expect(result.locator(".failed")).to_contain_text("535")
    expect(result.locator(".diff").first).to_contain_text("+relayhost = [localhost]")
    expect(admin.field("Username")).to_have_value("relay-user")
    expect(admin.field("Password")).to_have_value("")
    admin.fill(Password=admin.relay()["Password"])
    admin.button("Test without saving").click()
    expect(result).to_contain_text("would work")
    expect(result.locator(".failed")).to_have_count(0)
    admin.sees("type yours again before you save")
    admin.sees_status("not set")
    assert revision(playground, "postfix_relayhost") == before
    admin.fill(Password=admin.relay()["Password"])
    admin.button("Save").click()
    admin.sees_status("applied")


def test_what_was_edited_by_hand_is_put_back(admin: Person) -> None:
    """It stands first on the overview with the difference, and is gone after the click."""
    admin.open(RELAYHOST)
    admin.fill(**admin.relay())
    admin.button("Save").click()
    admin.sees_status("applied")
    admin.edits_by_hand("relayhost=[elsewhere.test]:25")
    admin.sees("main.cf was edited by hand on playground")
    notice = admin.page.locator(".notice")
    expect(notice.locator(".del")).to_have_text("-relayhost = [elsewhere.test]:25")
    notice.get_by_role("button", name="Put back").click()
    admin.sees("it is as mailpanel has it again")
    admin.sees_status("applied")
    admin.open("/")
    expect(admin.page.locator(".notice")).to_have_count(0)


def test_a_relay_that_refuses_is_told_and_what_waits_is_sent_once_it_is_mended(
    admin: Person, playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the relay's words; the account is mended at the provider's, and nothing is lost."""
    admin.open(RELAYHOST)
    admin.fill(**admin.relay())
    admin.button("Save").click()
    admin.sees_status("applied")
    playground.relay.forget()
    with monkeypatch.context() as patch:
        patch.setitem(playground.relay.accounts, admin.relay()["Username"], "another")
        admin.sends_mail()
        admin.open("/")
        notice = admin.page.locator(".notice")
        # A look may come while the message is only just on its way.
        refused = notice.filter(has_text="refuses the password (535")
        admin.looks_again_until(refused.filter(has_text="1 message waits for the relay"))
        expect(notice).to_contain_text("1 message waits for the relay")
        expect(notice).to_contain_text("mail does not get through to the relay")
        expect(notice).to_contain_text("refuses the password (535")
        admin.is_accessible()
    notice.get_by_role("button", name="It is mended: send now").click()
    admin.sees("playground tries all mail that waits, now.")
    assert playground.relay.wait_for(1)[0].recipients == ("friend@example.com",)
    admin.open("/")
    expect(notice).to_have_count(0)


def test_wrong_values_are_told_beside_their_fields(admin: Person) -> None:
    """What was typed stays, the first of them has the focus, and nothing is saved."""
    admin.open(RELAYHOST)
    admin.fill(**admin.relay(Server="relay.example.org", Port="a lot", Username="relay:user"))
    admin.button("Save").click()
    admin.sees("Nothing was saved: 2 fields need another look.")
    expect(admin.field("Port")).to_be_focused()
    expect(admin.field("Port")).to_have_accessible_description(
        "Wrong: Write a whole number in digits. 587 uses STARTTLS, 465 TLS from the start."
    )
    expect(admin.field("Server")).to_have_value("relay.example.org")
    expect(admin.field("Password")).to_have_value("")
    admin.sees_status("not set")


def test_a_failed_change_says_why_and_is_tried_again(admin: Person) -> None:
    """First on the overview, with the step and the relay's own words."""
    admin.open(RELAYHOST)
    admin.fill(**admin.relay(Password="not the password"))
    admin.button("Save").click()
    admin.sees_status("failed")
    expect(admin.page.locator(".steps .failed")).to_contain_text("Try the new values")
    admin.open("/")
    notice = admin.page.locator(".notice")
    expect(notice).to_contain_text("Relayhost: the change failed on playground")
    expect(notice).to_contain_text("535")
    admin.button("Try again").click()
    admin.sees("Trying again.")
    admin.sees_status("failed")
    admin.fill(Password=admin.relay()["Password"])
    admin.button("Save").click()
    admin.sees_status("applied")


def test_a_reset_asks_first_and_says_what_will_be_true(admin: Person) -> None:
    """Then what stood there before stands again."""
    admin.open(INTERVAL)
    admin.fill(Junk="7", Trash="14")
    admin.saves()
    admin.sees_status("applied")
    admin.link("Reset…").click()
    admin.sees("What will then be true")
    admin.link("Keep it").click()
    admin.link("Reset…").click()
    admin.button("Reset Junk and Trash").click()
    admin.sees_status("not set")


def test_a_revision_is_brought_back(admin: Person) -> None:
    """From the history, where each says what it was."""
    admin.open(INTERVAL)
    for days in ("20", "10"):
        admin.fill(Junk=days, Trash=days)
        admin.saves()
        admin.sees("Saved.")
        admin.sees_status("applied")
    admin.link("History").click()
    entry = admin.page.get_by_role("listitem").filter(has_text="from Junk after 20 days").first
    entry.get_by_role("button", name="Restore").click()
    admin.sees("is wanted again.")
    admin.sees_status("applied")
    expect(admin.field("Junk")).to_have_value("20")


def test_two_administrators_are_told_of_each_other(someone: MakePerson) -> None:
    """The second sees what differs, and decides."""
    first, second = someone(), someone()
    for person in (first, second):
        person.log_in(INTERVAL)
    first.fill(Junk="7", Trash="14")
    first.saves()
    first.sees_status("applied")
    second.fill(Junk="8", Trash="14")
    second.button("Save").click()
    second.sees("admin has changed this meanwhile")
    expect(second.page.locator("tbody td")).to_have_text(["8", "7"])
    expect(second.field("Junk")).to_have_value("8")
    second.button("Save").click()
    second.sees("Saved.")
    second.sees("A message is deleted from Junk after 8 days")


def test_more_mail_is_deleted_only_after_a_question(admin: Person) -> None:
    """With what Dovecot counts; another name saves nothing, and back leads to what was typed."""
    admin.open(INTERVAL)
    admin.fill(Junk="7", Trash="14")
    admin.button("Save").click()
    admin.sees("Delete more from Junk and Trash?")
    expect(admin.page.locator(".total")).to_have_text(re.compile(r"^[1-9][0-9,]* messages \(.+ kB"))
    expect(admin.page.get_by_role("region", name="On playground")).to_contain_text("Trash")
    admin.button("Save and delete").click()
    admin.sees("This is not the setting's name. Nothing was saved.")
    expect(admin.page.locator("#confirm")).to_be_focused()
    admin.button("Back, save nothing").click()
    expect(admin.field("Junk")).to_have_value("7")
    admin.sees_status("not set")
    admin.saves()
    admin.sees_status(re.compile("applied|from"))
    admin.fill(Junk="8")
    admin.button("Save").click()
    admin.sees("Saved.")


def test_what_is_old_is_cleared_now_after_a_question(admin: Person) -> None:
    """The page follows the run to its end, and the overview has its picture."""
    admin.may_clear()
    admin.open("/clearing/")
    runs = admin.page.locator("#runs li")
    before = runs.count()
    admin.button("Clear now…").click()
    admin.sees("Clear Junk and Trash now?")
    admin.button("Clear now").click()
    admin.sees("This is not the setting's name. Nothing was cleared.")
    admin.field("Type “Junk and Trash” to clear it now").fill("Junk and Trash")
    admin.button("Clear now").dblclick()
    expect(runs).to_have_count(before + 1, timeout=30_000)
    expect(runs.first).to_contain_text("asked for by admin")
    expect(runs.first).to_contain_text(re.compile("deleted|old enough"), timeout=30_000)
    expect(admin.page.locator("#chart svg[role=img]")).to_be_visible()
    expect(admin.page.get_by_role("img", name="Messages cleared per day")).to_be_visible()
    admin.open("/")
    admin.sees("cleared per day, last 14 days")
    admin.page.get_by_role("link", name="all runs").click()
    expect(runs).to_have_count(before + 1)


def test_an_account_comes_and_goes(admin: Person, someone: MakePerson) -> None:
    """Its owner is in with the password that was set, and out when it is removed."""
    admin.page.get_by_role("link", name="Accounts").click()
    admin.fill(Username="alice", Password="short", Recovery_address="alice@example.org")
    admin.button("Add the account").click()
    expect(admin.field("Password")).to_be_focused()
    expect(admin.field("Recovery address")).to_have_value("alice@example.org")
    admin.fill(Password="a long enough one")
    admin.button("Add the account").click()
    admin.sees("alice is added.")
    alice = someone()
    alice.log_in("/account/", "alice", "a long enough one")
    admin.link("Remove…").click()
    admin.sees("alice is logged out everywhere and cannot come in any more.")
    admin.button("Remove alice").click()
    admin.sees("alice is removed.")
    alice.page.reload()
    alice.sees("Log in")


def test_a_token_is_shown_once_and_revoked(admin: Person) -> None:
    """Loaded again the page makes no second one, and says what to do."""
    admin.page.get_by_role("link", name="My tokens").click()
    admin.fill(Name="monitoring")
    admin.field("Read-only").check()
    admin.button("Make the token").click()
    secret = admin.page.locator("#secret").inner_text()
    assert secret.startswith("mp_")
    admin.page.reload()
    admin.sees("A token was made from this form already, and shown once")
    expect(admin.page.get_by_text(secret)).to_have_count(0)
    admin.link("Revoke… monitoring").click()
    admin.button("Revoke the token").click()
    admin.sees("The token is revoked.")
    expect(admin.page.get_by_text("monitoring")).to_have_count(0)


def test_a_double_click_saves_once(admin: Person, playground: Playground) -> None:
    """Whatever the button's speed."""
    admin.open(INTERVAL)
    before = revision(playground, "junk_trash_clearing_interval") or 0
    admin.fill(Junk="7", Trash="14")
    admin.button("Save").click()
    admin.field("Type “Junk and Trash” to save this").fill("Junk and Trash")
    admin.button("Save and delete").dblclick()
    admin.sees_status("applied")
    assert revision(playground, "junk_trash_clearing_interval") == before + 1


def test_a_log_in_that_ends_in_mid_typing_loses_nothing(admin: Person) -> None:
    """But the password, which is kept nowhere."""
    admin.open(RELAYHOST)
    admin.fill(**admin.relay(Server="mid.example.org"))
    admin.forget_session()
    admin.button("Save").click()
    admin.sees("You are not logged in any more.")
    admin.field("Username").fill("admin")
    admin.field("Password").fill(admin.password)
    admin.button("Log in").click()
    admin.sees("This is what you typed, not what is stored.")
    expect(admin.field("Server")).to_have_value("mid.example.org")
    expect(admin.field("Username")).to_have_value("relay-user")
    expect(admin.field("Password")).to_have_value("")


def test_what_is_being_typed_is_left_alone_by_what_changes(
    admin: Person, playground: Playground
) -> None:
    """The status goes on beside it, and the focus stays."""
    admin.open(RELAYHOST)
    admin.fill(**admin.relay())
    admin.button("Save").click()
    admin.sees("Saved.")
    admin.field("Server").fill("still typing")
    admin.sees_status("applied")
    expect(admin.field("Server")).to_have_value("still typing")
    expect(admin.field("Server")).to_be_focused()


def test_without_a_script_all_of_it_works(someone: MakePerson) -> None:
    """One looks again by a link."""
    person = someone(java_script_enabled=False, viewport={"width": 360, "height": 800})
    person.log_in(INTERVAL)
    person.fill(Junk="7", Trash="14")
    person.saves()
    person.sees("Saved.")
    deadline = time.monotonic() + 90
    while person.link("Look again").count() and time.monotonic() < deadline:
        with person.page.expect_navigation():
            person.link("Look again").click()
    person.sees_status("applied")
    person.page.get_by_role("navigation").get_by_role("link", name="Overview").click()
    person.sees("A message is deleted from Junk after 7 days")
    person.button("Log out").click()
    person.sees("Log in")


@pytest.mark.parametrize("width", [360, 1440])
def test_the_keyboard_alone_is_enough(someone: MakePerson, width: int) -> None:
    """From the log-in to a saved setting and out again; one always sees where one is."""
    person = someone(viewport={"width": width, "height": 800})
    keyboard = person.page.keyboard
    person.open(INTERVAL)
    expect(person.field("Username")).to_be_focused()
    keyboard.type("admin")
    keyboard.press("Tab")
    keyboard.type(person.password)
    keyboard.press("Enter")
    person.sees_status("not set")
    keyboard.press("Tab")
    expect(person.page.get_by_text("Skip to the content")).to_be_focused()
    keyboard.press("Enter")
    keyboard.press("Tab")
    expect(person.field("Junk")).to_be_focused()
    keyboard.type("7")
    keyboard.press("Tab")
    keyboard.type("14")
    keyboard.press("Tab")
    expect(person.button("Save")).to_be_focused()
    style = "getComputedStyle(document.activeElement).outlineStyle"
    assert person.page.evaluate(style) == "solid"
    keyboard.press("Enter")
    person.sees("What would go at first")
    for _ in range(20):
        keyboard.press("Tab")
        if person.page.evaluate("document.activeElement.id") == "confirm":
            break
    keyboard.type("junk and trash")
    keyboard.press("Enter")
    person.sees_status("applied")
    for _ in range(20):
        keyboard.press("Tab")
        if person.button("Menu").is_visible() and person.page.evaluate(
            "document.activeElement.matches('.menu[aria-expanded=false]')"
        ):
            keyboard.press("Space")
        if person.page.evaluate("document.activeElement.textContent.trim()") == "Log out":
            break
    keyboard.press("Enter")
    expect(person.page).to_have_url(f"{person.url}/login")
