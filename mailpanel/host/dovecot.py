"""One Dovecot instance: its commands, what it says of itself, whether it lives.

Sources: doveconf(1), doveadm(1), and what was measured on the daemon itself
(docs/decisions/0005-dovecot-and-msmtp-files.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mailpanel.errors import CheckFailed, ReloadFailed
from mailpanel.host import command
from mailpanel.host.daemon import lives
from mailpanel.host.doveconf import Doveconf
from mailpanel.host.words import own_words

__all__ = ["PARAMETERS", "Configuration", "Dovecot"]

# What a plan, or the engine, asks for that is not printed where it is the default.
PARAMETERS = (
    "auth_master_user_separator",
    "base_dir",
    "default_internal_group",
    "imap_hibernate_timeout",
    "info_log_path",
    "log_path",
    "login_log_format_elements",
    "mail_always_cache_fields",
)
# As many mailboxes are tried before and after a change.
TRIED = 5
LISTED = 20


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a configuration says: :data:`PARAMETERS`, all that is no default, and warnings."""

    parameters: Mapping[str, str]
    explicit: Doveconf
    warnings: frozenset[str]


class Dovecot:
    """The instance of *config_file*."""

    def __init__(self, config_file: str) -> None:
        self.config_file = Path(config_file)

    @property
    def directory(self) -> Path:
        """Return where the configuration stands."""
        return self.config_file.parent

    def argv(self, name: str, *arguments: str) -> list[str]:
        """Return the command *name* for this instance."""
        return [name, "-c", str(self.config_file), *arguments]

    def version(self) -> str:
        """Return the version, like ``2.3.19.1``."""
        said = command.run(["dovecot", "--version"]).stdout
        match = re.match(r"[0-9]+(?:\.[0-9]+)+", said)
        if match is None:
            raise CheckFailed("dovecot --version does not tell a version.")
        return match[0]

    def configuration(self) -> Configuration:
        """Return what the configuration says; raises :class:`CheckFailed` where it is broken."""
        queries = [
            command.start(self.argv("doveconf", *arguments)) for arguments in (("-n",), PARAMETERS)
        ]
        explicit, asked = [_answer(each) for each in [query.finish() for query in queries]]
        warnings = (line for line in explicit.stderr.split("\n") if "Warning:" in line)
        return Configuration(
            Doveconf(asked.stdout).top(),
            Doveconf(explicit.stdout),
            # Where it stands differs between two trees.
            frozenset(re.sub(r" line [0-9]+", "", own_words(line)) for line in warnings),
        )

    def explicit(self, protocol: str = "") -> Doveconf:
        """Return all of the configuration that is no default, as it is for *protocol*.

        Raises :class:`CheckFailed`.
        """
        only = ("-f", f"protocol={protocol}") if protocol else ()
        return Doveconf(_answer(command.run(self.argv("doveconf", "-n", *only))).stdout)

    def master_pid(self, base_dir: str) -> int | None:
        """Return the process id of the running master process, or ``None``."""
        try:
            pid = int(Path(base_dir, "master.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if lives(pid, "dovecot") else None

    def reload(self) -> None:
        """Make the daemon read its configuration; raises :class:`ReloadFailed`."""
        answer = command.run(self.argv("doveadm", "reload"))
        if answer.code != 0:
            raise ReloadFailed(
                f"Dovecot does not take its configuration: {own_words(answer.stderr)}."
            )

    def answers(self) -> bool:
        """Say whether the daemon's authentication answers."""
        # A name that cannot be: what counts is that somebody says so.
        answer = command.run(self.argv("doveadm", "user", "mailpanel-nobody"))
        return answer.code == 67

    def mailboxes(self) -> list[str]:
        """Return some of the users who have a mailbox, none where they cannot be listed."""
        names = command.first_lines(self.argv("doveadm", "user", "*"), LISTED)
        return [name for name in names if self._has_home(name)][:TRIED]

    def _has_home(self, name: str) -> bool:
        # doveadm would make the home of one who never logged in.
        answer = command.run(self.argv("doveadm", "user", "-f", "home", "--", name))
        home = answer.stdout.strip()
        return answer.code == 0 and home.startswith("/") and Path(home).is_dir()

    def opens(self, name: str) -> bool:
        """Say whether the mailbox of the user *name* can be opened."""
        argv = self.argv("doveadm", "mailbox", "status", "-u", name, "messages", "INBOX")
        return command.run(argv).code == 0

    def logs_in(self, login: str, password: str) -> tuple[bool, bool]:
        """Try to log in to IMAP; say whether the password was right, and the log-in let in.

        The password goes by standard input. No address is told, so nobody's is held
        up by a wrong one. A right master password for a mailbox that does not exist
        lets nobody in.
        """
        argv = self.argv("doveadm", "auth", "test", "-x", "service=imap", "--", login)
        answer = command.run(argv, f"{password}\n")
        right = re.search(r"^\s*auth_user=", answer.stdout, re.MULTILINE) is not None
        return right, answer.code == 0

    def forget_passwords(self) -> None:
        """Empty the cache of passwords; raises :class:`CheckFailed` where that fails."""
        if command.run(self.argv("doveadm", "auth", "cache", "flush")).code != 0:
            raise CheckFailed("Dovecot's cache of passwords cannot be emptied.")

    def kick(self, name: str) -> None:
        """End all sessions of the user *name*."""
        command.run(self.argv("doveadm", "kick", "--", name))


def _answer(finished: command.Finished) -> command.Finished:
    if finished.code != 0:
        said = own_words(finished.stderr)
        raise CheckFailed(f"Dovecot cannot read its configuration: {said}.")
    return finished
