"""What a host says that stands there becomes the desired value, by API, panel and command."""

from __future__ import annotations

import json
from typing import Any

import pytest
from answering import answering
from panel import AUDIT_URL, INTERVAL, RELAYHOST, Panel
from typing_in import url

from mailpanel.errors import PreconditionFailed
from mailpanel.reports import Adopted, ErrandAnswer
from mailpanel.seal import Sealer
from mailpanel.services.adoption import Adoption
from mailpanel.services.audit import Author
from mailpanel.services.errands import Errands
from mailpanel.services.taken_errands import TakenErrands
from mailpanel.settings import SETTINGS

ADOPT = "/api/v1/hosts/mail1/adopt/"
NAME = "postfix_relayhost"
BODY = {"setting": NAME}
VALUE = {"server_hostname": "own.test", "server_port": 587, "username": "o"}
SECRET = "Xyzzy of the host"
NOTHING: dict[str, Any] = {"steps": [], "diffs": [], "preview": None, "adopted": None}
SENTENCE = "There is nothing to adopt: this host has nothing of its own there."


class Nobody:
    """A waker that nobody needs."""

    def wake(self) -> None:
        """Wake nobody."""


def said(panel: Panel, value: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what a host with that relayhost, and that account, answers."""
    value = VALUE if value is None else value
    destination = {each: value.get(each) for each in SETTINGS[NAME].destination}
    sealed = Sealer(panel.directory / "keys" / "seal.pub").seal(NAME, 0, destination, SECRET)
    return NOTHING | {"error": None, "adopted": {"value": value, "sealed": sealed}}


def test_it_is_stored_with_its_secret_and_shown_without(panel: Panel) -> None:
    """As a revision of whoever asked, to be applied by every host."""
    answer = said(panel)
    with answering(panel, mail1=answer):
        response = panel.call("POST", ADOPT, BODY)
    assert response.status_int == 200
    adopted = response.json["adopt"]
    state = {"name": NAME, "status": "applying", "value": VALUE}
    assert (adopted["ok"], adopted["host"], adopted["settings"]) == (True, "mail1", state)
    assert "sealed" not in response.text
    assert answer["adopted"]["sealed"] not in response.text
    (desired,) = panel.hosts.desired()
    assert (desired.revision, desired.sealed) == (1, answer["adopted"]["sealed"])
    (entry,) = panel.call("GET", f"{AUDIT_URL}?action=setting.set").json["audit"]
    assert entry["detail"] == {"adopted": "mail1", "secret": "changed"}
    (asked,) = panel.call("GET", f"{AUDIT_URL}?action=setting.adopt").json["audit"]
    assert asked["detail"] == {"host": "mail1"}


def test_where_there_is_nothing_the_host_says_so(panel: Panel) -> None:
    """409, and nothing is stored."""
    with answering(panel, mail1=NOTHING | {"error": SENTENCE}):
        response = panel.call("POST", ADOPT, BODY)
    assert (response.status_int, response.json["detail"]) == (409, SENTENCE)
    assert panel.call("GET", RELAYHOST).status_int == 204


def test_a_host_that_does_not_answer_changes_nothing(panel: Panel) -> None:
    """Not even later."""
    panel.hosts.checked_in("mail1", {})
    response = panel.call("POST", ADOPT, BODY)
    assert response.status_int == 200
    assert (response.json["adopt"]["done"], response.json["adopt"]["settings"]) == (False, None)
    assert panel.call("GET", RELAYHOST).status_int == 204


def test_what_breaks_the_rules_is_not_stored(panel: Panel) -> None:
    """Whatever a host may say."""
    with answering(panel, mail1=said(panel, VALUE | {"server_port": 0})):
        response = panel.call("POST", ADOPT, BODY)
    assert response.status_int == 422
    assert panel.call("GET", RELAYHOST).status_int == 204


def test_what_somebody_has_set_meanwhile_stays(panel: Panel) -> None:
    """Whoever asked has not seen it; what the host answers then is not stored."""
    panel.hosts.checked_in("mail1", {})
    browser = panel.browser()
    errands = Errands(panel.database, Sealer(panel.directory / "keys" / "seal.pub"), Nobody())
    author = Author("MasterAdmin", None, "192.0.2.1")
    ticket = errands.adopt(NAME, "mail1", author)
    panel.set({"server_hostname": "later.test", "server_port": 25})
    (errand,) = TakenErrands(panel.database).take("mail1")
    adopted = Adopted(**said(panel)["adopted"])
    TakenErrands(panel.database).answer(ErrandAnswer(errand.number, None, (), (), None, adopted))
    adoption = Adoption(panel.database, Sealer(panel.directory / "keys" / "seal.pub"), Nobody())
    with pytest.raises(PreconditionFailed, match="changed meanwhile"):
        adoption.store(ticket, author)
    assert "later.test" in browser.get(url(SETTINGS[NAME])).text


def test_the_setting_has_to_be_named(panel: Panel) -> None:
    """As for put-back."""
    panel.hosts.checked_in("mail1", {})
    assert panel.call("POST", ADOPT, {}).status_int == 422
    assert panel.call("POST", ADOPT, {"setting": "no"}).status_int == 422
    assert panel.call("POST", "/api/v1/hosts/other/adopt/", BODY).status_int == 404


class TestPanel:
    def test_what_an_unmanaged_host_has_is_shown_and_adopted(self, panel: Panel) -> None:
        """From the setting's page, where it stands in words."""
        setting = SETTINGS["junk_trash_clearing_interval"]
        days = {"junk_days": 30, "trash_days": None}
        panel.hosts.checked_in("mail1", {})
        panel.hosts.present("mail1", setting.name, days)
        browser = panel.browser()
        page = browser.get(url(setting))
        assert "deleted from Junk after 30 days" in page.html.find(id="state").get_text()
        form = next(each for each in page.forms.values() if each.action.endswith("/adopt/"))
        adopted = NOTHING | {"error": None, "adopted": {"value": days, "sealed": None}}
        with answering(panel, mail1=adopted):
            answer = form.submit(status="*")
        assert (answer.status_int, answer.headers["Location"]) == (303, url(setting))
        flash = browser.get(url(setting)).html.select(".flash")[0].get_text()
        assert flash.startswith("Adopted from mail1: A message is deleted from Junk after 30 days")
        assert panel.call("GET", INTERVAL).json["settings"]["value"] == days

    def test_where_nothing_can_be_adopted_it_is_said(self, panel: Panel) -> None:
        """In the host's own words; and a host that is silent is named."""
        panel.hosts.checked_in("mail1", {})
        browser = panel.browser()
        path = url(SETTINGS[NAME])
        with answering(panel, mail1=NOTHING | {"error": SENTENCE}):
            browser.post(f"{path}adopt/", host="mail1")
        flash = browser.get(path).html.select(".flash")[0].get_text()
        assert flash == f"Nothing was adopted from mail1. {SENTENCE}"
        panel.wsgi.registry.errand_wait = 0
        browser.post(f"{path}adopt/", host="mail1")
        assert "mail1 has not answered yet" in browser.get(path).text

    def test_who_keeps_changing_it_back_is_said(self, panel: Panel) -> None:
        """Beside the edit, on the overview too, and when it is put back all the same."""
        drift = {"path": "/x/main.cf", "diff": "--- a\n+++ b\n-x = 1\n+x = 2\n"}
        fight = "Somebody keeps changing /x/main.cf."
        panel.set({"server_hostname": "a.test", "server_port": 25})
        panel.report(NAME, 1, details={"drift": [drift], "fight": fight, "live_revision": 1})
        browser = panel.browser()
        path = url(SETTINGS[NAME])
        assert fight in browser.get(path).text
        (notice,) = browser.get("/").html.select(".notice")
        assert fight in notice.get_text()
        step = {"name": "fight", "ok": False, "duration_ms": 0, "says": fight}
        with answering(panel, mail1=NOTHING | {"error": None, "steps": [step]}):
            browser.post(f"{path}put-back/", host="mail1")
        flash = browser.get(path).html.select(".flash")[0].get_text()
        assert flash.endswith(fight)


def test_what_is_live_and_when_it_is_tried_again_is_told(panel: Panel) -> None:
    """The same with the setting and with the host."""
    panel.set({"server_hostname": "a.test", "server_port": 25})
    told = {"live_revision": 1, "next_attempt": "2027-01-01T00:00:00Z"}
    panel.report(NAME, 2, "failed", step="probe", error="No.", details=told)
    (status,) = panel.call("GET", f"{RELAYHOST}status/").json["status"]["hosts"]
    host = panel.call("GET", "/api/v1/hosts/mail1/").json["hosts"]["settings"][NAME]
    assert status.items() >= told.items()
    assert host.items() >= told.items()
    assert json.dumps(host)
