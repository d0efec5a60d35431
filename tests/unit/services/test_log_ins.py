"""Log-ins with the master password in the audit log."""

from __future__ import annotations

from dataclasses import replace

from mailpanel.reports import MasterLogIn

ANNA = MasterLogIn("anna@example.org", "192.0.2.7", "imap", 1_800_000_000.25, "12:0")


def test_each_stands_there_once(hosts, audit_log):
    """Told again, in part or whole, by one that did not hear; on another host it is another."""
    bert = replace(ANNA, mailbox="bert@example.org", at=ANNA.at + 5, line="12:99")
    hosts.log_ins("mx1", (ANNA,))
    hosts.log_ins("mx1", (ANNA, bert))
    hosts.log_ins("mx1", (ANNA, bert))
    hosts.log_ins("mx2", (ANNA,))
    hosts.log_ins("mx2", ())
    entries, _ = audit_log.page()
    assert [(each["detail"]["host"], each["detail"]["mailbox"]) for each in entries] == [
        ("mx2", "anna@example.org"),
        ("mx1", "bert@example.org"),
        ("mx1", "anna@example.org"),
    ]


def test_it_tells_when_from_where_and_how(hosts, audit_log):
    hosts.log_ins("mx1", (ANNA,))
    ((entry,), _) = audit_log.page(action="master.log_in")
    assert entry["at"] == "2027-01-15T08:00:00.250Z"
    assert (entry["address"], entry["setting"]) == ("192.0.2.7", "imap_master_password")
    assert entry["detail"]["protocol"] == "imap"
