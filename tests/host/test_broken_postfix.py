"""A Postfix that the administrator broke: said with file and line, left alone, and gone on with."""

from __future__ import annotations

import time
from datetime import datetime

from loopback import RELAY
from test_drift import told

SETTING = "postfix_relayhost"
VALUE = {"server_hostname": RELAY, "server_port": 587, "username": "relay-user", "password": "p"}


def test_it_is_named_left_and_gone_on_with(postfix, panel, make_relay, wait_until) -> None:
    """Within a check interval, of a second here, however long it was broken; and logged once."""
    make_relay(accounts={"relay-user": "p"})
    for path, broken in (
        (postfix.main_cf, "this is no parameter\n"),
        (postfix.master_cf, "submission inet n\n"),
    ):
        whole = path.read_text()
        path.write_text(whole + broken)
        answer = panel.set(SETTING, VALUE)
        assert answer["status"] == "failed"
        line = len((whole + broken).splitlines())
        assert path.name in answer["error"]
        assert f"line {line}" in answer["error"]
        # Long enough for pauses that double to be far longer than the interval.
        time.sleep(4.0)
        host = told(panel, SETTING)
        assert host["status"] == "failed"
        again = datetime.fromisoformat(host["next_attempt"]).timestamp()
        assert again - time.time() < 2.0
        assert path.read_text() == whole + broken
        path.write_text(whole)
        postfix._age()
        wait_until(lambda: told(panel, SETTING)["status"] == "applied")
        assert told(panel, SETTING)["live_revision"] == told(panel, SETTING)["revision"]
    failures = [each for each in panel.log("apply").splitlines() if "failed at read" in each]
    assert len(failures) == 2
