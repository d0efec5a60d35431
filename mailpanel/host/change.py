"""One change of a Postfix instance, from what stands to what shall stand: checked, then listed
file by file for the journal."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from mailpanel.errors import CheckFailed, HostError, Refused, VerifyFailed
from mailpanel.host import files
from mailpanel.host.compose import Tree, parameter, settle
from mailpanel.host.daemon import Daemon
from mailpanel.host.diffs import file_diff, masked_main_cf, masked_master_cf, masked_table
from mailpanel.host.files import FileState
from mailpanel.host.journal import Entry, Phase
from mailpanel.host.ledger import Ledger
from mailpanel.host.part import Work
from mailpanel.host.postfix import INDEXED, Postfix
from mailpanel.host.stage import BuiltMap, staged
from mailpanel.host.trial import Trials
from mailpanel.host.words import own_words
from mailpanel.plan import (
    MapIsSilent,
    Plan,
    PostfixFacts,
    PostfixRelays,
    TransportsAreNamed,
    list_items,
)
from mailpanel.reports import FileDiff

__all__ = ["Change", "Snapshot", "snapshot"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of one moment, and what they say."""

    main_cf: FileState
    master_cf: FileState
    maps: dict[str, FileState]
    ledger_file: FileState
    tree: Tree
    ledger: Ledger


def snapshot(postfix: Postfix, ledger_path: Path) -> Snapshot:
    """Read all that a change may touch."""
    main_cf = files.read_state(postfix.main_cf)
    master_cf = files.read_state(postfix.master_cf)
    ledger_file = files.read_state(ledger_path, mode=0o600)
    ledger = Ledger.loads(ledger_file.content)
    maps = {name: _map_file(postfix, name) for name in ledger.maps}
    sources = {name: _text(state) for name, state in maps.items() if state.content is not None}
    tree = Tree(_text(main_cf), _text(master_cf), sources)
    return Snapshot(main_cf, master_cf, maps, ledger_file, tree, ledger)


def _map_file(postfix: Postfix, name: str) -> FileState:
    return files.read_state(postfix.maps / name, mode=0o600)


def _for_root(state: FileState) -> FileState:
    """Return *state* as a file that holds a password shall be."""
    return replace(state, mode=0o600, uid=os.geteuid(), gid=os.getegid())


def _text(state: FileState) -> str:
    return (state.content or b"").decode("utf-8", "surrogateescape")


def _changed(state: FileState, text: str) -> FileState:
    return state.with_content(text.encode("utf-8", "surrogateescape"))


@dataclass
class Change(Work):
    """What brings *postfix* from *before* to *tree* and *ledger*, as *plan* wants it."""

    postfix: Postfix
    facts: PostfixFacts
    plan: Plan
    before: Snapshot
    tree: Tree
    ledger: Ledger
    daemon: Daemon | None = None
    _trials: Trials = field(init=False)

    def require_running(self) -> None:
        pid = self.postfix.master_pid(Path(self.facts.queue_directory))
        if pid is None:
            raise HostError(
                "Postfix is not running on this host; start it, and this is tried again."
            )
        self.daemon = Daemon(pid)

    @property
    def changes_nothing(self) -> bool:
        return self.tree == self.before.tree and all(map(self._stands, self.tree.maps))

    def _stands(self, name: str) -> bool:
        """Say whether the table *name* is there, with its index, for root's eyes alone."""
        index = name + INDEXED[self.facts.database_type]
        states = [_map_file(self.postfix, each) for each in (name, index)]
        return all(each.content is not None and each == _for_root(each) for each in states)

    def write_ledger(self) -> None:
        content = self.ledger.dumps()
        if content != self.before.ledger_file.content:
            files.write(self.before.ledger_file.with_content(content))

    def check(self, directory: Path) -> dict[str, BuiltMap]:
        """Stage the whole tree below *directory* and check it; return the tables as built."""
        with self.checked(directory) as built:
            return built

    @contextmanager
    def checked(self, directory: Path) -> Iterator[dict[str, BuiltMap]]:
        with staged(self.postfix, self.tree, directory, self.facts.database_type) as stage:
            warnings, built = stage.check()
            if warnings:
                self._require_known(warnings, directory)
            self._require_room()
            self._require_ca()
            self._trials = Trials(self.postfix, stage.postfix, self.tree, directory)
            yield built

    def try_out(self, probe: PostfixRelays) -> str:
        return self._trials.run(probe)

    def _require_known(self, warnings: frozenset[str], directory: Path) -> None:
        """Raise :class:`CheckFailed` for a warning that the live configuration does not give."""
        tree, beside = self.before.tree, directory / "live"
        with staged(self.postfix, tree, beside, self.facts.database_type) as live:
            new = warnings - live.check()[0]
        if new:
            said = own_words(sorted(new)[0])
            raise CheckFailed(f"Postfix warns of the staged configuration: {said}.")

    def _require_room(self) -> None:
        """Raise :class:`Refused` where an entry of the admin's own would get in the way."""
        for each in self.plan.checks:
            if isinstance(each, MapIsSilent):
                self._require_silent(each)
            elif isinstance(each, TransportsAreNamed):
                self._require_named(each)

    def _require_silent(self, wanted: MapIsSilent) -> None:
        for table in self._tables(wanted.maps):
            if self.postfix.query(table, wanted.key) not in (None, wanted.but):
                raise Refused(wanted.sentence)

    def _require_named(self, wanted: TransportsAreNamed) -> None:
        for table in self._tables(wanted.maps):
            for key, transport in self.postfix.entries(table).items():
                if transport.startswith(":") and transport != ":":
                    raise Refused(f"{wanted.sentence} The entry is the one for {key}.")

    def _tables(self, name: str) -> list[str]:
        return list_items(self.postfix.expanded(self.facts.parameters.get(name, "")))

    def _require_ca(self) -> None:
        """Raise :class:`CheckFailed` unless the CA file that main.cf names holds certificates.

        With one that is missing Postfix turns TLS off for every next hop, and neither
        its checks nor the reload say so.
        """
        path = self.postfix.expanded(parameter(self.tree, "smtp_tls_CAfile"))
        if not path:
            return
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
        except OSError:
            raise CheckFailed(
                "The file that smtp_tls_CAfile names holds no certificate that can be read. "
                "Install the package ca-certificates, or set mailpanel.ca_file."
            ) from None

    def differences(self) -> Iterator[FileDiff]:
        old, new = self.before.tree, self.tree
        if self.plan == Plan():
            # All that a reset comes to, what lingers until the mail in flight is gone as well.
            new, _ = settle(self.tree, self.ledger)
        main_cf, master_cf = (
            str(each.path) for each in (self.before.main_cf, self.before.master_cf)
        )
        found = [
            file_diff(main_cf, old.main_cf, new.main_cf, masked_main_cf),
            file_diff(master_cf, old.master_cf, new.master_cf, masked_master_cf),
        ]
        for name in sorted({*old.maps, *new.maps}):
            path = str(self.postfix.maps / name)
            tables = old.maps.get(name, ""), new.maps.get(name, "")
            found.append(file_diff(path, *tables, masked_table))
        return (each for each in found if each)

    def require_unchanged(self) -> None:
        for state in (self.before.main_cf, self.before.master_cf, *self.before.maps.values()):
            if files.read_state(state.path, mode=state.mode) != state:
                raise HostError(
                    f"{state.path.name} was edited while the change was being checked; "
                    "it is tried again."
                )

    def entries(self, built: dict[str, BuiltMap]) -> Iterator[Entry]:
        """Yield the files of the change in their phases, with the tables as *built*."""
        before = self.before
        if self.tree.master_cf != before.tree.master_cf:
            adds = self.ledger.services.keys() - before.ledger.services.keys()
            phase = Phase.BEFORE if adds else Phase.AFTER
            yield Entry(phase, before.master_cf, _changed(before.master_cf, self.tree.master_cf))
        ledger = before.ledger_file.with_content(self.ledger.dumps())
        yield Entry(Phase.PREPARE, before.ledger_file, ledger)
        for table in built.values():
            name = table.source_name
            if self.tree.maps[name] != before.tree.maps.get(name) or not self._stands(name):
                yield self._map_entry(Phase.PREPARE, table.source_name, table.source)
                yield self._map_entry(Phase.PREPARE, table.index_name, table.index)
        if self.tree.main_cf != before.tree.main_cf:
            yield Entry(Phase.COMMIT, before.main_cf, _changed(before.main_cf, self.tree.main_cf))
        for name in before.ledger.maps.keys() - built.keys():
            for suffix in ("", *INDEXED.values()):
                entry = self._map_entry(Phase.CLEAN, name + suffix, None)
                if entry.old.content is not None:
                    yield entry

    def _map_entry(self, phase: str, name: str, content: bytes | None) -> Entry:
        old = _map_file(self.postfix, name)
        new = old if content is None else _for_root(old)
        return Entry(phase, old, new.with_content(content), own_directory=True)

    @property
    def log_file(self) -> Path | None:
        path = self.postfix.expanded(parameter(self.before.tree, "maillog_file"))
        return Path(path) if path else None

    def reload(self) -> None:
        self.postfix.reload_for_certain(Path(self.facts.queue_directory))

    def ran(self) -> Mapping[str, str | None] | None:
        return self.daemon.note() if self.daemon else None

    def revive(self) -> None:
        if self._runs() or self.daemon is None:
            self.reload()
        else:
            self.daemon.start(self.postfix.argv("postfix", "start"))

    def _runs(self) -> bool:
        return self.postfix.master_pid(Path(self.facts.queue_directory)) is not None

    def verify(self) -> None:
        wanted = {each.name: each.value for each in self.plan.verifications}
        live = self.postfix.values(tuple(wanted)) if wanted else {}
        for name, value in wanted.items():
            if live.get(name) != value:
                raise VerifyFailed(
                    f"Postfix reads another value for {name} than was written; does something "
                    "else write main.cf?"
                )
        # Last: a daemon that dies of a reload does so a moment after the command.
        pid = self.postfix.master_pid(Path(self.facts.queue_directory))
        if self.daemon is None or self.daemon.pid != pid:
            raise VerifyFailed("Postfix ended after the reload; its log says why.")
