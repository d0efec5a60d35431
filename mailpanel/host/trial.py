"""The relay's last test is Postfix's own: a private instance goes there, and sends nothing.

It runs from the staged configuration, in the stage's queue, for as long as one
``sendmail -bv`` takes (sendmail(1)): smtp(8) itself resolves, connects, verifies, logs in
and names sender and recipient. It listens to nobody, and network code runs as the user
postfix alone. Why so: docs/decisions/0008-the-relay-is-tried-by-postfix-itself.md.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mailpanel.errors import CheckFailed, ProbeFailed
from mailpanel.host import command
from mailpanel.host.compose import Tree
from mailpanel.host.config_text import ConfigText, main_cf_key, master_cf_key
from mailpanel.host.daemon import wait_for
from mailpanel.host.postfix import Postfix
from mailpanel.host.stage import CHROOT, empty, write_settled
from mailpanel.host.verdict import Outcome, judge, judge_letter
from mailpanel.host.words import own_words
from mailpanel.letters import as_bytes, is_address, test_letter
from mailpanel.plan import PostfixRelays
from mailpanel.relay_words import say

__all__ = ["RECIPIENT", "Trials"]

# In seconds.
STARTED = 10.0
LOOK = 0.004
# Nobody gets mail there (RFC 2606), and the relay's own admin sees in its log whose this is.
RECIPIENT = "mailpanel-test@example.com"
# With $myorigin behind it.
POSTMASTER = "postmaster"

# The services that one message needs on its way; none of type inet, none reached by others.
SERVICES = """\
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
"""

# Beside the way to the relay, which stays the admin's: what would lead the message, or the
# report on it, elsewhere, show it to other programs, or let a reply pass for another.
OVERRIDES = {
    # Relative to the queue: to the user postfix the way to it from the root is closed.
    "data_directory": "data",
    "content_filter": "",
    "header_checks": "",
    "mime_header_checks": "",
    "nested_header_checks": "",
    "body_checks": "",
    "smtp_header_checks": "",
    "non_smtpd_milters": "",
    "always_bcc": "",
    "sender_bcc_maps": "",
    "recipient_bcc_maps": "",
    "recipient_canonical_maps": "",
    "virtual_alias_maps": "",
    "virtual_alias_domains": "",
    "virtual_mailbox_domains": "",
    "mydestination": "",
    "relay_domains": "",
    "relocated_maps": "",
    "transport_maps": "",
    "sender_dependent_relayhost_maps": "",
    # The report on the test comes from nobody.
    "sender_dependent_default_transport_maps": "inline:{<>=discard:}",
    "notify_classes": "",
    "defer_transports": "",
    "smtp_fallback_relay": "",
    "default_delivery_status_filter": "",
    "smtp_delivery_status_filter": "",
    "authorized_submit_users": "static:anyone",
    "in_flow_delay": "0",
    "queue_minfree": "0",
    # There is one connection, and a resumed session shows no certificate.
    "smtp_connection_cache_on_demand": "no",
    "smtp_connection_cache_destinations": "",
    "smtp_tls_connection_reuse": "no",
    "smtp_tls_session_cache_database": "",
    # Why a certificate is not accepted; a debug log would hold the password.
    "smtp_tls_loglevel": "1",
    "debug_peer_list": "",
    # To the microsecond: by its own time, a reply that is cut off is one to the message.
    "delay_logging_resolution_limit": "6",
    # A server that waits for TLS from the start says nothing, and somebody waits for the answer.
    "smtp_connect_timeout": "15s",
    "smtp_helo_timeout": "15s",
    "smtp_starttls_timeout": "15s",
    "smtp_mail_timeout": "30s",
    "smtp_rcpt_timeout": "30s",
}

# Postfix cuts a line off after some 2,000 characters, the last parenthesis with it.
_RESULT = re.compile(
    rf": to=<{re.escape(RECIPIENT)}>, .*?\bstatus=(deliverable|undeliverable) \((.*?)\)?\n",
    re.MULTILINE,
)
# Of a message that is sent; the first line is its own, a report on it comes later.
_SENT = re.compile(r" to=<[^>]*>, .*?\bstatus=([a-z]+) \((.*?)\)?\n", re.MULTILINE)
# Nothing that a relay says stands before the first process's number.
_FATAL = re.compile(r"^[^\[\]\n]*\[[0-9]+\]: (?:fatal|panic): .*$", re.MULTILINE)


class Trials:
    """A private instance in the stage at *place*, where *staged* is *tree* of the *live* one."""

    def __init__(self, live: Postfix, staged: Postfix, tree: Tree, place: Path) -> None:
        self._live = live
        self._staged = staged
        self._tree = tree
        self._spool = place / "spool"
        self._log = place / "log"

    def run(self, wanted: PostfixRelays) -> str:
        """Go to the relay as *wanted*; return a sentence on how that went.

        Raises :class:`ProbeFailed` where mail would not get through, ``temporary`` unless
        the relay refused the account; :class:`CheckFailed` where Postfix cannot use the
        configuration at all. Nothing of it runs any more then, and nothing was sent, unless
        a message was wanted: what the relay has not taken of it by then is gone.
        """
        directories, sendmail, owner, host_name, origin = self._values()
        self._lay_out(wanted.transport, owner)
        argv = [f"{directories}/master", "-c", str(self._staged.config_directory), "-d"]
        with command.supervised(argv) as master:
            name = wanted.username or ""
            sender = name if is_address(name) else POSTMASTER
            if not wanted.message_to:
                self._submit(master, [sendmail, *self._here, "-bv", "-f", sender, RECIPIENT])
                return judge(wanted, self._outcome(master, wanted, sender, _RESULT))
            argv = [sendmail, *self._here, "-i", "-f", sender, "--", wanted.message_to]
            whole = sender if "@" in sender else f"{sender}@{origin}"
            self._submit(master, argv, as_bytes(test_letter(whole, wanted.message_to, host_name)))
            return judge_letter(wanted, self._outcome(master, wanted, sender, _SENT))

    def _values(self) -> list[str]:
        names = ("daemon_directory", "sendmail_path", "mail_owner", "myhostname", "myorigin")
        answer = command.run(self._live.argv("postconf", "-xh", *names))
        if answer.code != 0:
            raise CheckFailed(f"Postfix cannot read its configuration: {own_words(answer.stderr)}.")
        return answer.stdout.split("\n")[: len(names)]

    def _lay_out(self, transport: str, owner: str) -> None:
        text = self._staged.main_cf.read_text("utf-8", "surrogateescape")
        # The tables as staged: those that stand there hold another account.
        main_cf = ConfigText(
            text.replace(f":{self._live.maps}/", f":{self._staged.maps}/"), main_cf_key
        )
        for name, value in OVERRIDES.items():
            main_cf.put(name, f"{name} = {value}\n")
        service = ConfigText(self._tree.master_cf, master_cf_key).get(f"{transport}/unix")
        if service is None:
            raise CheckFailed(f"master.cf has no service {transport} of type unix.")
        write_settled(self._staged.main_cf, main_cf.text, 0o644)
        write_settled(self._staged.master_cf, f"{SERVICES}{service}", 0o644)
        self._log.unlink(missing_ok=True)
        # Of a run before this one: a report that would be sent along, sockets of the dead.
        empty(self._spool)
        data = self._spool / "data"
        data.mkdir(mode=0o700, exist_ok=True)
        shutil.chown(data, owner)
        if service.split()[4] != "n":
            self._fill_chroot()

    def _fill_chroot(self) -> None:
        live = self._live.queue_directory()
        for name in CHROOT:
            if (live / name).is_dir():
                shutil.copytree(
                    live / name, self._spool / name, symlinks=True, copy_function=_linked
                )

    @property
    def _here(self) -> tuple[str, ...]:
        return "-C", str(self._staged.config_directory)

    def _submit(
        self, master: subprocess.Popen[bytes], argv: Sequence[str], message: bytes = b""
    ) -> None:
        """Hand the message in as soon as somebody is there to take it."""
        wait_for(lambda: master.poll() is not None or self._awake(), STARTED, LOOK)
        answer = command.run(argv, message.decode())
        if answer.code != 0:
            raise CheckFailed(f"Postfix takes no mail for a test: {own_words(answer.stderr)}.")

    def _awake(self) -> bool:
        return (self._spool / "public" / "pickup").exists()

    def _outcome(
        self,
        master: subprocess.Popen[bytes],
        wanted: PostfixRelays,
        sender: str,
        line: re.Pattern[str],
    ) -> Outcome:
        """Wait for what smtp(8) says of the recipient in a *line* of the log."""

        def has_ended() -> bool:
            text = self._logged()
            return bool(line.search(text) or _FATAL.search(text)) or master.poll() is not None

        wait_for(has_ended, wanted.patience, LOOK)
        text = self._logged()
        if result := line.search(text):
            deliverable = result[1] in ("deliverable", "sent")
            return Outcome(deliverable, result[2], sender, text, self._password(wanted))
        if fatal := _FATAL.search(text):
            raise CheckFailed(f"Postfix cannot use these values: {own_words(fatal[0])}.")
        if master.poll() is not None:
            raise ProbeFailed("Postfix's own test of the relay ended too early; its log says why.")
        raise say(
            "slow", hostname=wanted.hostname, port=wanted.port, limit=f"{wanted.patience:.0f}"
        )

    def _password(self, wanted: PostfixRelays) -> str:
        """Return the password in the staged tables, empty where there is none."""
        account = f" {wanted.username}:"
        lines = (line for table in self._tree.maps.values() for line in table.split("\n"))
        found = (line.partition(account)[2] for line in lines if account in line)
        return next(found, "")

    def _logged(self) -> str:
        with suppress(FileNotFoundError):
            return self._log.read_text("utf-8", "replace")
        return ""


def _linked(source: str, target: str) -> None:
    """Make *target* the file *source*, by a link where that works; a device or socket no copy."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        if Path(source).is_file():
            shutil.copy2(source, target)
