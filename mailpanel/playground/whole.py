"""The whole playground: Postfix, Dovecot, a strict relay, web and apply in one place."""

from __future__ import annotations

import os
import re
import secrets
import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from subprocess import SubprocessError
from typing import Any

from mailpanel.playground import dovecot, mailboxes, postfix
from mailpanel.playground._processes import at_work, end_all, living, variable
from mailpanel.playground.certificates import Authority
from mailpanel.playground.dovecot import DovecotError, PrivateDovecot
from mailpanel.playground.installation import MARK, Installation, InstallationError
from mailpanel.playground.place import Place, PlaygroundError
from mailpanel.playground.postfix import PostfixError, PrivatePostfix, free_port
from mailpanel.playground.relay import Message, StrictRelay

__all__ = ["ERRORS", "Place", "Playground", "PlaygroundError"]

ERRORS = (DovecotError, InstallationError, PostfixError, SubprocessError)
# Below the ports that the system gives to clients, so that they are free the next time too.
PORTS = {"web": 8080, "postfix": 8025, "imap": 8143, "submission": 8587, "relay": 8586}
# Nobody who tries things wants to wait.
OPTIONS = {"mailpanel.clearing_grace": "0", "mailpanel.check_interval": "5"}
# The relay's accounts: for the relayhost, and for the system mailer.
ACCOUNTS = {
    "relay-user": "secure-relay-user-password",
    "mailer-user": "secure-mailer-password",
}


class Playground:
    """A playground in *place*; a context manager that starts and ends all of it.

    The first start makes it, later ones find everything as it was left. With *port*
    the web takes that one. *say* is told what is done, *on_message* each message that
    the relay takes, in the relay's thread. While it runs, ``record`` is what stands in
    playground.json. Raises :class:`PlaygroundError`, and of its parts ``ERRORS``.
    """

    installation: Installation

    def __init__(
        self,
        place: Place,
        port: int | None,
        *,
        say: Callable[[str], None],
        on_message: Callable[[Message], None],
    ) -> None:
        self.place = place
        self.record: dict[str, Any] = {}
        self._port = port
        self._say = say
        self._on_message = on_message
        self._stack = ExitStack()

    def __enter__(self) -> Playground:
        with ExitStack() as stack:
            stack.enter_context(self.place.taken())
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def check(self) -> None:
        """Raise :class:`InstallationError` where web or apply has ended by itself."""
        self.installation.check()

    def _start(self, stack: ExitStack) -> None:
        record = self.place.record()
        end_all(self._leftovers)
        if record is None:
            self._say(f"First start in {self.place.directory}: this takes some seconds")
            self.place.clear()
        else:
            self.place.write_record({**record, "pid": None})
        before = record["ports"] if record else PORTS
        ports = self._free_ports(before)
        relay, private_postfix, private_dovecot, installation = self._parts(ports)
        if record:
            self._renumber(before, ports)
            # The checkout may have become a newer one in the meantime.
            installation.command("init")
            password, token = record["password"], record["token"]
        else:
            self._say("Making keys, database and account")
            password = secrets.token_urlsafe(12)
            installation.prepare(password)
            token = installation.token
            mailboxes.add(private_dovecot)
        self._say("Starting the relay, Postfix and Dovecot")
        for part in (relay, private_postfix, private_dovecot):
            stack.enter_context(part)
        if not record:
            self._say("Saving old mail in Junk and Trash")
            mailboxes.fill(private_dovecot)
        installation.token = token
        self._say("Starting web and apply")
        stack.enter_context(installation)
        self.installation, self.relay = installation, relay
        self.record = self._describe(password, ports)
        self.place.write_record(self.record)
        stack.callback(lambda: self.place.write_record({**self.record, "pid": None}))

    def _parts(
        self, ports: Mapping[str, int]
    ) -> tuple[StrictRelay, PrivatePostfix, PrivateDovecot, Installation]:
        files = self.place.files
        authority = Authority(files / "authority.pem")
        relay = StrictRelay(
            authority.issue("localhost", "127.0.0.1"),
            accounts=ACCOUNTS,
            port=ports["relay"],
            on_message=self._on_message,
        )
        private_postfix = PrivatePostfix(self.place.make("postfix"), ports["postfix"])
        private_dovecot = PrivateDovecot(
            self.place.make("dovecot"),
            imap_port=ports["imap"],
            submission_port=ports["submission"],
            relay_port=ports["postfix"],
        )
        options = {
            "mailpanel.host_name": "playground",
            "mailpanel.postfix_config_directory": str(private_postfix.config_directory),
            "mailpanel.dovecot_config_file": str(private_dovecot.config_file),
            "mailpanel.msmtp_config_file": str(files / "msmtprc"),
            "mailpanel.ca_file": str(authority.write_bundle(files / "ca.pem")),
            **OPTIONS,
        }
        installation = Installation(self.place.make("mailpanel"), options, ports["web"])
        return relay, private_postfix, private_dovecot, installation

    def _leftovers(self) -> list[int]:
        """Return the processes that a playground which was killed has left here."""
        programs = ((postfix.PROGRAMS, "postfix"), (dovecot.PROGRAMS, "dovecot"))
        service = str(self.place.files / "mailpanel")
        return [
            pid
            for pid in living()
            if variable(pid, MARK) == service
            or any(at_work(pid, each, self.place.files / name) for each, name in programs)
        ]

    def _free_ports(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """Return *wanted*, with free ones in place of those that are taken."""
        ports = {name: port if _is_free(port) else free_port() for name, port in wanted.items()}
        if self._port is not None:
            if not _is_free(self._port):
                raise PlaygroundError(
                    f"--port: {self._port} is taken; end what listens there, or choose another"
                )
            ports["web"] = self._port
        return ports

    def _renumber(self, before: Mapping[str, int], after: Mapping[str, int]) -> None:
        """Change ports in the configuration files that were written for others."""
        changed = {str(before[name]): str(after[name]) for name in before}
        changed = {old: new for old, new in changed.items() if old != new}
        if not changed:
            return
        self._say("Other ports than before, since some are taken")
        one = re.compile(rf"(?<=[ =:])({'|'.join(changed)})(?= inet |\s*$)", re.MULTILINE)
        files = [self.place.files / "postfix/etc/master.cf"]
        files += sorted((self.place.files / "dovecot/etc").rglob("*.conf"))
        for file in files:
            text = file.read_text(encoding="utf-8")
            file.write_text(one.sub(lambda found: changed[found[1]], text), encoding="utf-8")

    def _describe(self, password: str, ports: Mapping[str, int]) -> dict[str, Any]:
        files, installation = self.place.files, self.installation
        (relay_user, relay_password), (mailer_user, mailer_password) = ACCOUNTS.items()
        return {
            "directory": str(self.place.directory),
            # Null where it does not run.
            "pid": os.getpid(),
            "url": installation.url,
            "username": "admin",
            "password": password,
            "token": installation.token,
            "ports": dict(ports),
            "directories": {
                "files": str(files),
                "postfix": str(files / "postfix" / "etc"),
                "dovecot": str(files / "dovecot" / "etc"),
                "mail": str(files / "dovecot" / "mail"),
                "logs": str(installation.log_directory),
            },
            "ini": str(installation.ini),
            "msmtprc": str(files / "msmtprc"),
            "ca_file": str(files / "ca.pem"),
            "mailboxes": dict.fromkeys(mailboxes.USERS, mailboxes.PASSWORD),
            "relay": {"username": relay_user, "password": relay_password},
            "mailer": {"username": mailer_user, "password": mailer_password},
        }


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers themselves bind: a connection closed just now is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
