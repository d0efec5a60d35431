"""What a look takes from Postfix's log beside the attempts at a delivery."""

from __future__ import annotations

import pytest

from mailpanel.host.relay_look import RelayLook

AT = "Nov 22 21:54:02 mx1"
SERVER = "relay.test[192.0.2.1]:587"
FAILED = f"certificate verification failed for {SERVER}: self-signed certificate"


class _Look(RelayLook):
    """It is told what is new in the log."""

    def __init__(self, *lines: str) -> None:
        super().__init__("/nowhere")
        self._lines = list(lines)

    def _new_lines(self) -> tuple[str, list[str]]:
        return "file", self._lines


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        (f"{AT} postfix/smtp[12]: {FAILED}", True),
        (
            f"{AT} postfix/relay/smtp[12]: warning: TLS library problem: error:0A00010B:SSL "
            "routines::wrong version number:../ssl/record/ssl3_record.c:354:",
            True,
        ),
        (f"{AT} postfix/cleanup[12]: 4AB: message-id=<x> mx1 postfix/smtp[1]: {FAILED}", False),
        (f"{AT} postfix/smtp[12]: 4AB: host {SERVER} said: 450 {FAILED}", False),
        (f"{AT} postfix/smtpd[12]: {FAILED}", False),
    ],
)
def test_why_a_certificate_is_not_accepted_is_what_smtp_alone_says(line: str, counts: bool) -> None:
    assert _Look(line).attempts().why == ([line] if counts else [])
