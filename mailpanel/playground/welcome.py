"""What the playground tells once it runs: where everything is, and a call for each setting."""

from __future__ import annotations

import json
import os
import shlex
import textwrap
from collections.abc import Collection, Mapping
from typing import Any

from mailpanel.playground.relay import Message

__all__ = ["about_message", "welcome"]

HEAD = """
mailpanel runs at {url}

  panel      {url}/login
             account {username}, password {password}
  API        {url}/api/v1/
             account {username}, token {token}
  Postfix    localhost:{ports[postfix]}
             {directories[postfix]}
  Dovecot    localhost:{ports[imap]} (IMAP), localhost:{ports[submission]} (submission)
             {directories[dovecot]}
             {mailboxes}, password {mailbox_password}
  relay      localhost:{ports[relay]}, demands TLS and an account
  logs       {directories[logs]}
  scripts    {directory}/playground.json

Each call answers once the change is live, or with what is wrong.
"""

TAIL = """
Look at all that is set, and put back what was there before:

  curl -u {username}:{token} {url}/api/v1/settings/
  curl -u {username}:{token} -H 'Prefer: wait=30' \\
    -X DELETE {url}/api/v1/settings/{setting}/

Ctrl-C ends it all; what is set and the mail stay for the next start.
"""

# What to do by hand to see that a setting counts.
TRIES = {
    "postfix_relayhost": """\
python3 -c 'import smtplib; smtplib.SMTP("127.0.0.1", {ports[postfix]}).sendmail(
  "you@example.org", ["friend@example.net"], "Subject: hello\\n\\nHello.")'""",
    "system_mailer": """\
printf 'Subject: hello\\n\\nHello.\\n' | {sudo}msmtp --file={msmtprc} friend@example.net""",
    "junk_trash_clearing_interval": """\
curl -u {mailbox}:{mailbox_password} 'imap://localhost:{ports[imap]}/Junk?ALL'""",
    "imap_master_password": """\
curl -u '{mailbox}*master:PASSWORD' imap://localhost:{ports[imap]}/""",
}
SENTENCES = {
    "postfix_relayhost": "Send all mail through the relay; then hand Postfix a message, and the "
    "relay says here what it got:",
    "system_mailer": "Give the system an account of its own for its mails; then send one:",
    "junk_trash_clearing_interval": "Clear Junk after 7 days and Trash after 14; Dovecot does it "
    "when somebody logs out, so look twice:",
    "imap_master_password": "Make a password that opens every mailbox; the answer shows it, once:",
}


def welcome(record: Mapping[str, Any], settings: Collection[str]) -> str:
    """Return the text for the playground that *record* describes, with calls for *settings*."""
    names = list(record["mailboxes"])
    values = {
        **record,
        "mailboxes": ", ".join(names),
        "sudo": "sudo " if "SUDO_USER" in os.environ else "",
        "mailbox": names[0],
        "mailbox_password": record["mailboxes"][names[0]],
    }
    calls = [
        f"{textwrap.fill(sentence, 96)}\n\n"
        f"{textwrap.indent(_call(record, name), '  ')}\n\n"
        f"{textwrap.indent(TRIES[name].format(**values), '  ')}\n"
        for name, sentence in SENTENCES.items()
        if name in settings
    ]
    tail = TAIL.format(setting=next(iter(settings)), **values)
    return "\n".join([HEAD.format(**values), *calls, tail.lstrip()])


def about_message(message: Message) -> str:
    """Return what is to be told of a *message* that the relay took."""
    head = message.content.decode(errors="replace").partition("\r\n\r\n")[0]
    recipients = ", ".join(message.recipients)
    return (
        f"relay: message from {message.sender} to {recipients} "
        f"as {message.username} over {message.tls}\n{textwrap.indent(head, '       ')}"
    )


def _call(record: Mapping[str, Any], setting: str) -> str:
    server = {"server_hostname": "localhost", "server_port": record["ports"]["relay"]}
    value = {
        "postfix_relayhost": {**server, **record["relay"]},
        "system_mailer": {**server, **record["mailer"]},
        "junk_trash_clearing_interval": {"junk_days": 7, "trash_days": 14},
        "imap_master_password": {},
    }[setting]
    return (
        f"curl -u {record['username']}:{record['token']} \\\n"
        f"  -H 'Content-Type: application/json' -H 'Prefer: wait=30' \\\n"
        f"  -d {shlex.quote(json.dumps(value))} \\\n"
        f"  {record['url']}/api/v1/settings/{setting}/"
    )
