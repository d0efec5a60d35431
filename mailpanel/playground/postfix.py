"""A private Postfix: its own directories, a high loopback port, nobody else's files."""

from __future__ import annotations

import json
import os
import re
import shutil
import smtplib
import socket
import subprocess
import time
from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from mailpanel.playground._processes import end_all, group

__all__ = ["PROGRAMS", "PostfixError", "PrivatePostfix", "free_port"]

# With a broken main.cf `postfix stop` blocks for ever; no command is waited for longer.
COMMAND_TIMEOUT = 60.0
START_TIMEOUT = 60.0
# unix(7): sun_path has 108 bytes; the longest name below queue_directory takes 24.
LONGEST_DIRECTORY = 70

# What master(8) is and starts, whatever daemon_directory is.
PROGRAMS = re.compile(r".*/postfix/(sbin/)?[^/]+")

MAIN_CF = """\
# main.cf of a private Postfix. This file is an administrator's own: comments,
# odd spacing and all.
compatibility_level = 3.6

  # an indented comment
queue_directory = {directory}/spool
data_directory={directory}/data
maillog_file   =   {directory}/log/maillog
maillog_file_prefixes = {directory}/log

inet_interfaces = 127.0.0.1
inet_protocols = ipv4
# The default, a DNS look-up, does not know localhost.
smtp_host_lookup = native
mynetworks =
    127.0.0.0/8
    # a comment inside a value
\t[::1]/128
myhostname = private.test
mydestination =
alias_maps =
alias_database =
biff = no
append_dot_mydomain = no

# Mail that waits is tried again when somebody says so, or soon.
minimal_backoff_time = 300s
maximal_backoff_time = 300s
\tqueue_run_delay = 300s
"""

MASTER_CF = """\
# service type  private unpriv  chroot  wakeup  maxproc command + args
# ==========================================================================
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
proxywrite unix -       -       n       -       1       proxymap
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
local     unix  -       n       n       -       -       local
virtual   unix  -       n       n       -       -       virtual
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
"""


# Which free ports this process was told of.
_GIVEN: set[tuple[str, int]] = set()


class PostfixError(Exception):
    """A command of Postfix failed; the text has its output and the end of the log."""


def free_port(address: str = "127.0.0.1") -> int:
    """Return a TCP port of *address* that nobody listens on now.

    None is returned twice: whoever was told of it may not listen yet.
    """
    while True:
        with socket.socket() as probe:
            probe.bind((address, 0))
            port: int = probe.getsockname()[1]
        if (address, port) not in _GIVEN:
            _GIVEN.add((address, port))
            return port


class PrivatePostfix:
    """A Postfix of its own in *directory*, which must exist and belong to root.

    A context manager that starts and stops it. Its configuration stands in
    ``directory/etc``. It is written where there is none yet; what a test wants
    different is written there before :meth:`start`. Needs root: master(8) changes to
    other users.
    """

    def __init__(self, directory: Path, port: int = 0) -> None:
        if len(str(directory)) > LONGEST_DIRECTORY:
            raise ValueError(f"{directory}: too long for the names of unix sockets")
        self.directory = directory
        self.config_directory = directory / "etc"
        self.main_cf = self.config_directory / "main.cf"
        self.master_cf = self.config_directory / "master.cf"
        self.log_file = directory / "log" / "maillog"
        self.port = port or free_port()
        for name in ("etc", "spool", "data", "log"):
            (directory / name).mkdir(exist_ok=True)
            (directory / name).chmod(0o755)
        shutil.chown(directory / "data", "postfix", "postfix")
        texts = {
            self.master_cf: MASTER_CF.format(port=self.port),
            self.main_cf: MAIN_CF.format(directory=directory),
        }
        for file, text in texts.items():
            if not file.exists():
                file.write_text(text)
                file.chmod(0o644)
        self._age()

    def __enter__(self) -> PrivatePostfix:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def master_pid(self) -> int | None:
        """The pid of its own master(8), or ``None`` where it does not run."""
        try:
            pid = int((self.directory / "spool" / "pid" / "master.pid").read_text())
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        # A stale pid may be another's by now; master exports its directory.
        ours = f"MAIL_CONFIG={self.config_directory}".encode()
        return pid if ours in environment else None

    @property
    def running(self) -> bool:
        """Whether its master(8) lives."""
        return self.master_pid is not None

    def start(self) -> None:
        """Start it and wait until its port answers; raises :class:`PostfixError`."""
        self.command("postfix", "start")
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise PostfixError(f"port {self.port} does not answer\n{self.log()[-2000:]}")

    def stop(self) -> None:
        """End its own processes, the gentle way first, and wait until they are gone."""
        pid = self.master_pid
        if pid is not None:
            # master(8) leads a process group of its own, with all its daemons in it.
            end_all(lambda: group(pid))

    def reload(self) -> None:
        """Let it read its configuration again; raises :class:`PostfixError`."""
        self.command("postfix", "reload")

    def flush(self) -> None:
        """Try all waiting mail now."""
        self.command("postqueue", "-f")

    def submit(
        self,
        recipient: str,
        sender: str = "sender@example.org",
        subject: str = "a message",
    ) -> None:
        """Hand it a message by SMTP; raises :class:`smtplib.SMTPException`."""
        self.submit_many([recipient], sender, subject)

    def submit_many(
        self,
        recipients: list[str],
        sender: str = "sender@example.org",
        subject: str = "a message",
    ) -> None:
        """Hand it a message of its own for each of *recipients*, in one session."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=COMMAND_TIMEOUT) as client:
            for recipient in recipients:
                message = EmailMessage()
                message["From"], message["To"], message["Subject"] = sender, recipient, subject
                message.set_content("Hello.\n")
                client.send_message(message)

    def queue(self) -> list[dict[str, Any]]:
        """Return the waiting mail as ``postqueue -j`` tells it (postqueue(1))."""
        return [json.loads(line) for line in self.command("postqueue", "-j").splitlines()]

    def log(self) -> str:
        """Return all that it has logged."""
        try:
            return self.log_file.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def parameter(self, name: str) -> str:
        """Return the value of *name* in main.cf, as ``postconf -h`` tells it."""
        return self.command("postconf", "-h", name).rstrip("\n")

    def set_parameters(self, values: Mapping[str, str]) -> None:
        """Write parameters to main.cf as an administrator does, by ``postconf -e``."""
        self.command("postconf", "-e", *(f"{name}={value}" for name, value in values.items()))
        self._age()

    def table(self, name: str, entries: Mapping[str, str]) -> str:
        """Write an indexed table beside main.cf; return its ``type:path``."""
        path = self.config_directory / name
        path.touch(mode=0o600)
        path.write_text("".join(f"{key} {value}\n" for key, value in entries.items()))
        kind = self.parameter("default_database_type")
        self.command("postmap", f"{kind}:{path}")
        return f"{kind}:{path}"

    def command(self, name: str, *arguments: str) -> str:
        """Run one of Postfix's commands on this instance and return its output.

        Raises :class:`PostfixError` where it fails or does not end.
        """
        # Through files, not pipes: the daemons that `postfix start` leaves behind
        # would hold a pipe open.
        own = ["-c", str(self.config_directory)]
        if name == "postfix" and arguments == ("start",):
            return self._run([name, *own, *arguments], subprocess.DEVNULL)
        return self._run([name, *own, *arguments], subprocess.PIPE)

    def _age(self) -> None:
        """Make main.cf look older: every command waits for up to 2 s on a young one."""
        past = time.time() - 10
        os.utime(self.main_cf, (past, past))

    def _run(self, command: list[str], output: int) -> str:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=COMMAND_TIMEOUT,
                check=False,
                encoding="utf-8",
            )
        except subprocess.TimeoutExpired:
            raise PostfixError(f"{command[0]} does not end\n{self.log()[-2000:]}") from None
        if done.returncode:
            # The arguments are left out: a table's entry among them may be a secret.
            said = f"{done.stdout or ''}{done.stderr or ''}"
            raise PostfixError(f"{command[0]}: {done.returncode}: {said}\n{self.log()[-2000:]}")
        return done.stdout or ""
