"""msmtp: a configuration file for local programs, and nothing that runs.

Sources: msmtp(1), and what was measured on the program itself
(docs/decisions/0005-dovecot-and-msmtp-files.md).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from mailpanel.deployment import Deployment
from mailpanel.errors import CheckFailed, VerifyFailed
from mailpanel.host import command, files
from mailpanel.host.journal import Entry
from mailpanel.host.msmtprc import default_account, password_of
from mailpanel.host.own_files import FileLedger, OwnFiles
from mailpanel.host.part import Part, Work
from mailpanel.host.stage import clear
from mailpanel.host.words import own_words
from mailpanel.plan import Facts, Lookup, MsmtpFacts, Plan, WriteFile
from mailpanel.reports import FileDiff

__all__ = ["MsmtpPart"]

DIRECTORY = "mailpanel"
# What --pretend tells of the account, in the words of the file.
TOLD = ("host", "port", "user", "from")


class MsmtpPart(Part):
    """The system-wide msmtprc."""

    name = "msmtp"

    def __init__(self, deployment: Deployment) -> None:
        self._config_file = Path(deployment.msmtp_config_file)
        self._ledger_path = Path(deployment.state_directory, "ledger", "msmtp.json")

    def facts(self, *, standing: bool = False) -> MsmtpFacts | None:
        if shutil.which("msmtp", path=command.ENVIRONMENT["PATH"]) is None:
            return None
        version = command.run(["msmtp", "--version"]).stdout.split("\n")[0].split()[-1]
        admins_own = self._config_file.exists() and str(self._config_file) not in self._owned()
        directory = self._config_file.parent / DIRECTORY
        path = directory / "msmtprc" if admins_own else self._config_file
        account: Mapping[str, str] = {}
        if standing:
            account = default_account(self._standing_file())
        elif admins_own:
            # One that msmtp cannot read is in nobody's way: mailpanel has a file of its own.
            with suppress(CheckFailed):
                account = default_account(self._config_file)
        return MsmtpFacts(version, str(path), str(directory), admins_own, account)

    def account(self, lookup: Lookup) -> tuple[str, str] | None:
        (name,) = lookup.keys
        file = self._standing_file()
        return default_account(file)["user"], password_of(file, name)

    def _standing_file(self) -> Path:
        """Return the file that counts now: mailpanel's own, where there is one."""
        own = [Path(path) for path, each in self._ledger().files.items() if each.counts]
        return own[0] if own else self._config_file

    def owned(self, setting: str) -> list[str]:
        return self._ledger().owned(setting)

    def work(self, setting: str, plan: Plan, facts: Facts, *, over_edits: bool = False) -> Work:
        return _Msmtprc(
            plan, OwnFiles(self._ledger_path, setting, plan.changes, over_edits=over_edits)
        )

    def recovered(self) -> None:
        """Do nothing: msmtp reads the file each time it is called."""

    def reload_if_running(self) -> None:
        """Do nothing: nothing of it runs."""

    def _owned(self) -> dict[str, object]:
        return dict(self._ledger().files)

    def _ledger(self) -> FileLedger:
        return FileLedger.loads(files.read_state(self._ledger_path).content)


class _Msmtprc(Work):
    """A change of msmtprc and of the password's file."""

    def __init__(self, plan: Plan, own: OwnFiles) -> None:
        self.plan = plan
        self._own = own

    @property
    def changes_nothing(self) -> bool:
        return self._own.changes_nothing

    def require_running(self) -> None:
        """Do nothing: nothing of it runs."""

    def write_ledger(self) -> None:
        self._own.write_ledger()

    def check(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        # What is below it goes also where this process is killed; see clear().
        place = directory / "etc"
        clear(directory)
        place.mkdir(mode=0o700)
        try:
            for each in self._files():
                self._check(each, place)
        finally:
            clear(directory)

    def _check(self, wanted: WriteFile, place: Path) -> None:
        text = wanted.content
        for other in self.plan.changes:
            if isinstance(other, WriteFile) and other is not wanted:
                # The password's file is not there yet; msmtp asks for it at once.
                secret = files.read_state(place / "password", mode=0o600)
                files.write(secret.with_content(other.content.encode()))
                text = text.replace(other.path, str(secret.path))
        staged = files.read_state(place / "msmtprc", mode=0o600)
        files.write(staged.with_content(text.encode("utf-8")))
        _require_read(staged.path, text)

    def differences(self) -> Iterator[FileDiff]:
        return self._own.differences()

    def require_unchanged(self) -> None:
        self._own.require_unchanged()

    def entries(self, built: None) -> Iterator[Entry]:
        return self._own.entries()

    def reload(self) -> None:
        """Do nothing: msmtp reads the file each time it is called."""

    def revive(self) -> None:
        """Do nothing: nothing of it runs."""

    def verify(self) -> None:
        for each in self._files():
            try:
                _require_read(Path(each.path), each.content)
            except CheckFailed as error:
                raise VerifyFailed(str(error)) from None

    def _files(self) -> Iterator[WriteFile]:
        """Yield the files by which the change counts."""
        for each in self.plan.changes:
            if isinstance(each, WriteFile) and each.counts:
                yield each


def _require_read(path: Path, text: str) -> None:
    """Raise :class:`CheckFailed` unless msmtp reads the account in *path* as *text* has it."""
    argv = ["msmtp", "-C", str(path), "--pretend", "--", "nobody@localhost"]
    answer = command.run(argv)
    if answer.code != 0:
        raise CheckFailed(f"msmtp refuses the file: {own_words(answer.stderr)}.")
    wanted = dict(line.partition(" ")[::2] for line in text.split("\n"))
    told = dict(line.partition(" = ")[::2] for line in answer.stdout.split("\n"))
    for name in TOLD:
        given = wanted[name]
        quotes = len(given) > 1 and given[0] == given[-1] == '"'
        # A % in the sender stands for something that msmtp puts in.
        if "%" not in given and told.get(name) != (given[1:-1] if quotes else given):
            raise CheckFailed(f"msmtp reads another {name} from the file than was written into it.")
