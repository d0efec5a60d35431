"""A private Dovecot: its own directories, high loopback ports, nobody else's mail."""

from __future__ import annotations

import base64
import datetime
import hashlib
import imaplib
import os
import pwd
import re
import secrets
import shutil
import smtplib
import socket
import subprocess
import time
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from mailpanel.playground import _clock
from mailpanel.playground._dovecot_files import DovecotFiles
from mailpanel.playground._processes import at_work, end_all, living
from mailpanel.playground.postfix import free_port

__all__ = ["PROGRAMS", "DovecotError", "PrivateDovecot", "dovecot_version"]

COMMAND_TIMEOUT = 60.0
START_TIMEOUT = 60.0
# unix(7): sun_path has 108 bytes; the longest name below base_dir takes 25.
LONGEST_RUN_DIRECTORY = 70
# Whom all mailboxes belong to: a user that every Debian has, and that nobody logs in as.
OWNER = "mail"
PROGRAMS = re.compile(r".*/(sbin/dovecot|lib(exec)?/dovecot/[^/]+)")


class DovecotError(Exception):
    """A command of Dovecot failed; the text has what it said and the end of the log."""


def dovecot_version() -> str:
    """Return the version of the Dovecot that is installed, like ``2.3.19``."""
    command = ["dovecot", "--version"]
    said = subprocess.run(command, capture_output=True, timeout=COMMAND_TIMEOUT, check=True)
    found = re.match(rb"\d+\.\d+\.\d+", said.stdout)
    if found is None:
        raise DovecotError(f"dovecot --version: {said.stdout!r}")
    return found.group().decode()


class PrivateDovecot:
    """A Dovecot of its own in *directory*, which must exist and belong to root.

    A context manager that starts and stops it. Its configuration stands in
    ``directory/etc``, with ``conf.d`` as Debian has it or, without *conf_d*, in one
    file. It is written where there is none yet; what a test wants different is changed
    there before :meth:`start`. *options* are what :class:`DovecotFiles` takes: folders,
    namespace, mail_format, relay_port, penalty, extra. The sockets are in
    *run_directory*, whose path must be short. Needs root, as a mail host's own does.
    """

    def __init__(
        self,
        directory: Path,
        *,
        run_directory: Path | None = None,
        imap_port: int = 0,
        submission_port: int = 0,
        conf_d: bool = True,
        **options: Any,
    ) -> None:
        self.directory = directory
        self.run_directory = run_directory or directory / "run"
        if len(str(self.run_directory)) > LONGEST_RUN_DIRECTORY:
            raise ValueError(f"{self.run_directory}: too long for the names of unix sockets")
        self.config_directory = directory / "etc"
        self.config_file = self.config_directory / "dovecot.conf"
        self.users_file = self.config_directory / "users"
        self.mail_directory = directory / "mail"
        self.log_file = directory / "log" / "dovecot.log"
        self.lmtp_socket = self.run_directory / "lmtp"
        self.imap_port = imap_port or free_port()
        self.submission_port = submission_port or free_port()
        self._made_folders: set[tuple[str, str]] = set()
        self._make_directories()
        if not self.config_file.exists():
            self._write_configuration(conf_d, options)

    def __enter__(self) -> PrivateDovecot:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def master_pid(self) -> int | None:
        """The pid of its own master process, or ``None`` where it does not run."""
        try:
            pid = int((self.run_directory / "master.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None
        # A stale pid may be another's by now.
        return pid if self._is_own(pid) else None

    @property
    def running(self) -> bool:
        """Whether its master process lives."""
        return self.master_pid is not None

    def start(self) -> None:
        """Start it and wait until its ports answer; raises :class:`DovecotError`."""
        self._run(["dovecot", "-c", str(self.config_file)])
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            try:
                for port in (self.imap_port, self.submission_port):
                    socket.create_connection(("127.0.0.1", port), 1.0).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise DovecotError(f"its ports do not answer\n{self.log()[-2000:]}")

    def stop(self) -> None:
        """End its own processes, the gentle way first, and wait until they are gone.

        All of them are told: its master alone would wait for the open sessions. They are
        found where the master was killed, too.
        """
        end_all(lambda: [pid for pid in living() if self._is_own(pid)])

    def reload(self) -> None:
        """Let it read its configuration again; raises :class:`DovecotError`."""
        self.doveadm("reload")

    def log(self) -> str:
        """Return all that it has logged."""
        try:
            return self.log_file.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def doveadm(self, *arguments: str, stdin: str = "") -> str:
        """Run ``doveadm`` on this instance and return its output.

        Raises :class:`DovecotError` where it fails or does not end.
        """
        return self._run(["doveadm", "-c", str(self.config_file), *arguments], stdin=stdin)

    def add_user(self, name: str, password: str) -> None:
        """Give *name* a mailbox with *password*, which may hold anything.

        Where it runs, it knows of it then: it looks at the file once in a second.
        """
        if not re.fullmatch(r"[^\s:]+", name):
            raise ValueError("the name of a mailbox holds no blank and no colon")
        salt = secrets.token_bytes(8)
        digest = hashlib.sha512(password.encode() + salt).digest()
        entry = "{SSHA512}" + base64.b64encode(digest + salt).decode()
        with self.users_file.open("a", encoding="utf-8") as users:
            users.write(f"{name}:{entry}::::::\n")
        deadline = time.monotonic() + START_TIMEOUT
        while self.running and not self._knows(name):
            if time.monotonic() > deadline:
                raise DovecotError(f"it does not see the new mailbox\n{self.log()[-2000:]}")
            time.sleep(0.05)

    def imap(self, user: str, password: str) -> imaplib.IMAP4:
        """Return a session of *user*; raises :class:`imaplib.IMAP4.error` where refused.

        ``user*master`` is a *user* too. Leaving the session as a context logs out.
        """
        client = imaplib.IMAP4("127.0.0.1", self.imap_port, COMMAND_TIMEOUT)
        try:
            # Not login(), which takes ASCII alone.
            client.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
        except BaseException:
            client.shutdown()
            raise
        return client

    def submission(self, user: str, password: str) -> smtplib.SMTP:
        """Return a session of *user* that may send mail.

        Raises :class:`smtplib.SMTPAuthenticationError` where refused.
        """
        client = smtplib.SMTP("127.0.0.1", self.submission_port, timeout=COMMAND_TIMEOUT)
        try:
            client.ehlo()
            client.login(user, password)
        except BaseException:
            client.close()
            raise
        return client

    def save(self, user: str, folder: str, subject: str, age_days: float = 0) -> None:
        """Store a message as if that had been *age_days* ago; it must run.

        The folder is made where there is none. The saved date, which ``savedbefore`` and
        autoexpunge go by, and the date in the header are of then.
        """
        if folder != "INBOX" and (user, folder) not in self._made_folders:
            if folder not in self.folders(user):
                self.doveadm("mailbox", "create", "-s", "-u", user, folder)
            self._made_folders.add((user, folder))
        when = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=age_days)
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "friend@example.org", user, subject
        message["Date"], message["Message-ID"] = format_datetime(when), make_msgid()
        message.set_content("Hello.\n")
        # On Maildir the saved date is the file's ctime unless it is in the cache.
        options = ["-o", "mail_always_cache_fields=date.save"]
        self._run(
            ["doveadm", "-c", str(self.config_file), *options, "save", "-u", user, "-m", folder],
            stdin=message.as_string(),
            environment=_clock.environment(age_days),
        )

    def folders(self, user: str) -> list[str]:
        """Return the names of the folders that *user* has."""
        return self.doveadm("mailbox", "list", "-u", user).splitlines()

    def messages(self, user: str, folder: str, query: str = "all") -> list[str]:
        """Return the subjects in *folder*, oldest arrival first.

        *query* is a search query (doveadm-search-query(7)), with blanks between its
        words alone. A folder that does not exist has none.
        """
        fetch = ["-f", "tab", "fetch", "-u", user, "hdr.subject.utf8"]
        found = self.doveadm(*fetch, "mailbox", folder, *query.split())
        return found.splitlines()[1:]

    def _knows(self, user: str) -> bool:
        try:
            self.doveadm("user", user)
        except DovecotError:
            return False
        return True

    def _make_directories(self) -> None:
        for name in ("etc", "state", "mail", "log"):
            (self.directory / name).mkdir(exist_ok=True)
            (self.directory / name).chmod(0o755)
        self.run_directory.mkdir(exist_ok=True)
        self.run_directory.chmod(0o755)
        shutil.chown(self.mail_directory, OWNER, OWNER)
        self.mail_directory.chmod(0o700)
        if not self.users_file.exists():
            self.users_file.touch(mode=0o600)
            shutil.chown(self.users_file, "root", "dovecot")
            self.users_file.chmod(0o640)

    def _write_configuration(self, conf_d: bool, options: Mapping[str, Any]) -> None:
        files = DovecotFiles(
            version=dovecot_version(),
            places={
                "run": self.run_directory,
                "state": self.directory / "state",
                "log": self.log_file,
                "users": self.users_file,
                "mail": self.mail_directory,
            },
            imap_port=self.imap_port,
            submission_port=self.submission_port,
            uid=pwd.getpwnam(OWNER).pw_uid,
            **options,
        )
        for name, text in files.texts(conf_d=conf_d).items():
            path = self.config_directory / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            path.chmod(0o644)

    def _is_own(self, pid: int) -> bool:
        return at_work(pid, PROGRAMS, self.run_directory, self.mail_directory)

    def _run(
        self, command: list[str], *, stdin: str = "", environment: Mapping[str, str] | None = None
    ) -> str:
        # Through files, not pipes: the daemon would hold a pipe open.
        with TemporaryFile() as output, TemporaryFile() as errors:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=errors,
                env={**os.environ, **(environment or {})},
            )
            try:
                process.communicate(stdin.encode(), COMMAND_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                raise DovecotError(f"{command[0]} does not end\n{self.log()[-2000:]}") from None
            finally:
                _clock.forget(process.pid)
            said, complaints = _content(output), _content(errors)
        if process.returncode:
            # The arguments are left out: one of them may be a secret.
            raise DovecotError(
                f"{command[0]}: {process.returncode}: {said}{complaints}\n{self.log()[-2000:]}"
            )
        return said


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
