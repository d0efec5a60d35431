"""The staged tree: a whole candidate configuration, checked by Postfix's own commands.

It stands in the state directory, readable to root alone. Everything but what
changes is the live file itself, by a hard link where the file system allows one.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mailpanel.errors import CheckFailed
from mailpanel.host import command
from mailpanel.host.compose import Tree
from mailpanel.host.config_text import ConfigText, main_cf_key, table_entries
from mailpanel.host.daemon import end_all_in
from mailpanel.host.postfix import INDEXED, MAPS_DIRECTORY, Postfix
from mailpanel.host.words import own_words

__all__ = [
    "CHROOT",
    "SETTLED",
    "BuiltMap",
    "Stage",
    "clear",
    "empty",
    "mirror",
    "staged",
    "write_settled",
]

# Postfix distrusts a main.cf that was written just now, and sleeps up to two seconds
# before it reads it; a file that was renamed into place whole gives no reason to.
SETTLED = 10.0


@dataclass(frozen=True, slots=True)
class BuiltMap:
    """A lookup table as postmap made it: the names of its files and their contents."""

    source_name: str
    source: bytes
    index_name: str
    index: bytes


@contextmanager
def staged(postfix: Postfix, tree: Tree, directory: Path, database_type: str) -> Iterator[Stage]:
    """Lay *tree* out in *directory*; what may hold a secret is gone at the end, however it comes.

    The empty queue stays: to make its directories anew takes Postfix longer than
    all of its checks.
    """
    directory.mkdir(mode=0o700, exist_ok=True)
    clear(directory)
    try:
        stage = Stage(postfix, tree, directory, database_type)
        stage.lay_out()
        yield stage
    finally:
        clear(directory)


def clear(directory: Path) -> None:
    """Remove all that a stage in *directory* holds but the directories of its empty queue."""
    spool = directory / "spool"
    if (spool / "pid" / "master.pid").exists():
        # Of an instance that tried a relay, and of which nobody has seen the end.
        end_all_in(spool)
    with suppress(FileNotFoundError):
        shutil.rmtree(directory / "etc")
    (directory / "log").unlink(missing_ok=True)
    empty(spool)


def empty(spool: Path) -> None:
    """Remove all that a queue at *spool* holds but its directories."""
    for name in CHROOT:
        with suppress(FileNotFoundError):
            shutil.rmtree(spool / name)
    for place, _, names in os.walk(spool):
        for name in names:
            Path(place, name).unlink(missing_ok=True)


# What Debian fills in the queue's directory for daemons that run chrooted: resolv.conf, hosts,
# libnss, CA certificates.
CHROOT = ("etc", "lib", "lib64", "usr")

# What Postfix begins to say once mailpanel's value stands where the admin's stood: that the
# admin has a line twice, and that no parameter names one of their own any more.
NO_NEWS = (": overriding earlier entry: ", ": unused parameter: ")


# What the stage has its own of; and Debian's link that postfix check knows by its place.
SKIPPED = frozenset({"main.cf", "master.cf", MAPS_DIRECTORY, "makedefs.out"})


class Stage:
    """A candidate configuration directory, with queue, data and log of its own."""

    def __init__(self, live: Postfix, tree: Tree, place: Path, database_type: str) -> None:
        self._live = live
        self._tree = tree
        self._place = place
        self._type = database_type
        self.postfix = Postfix(str(place / "etc"))

    def lay_out(self) -> None:
        """Write the candidate files and link the admin's others."""
        mirror(self._live.config_directory, self.postfix.config_directory, SKIPPED)
        write_settled(self.postfix.main_cf, self._redirected(), 0o644)
        write_settled(self.postfix.master_cf, self._tree.master_cf, 0o644)
        self.postfix.maps.mkdir(mode=0o755, exist_ok=True)
        for name, text in self._tree.maps.items():
            write_settled(self.postfix.maps / name, text, 0o600)
        (self._place / "spool").mkdir(mode=0o755, exist_ok=True)

    def _redirected(self) -> str:
        # postfix check makes the directories that main.cf names, and says what is wrong
        # in the log alone where no terminal listens.
        text = ConfigText(self._tree.main_cf, main_cf_key)
        for name, value in {
            "queue_directory": f"{self._place}/spool",
            "data_directory": f"{self._place}/data",
            "maillog_file": str(self._log),
            "maillog_file_prefixes": str(self._place),
            "multi_instance_wrapper": "",
            "multi_instance_directories": "",
        }.items():
            text.put(name, f"{name} = {value}\n")
        return text.text

    @property
    def _log(self) -> Path:
        return self._place / "log"

    def check(self) -> tuple[frozenset[str], dict[str, BuiltMap]]:
        """Run Postfix's own checks; return their warnings, and the lookup tables as built.

        Raises :class:`CheckFailed` with Postfix's own words where one fails, or where
        a table does not answer exactly what was written into it.
        """
        # The slowest first: the tables are built while it runs.
        check = command.start(self.postfix.argv("postfix", "check"))
        try:
            parsed = command.run(self.postfix.argv("postconf", "-n"))
            built = self._build_maps()
            checked = check.finish()
        except BaseException:
            check.kill()
            raise
        said = f"{parsed.stderr}{checked.stdout}{checked.stderr}{self._logged()}"
        if parsed.code != 0 or checked.code != 0:
            # The queue that is kept may be what is wrong, where a check was killed in making it;
            # the next try makes it anew.
            shutil.rmtree(self._place / "spool", ignore_errors=True)
            raise CheckFailed(f"Postfix refuses the staged configuration: {self._worst(said)}.")
        return self._warnings(said), built

    def _logged(self) -> str:
        with suppress(FileNotFoundError):
            return self._log.read_text("utf-8", "replace")
        return ""

    def _messages(self, text: str) -> Iterable[str]:
        for line in text.split("\n"):
            # "Nov 22 14:43:23 mx1 postfix/postfix-script[9353]: warning: …"; times and
            # process ids differ between two runs.
            message = line.partition("]: ")[2] or line
            if message.strip() and not any(each in message for each in NO_NEWS):
                yield message.strip().replace(str(self._place), "")

    def _warnings(self, text: str) -> frozenset[str]:
        # Where in main.cf it stands differs between two trees; what it says does not.
        # Debian's own checks also tell what they copy, which is no warning.
        return frozenset(
            re.sub(r"line [0-9]+", "line", message)
            for message in self._messages(text)
            if re.search(r"\b(warning|error|fatal|panic):", message)
        )

    def _worst(self, text: str) -> str:
        messages = list(self._messages(text))
        fatal = [message for message in messages if "fatal" in message or "error" in message]
        return own_words("\n".join(fatal or messages))

    def _build_maps(self) -> dict[str, BuiltMap]:
        """Make the lookup tables with postmap and read every entry back.

        Raises :class:`CheckFailed` where an entry does not answer exactly its value.
        """
        built = {}
        for name, text in self._tree.maps.items():
            self._build(name)
            self._read_back(name, text)
            source = self.postfix.maps / name
            index = source.with_name(name + INDEXED[self._type])
            built[name] = BuiltMap(name, source.read_bytes(), index.name, index.read_bytes())
        return built

    def _table(self, name: str) -> str:
        return f"{self._type}:{self.postfix.maps / name}"

    def _build(self, name: str) -> None:
        answer = command.run(self.postfix.argv("postmap", self._table(name)))
        if answer.code != 0:
            known = command.run(self.postfix.argv("postconf", "-m")).stdout.split()
            if self._type not in known:
                raise CheckFailed(
                    f"default_database_type is {self._type}, and this Postfix has no such tables. "
                    f"Install the package postfix-{self._type}, or set another type in main.cf: "
                    f"{', '.join(sorted(INDEXED.keys() & {*known})) or 'hash'}."
                )
            # postmap's own words may quote the line, and the line may hold a password.
            raise CheckFailed(f"postmap cannot make the lookup table {name}.")

    def _read_back(self, name: str, text: str) -> None:
        entries = table_entries(text)
        keys = "".join(f"{key}\n" for key in entries)
        answer = command.run(self.postfix.argv("postmap", "-q", "-", self._table(name)), keys)
        found = dict(line.split("\t", 1) for line in answer.stdout.split("\n") if line)
        if found != entries:
            raise CheckFailed(
                f"Postfix reads something else from the lookup table {name} than was written "
                "into it. Choose another password, or tell the authors of mailpanel."
            )


def write_settled(path: Path, text: str, mode: int) -> None:
    """Make *path* anew with *text*, under *mode* before it holds anything, and old enough."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(descriptor, mode)
        stream.write(text.encode("utf-8", "surrogateescape"))
    old = time.time() - SETTLED
    os.utime(path, (old, old))


def mirror(source: Path, target: Path, skip: frozenset[str]) -> None:
    """Make *target* the same tree as *source*, with hard links where that works.

    Names in *skip* are left out wherever they are: the stage has its own of these.
    """
    target.mkdir(mode=0o755)
    for entry in os.scandir(source):
        path = target / entry.name
        if entry.name in skip:
            continue
        if entry.is_symlink():
            path.symlink_to(os.path.realpath(entry.path))
        elif entry.is_dir():
            mirror(Path(entry.path), path, skip)
        elif entry.is_file():
            try:
                os.link(entry.path, path)
            except OSError:
                shutil.copy2(entry.path, path)
