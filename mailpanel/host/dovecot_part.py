"""Dovecot as a part of the host: drop-ins of mailpanel's own, and a master user's file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from mailpanel.deployment import Deployment
from mailpanel.errors import CheckFailed, HostError, Refused, VerifyFailed
from mailpanel.host import files
from mailpanel.host.diffs import file_diff
from mailpanel.host.doveconf import Doveconf, seconds
from mailpanel.host.dovecot import Configuration, Dovecot
from mailpanel.host.dovecot_daemon import DovecotDaemon
from mailpanel.host.dovecot_says import overriding, said_of
from mailpanel.host.dovecot_stage import includes, staged
from mailpanel.host.due_mail import DAY
from mailpanel.host.journal import Entry, Journal, Phase
from mailpanel.host.master_sessions import end_sessions, end_sessions_of_undone
from mailpanel.host.master_user import MasterLogins, drop_probe
from mailpanel.host.old_mail import count_old
from mailpanel.host.own_files import FileLedger, OwnedFile, OwnFiles
from mailpanel.host.part import Counted, Part, Sweeping, Work
from mailpanel.host.sweep import Sweep
from mailpanel.host.unread import unread_edits
from mailpanel.host.words import counted
from mailpanel.plan import NO_DOVECOT, DovecotFacts, Facts, Folder, Plan, Preview
from mailpanel.reports import FileDiff

__all__ = ["DovecotPart"]

OWN_DIRECTORY = "mailpanel"
CONF_D, OWN_CONF_D = "conf.d", "mailpanel.d"


class DovecotPart(Part):
    """One Dovecot instance."""

    name = "dovecot"

    def __init__(self, deployment: Deployment) -> None:
        self._dovecot = Dovecot(deployment.dovecot_config_file)
        self._ledger_path = Path(deployment.state_directory, "ledger", "dovecot.json")
        self._stage = Path(deployment.state_directory, "stage")
        self._ran: DovecotDaemon | None = None
        self._masters: frozenset[str] = frozenset()

    def facts(self, *, standing: bool = False) -> DovecotFacts | None:
        if not self._dovecot.config_file.exists():
            return None
        without = {} if standing else dict.fromkeys(map(Path, self._ledger().files))
        # Without anything of mailpanel's own the live configuration is the admin's.
        configuration = (
            _staged(self._dovecot, without, self._stage)
            if without
            else self._dovecot.configuration()
        )
        namespace = _inbox_namespace(configuration.explicit)
        return DovecotFacts(
            version=self._dovecot.version(),
            parameters=configuration.parameters,
            inbox_namespace=namespace,
            folders=_folders(configuration.explicit, namespace),
            directory=str(self._dovecot.directory / OWN_DIRECTORY),
            drop_ins=str(self._drop_ins()),
            group=configuration.parameters["default_internal_group"],
            passdbs=_passdbs(configuration.explicit),
            inbox_prefix=_inbox_prefix(configuration.explicit, namespace),
        )

    def unread_edits(self) -> str | None:
        # At its start and at each reload Dovecot makes the sockets of its services anew.
        base_dir = self._dovecot.configuration().parameters["base_dir"]
        try:
            loaded = Path(base_dir, "config").lstat().st_mtime
        except OSError:
            return None
        directory = self._dovecot.directory
        files = {*directory.rglob("*.conf"), *directory.rglob("*.ext"), self._dovecot.config_file}
        return unread_edits("Dovecot", files, loaded)

    def overridden(self, plan: Plan) -> str | None:
        says = said_of(plan)
        if not says:
            return None
        explicit = self._dovecot.explicit()
        wrong = [key for key, value in says if not explicit.says(key, value)]
        own = map(Path, self._ledger().files)
        return overriding(wrong[0], self._dovecot.directory, frozenset(own)) if wrong else None

    def owned(self, setting: str) -> list[str]:
        ledger = self._ledger()
        line = [f"{self._dovecot.config_file.name}: {ledger.line}"] if ledger.line else []
        owned = ledger.owned(setting)
        return owned + line if owned else []

    def work(self, setting: str, plan: Plan, facts: Facts, *, over_edits: bool = False) -> Work:
        if facts.dovecot is None:
            raise Refused(NO_DOVECOT)
        own = OwnFiles(self._ledger_path, setting, plan.changes, over_edits=over_edits)
        return _DovecotWork(self._dovecot, plan, own)

    def count(self, previews: tuple[Preview, ...]) -> Counted:
        explicit = self._dovecot.configuration().explicit
        present = _folders(explicit, _inbox_namespace(explicit))
        live = {name: folder.autoexpunge for name, folder in present.items()}
        return count_old(self._dovecot, previews, live)

    def sweep(self, previews: tuple[Preview, ...]) -> Sweeping:
        self._require_live(previews)
        return Sweep(self._dovecot, previews, partial(self._require_live, previews))

    def _require_live(self, previews: tuple[Preview, ...]) -> None:
        """Raise :class:`HostError` unless the Dovecot that runs clears *previews* by itself."""
        if DovecotDaemon.running(self._dovecot) is None:
            raise HostError("Dovecot is not running on this host, so nothing is cleared.")
        explicit = self._dovecot.explicit()
        if any(key[0].startswith(("local", "remote")) for key in explicit.named("autoexpunge")):
            raise HostError(
                "Dovecot has an interval in a block local or remote, by which no sweep can go, so "
                "nothing is cleared. Write it outside of that."
            )
        namespace = _inbox_namespace(explicit)
        # Dovecot itself clears as each of them says; the strictest would not be what all do.
        for protocol in ("imap", "lmtp"):
            live = _folders(self._dovecot.explicit(protocol), namespace)
            for each in previews:
                folder = live.get(each.folder)
                if folder is None or folder.autoexpunge != each.days * DAY:
                    raise HostError(
                        f"By Dovecot's present configuration for {protocol.upper()} {each.folder} "
                        f"is not cleared after {counted(each.days, 'day')}, so nothing is "
                        "cleared: somebody has edited that. Put it back, or adopt it."
                    )

    def tidy(self, path: Path) -> None:
        drop_probe(path)

    def recovering(self, journal: Journal) -> None:
        running = DovecotDaemon.running(self._dovecot)
        self._ran = running or DovecotDaemon.ended(self._dovecot, journal.ran)
        self._masters = frozenset()
        for entry in journal.entries:
            if entry.new.path == files.read_state(self._ledger_path).path:
                old, new = (FileLedger.loads(each.content) for each in (entry.old, entry.new))
                self._masters = old.masters(new)

    def undone(self) -> None:
        end_sessions_of_undone(self._dovecot, self._masters)

    def recovered(self) -> None:
        """See whether the daemon lives, and end the sessions opened by an earlier password."""
        if self._ran is None:
            return
        self._ran.require_alive(())
        names = self._dovecot.mailboxes()
        if names and not any(map(self._dovecot.opens, names)):
            raise VerifyFailed("No mailbox can be opened.")
        # Also those of one whom the change has taken away.
        for name in sorted(self._masters):
            end_sessions(self._dovecot, name)

    def reload_if_running(self) -> None:
        if self._ran is not None:
            self._ran.revive()

    def _ledger(self) -> FileLedger:
        return FileLedger.loads(files.read_state(self._ledger_path).content)

    def _drop_ins(self) -> Path:
        """Return where the drop-ins go: to the admin's conf.d, or to a directory of our own."""
        directory = self._dovecot.directory
        text = self._dovecot.config_file.read_bytes()
        name = directory / CONF_D / "99-mailpanel.conf"
        return directory / (CONF_D if includes(text, directory, name) else OWN_CONF_D)


class _DovecotWork(Work):
    """One setting's change of Dovecot's configuration."""

    def __init__(self, dovecot: Dovecot, plan: Plan, own: OwnFiles) -> None:
        self.plan = plan
        self._dovecot = dovecot
        self._own = own
        self._main = files.read_state(dovecot.config_file)
        self._new_main = self._main.with_content(self._main_text())
        self._daemon: DovecotDaemon | None = None
        self._opened: list[str] = []

    def _main_text(self) -> bytes:
        """Return dovecot.conf with the line that includes our own directory, as long as it counts.

        Sets the line in the ledger, too.
        """
        text = self._main.content or b""
        main, own = self._dovecot.directory, self._dovecot.directory / OWN_CONF_D
        needed = any(Path(path).parent == own for path in self._own.after.files)
        line = self._own.before.line
        if needed and not includes(text, main, own / "99-mailpanel.conf"):
            # Also where somebody took ours out: Dovecot reads nothing of mailpanel's without it.
            # A last line without a line end gets it back when ours goes.
            line = "" if text.endswith(b"\n") or not text else "\n"
            line += f"!include_try {own}/*.conf\n"
            self._own.after.line = line
            return text + line.encode()
        if not needed and line is not None:
            self._own.after.line = None
            return text.replace(line.encode(), b"", 1)
        return text

    @property
    def changes_nothing(self) -> bool:
        return self._own.changes_nothing and self._main == self._new_main

    def require_running(self) -> None:
        self._daemon = DovecotDaemon.running(self._dovecot)
        if self._daemon is None:
            raise HostError(
                "Dovecot is not running on this host; start it, and this is tried again."
            )

    @property
    def _running(self) -> DovecotDaemon:
        if self._daemon is None:
            raise RuntimeError("require_running was not called")
        return self._daemon

    @property
    def log_file(self) -> Path | None:
        return self._running.log_file

    def write_ledger(self) -> None:
        self._own.write_ledger()

    def check(self, directory: Path) -> None:
        without = {Path(path): None for path in self._own.new}
        # By its own name: it may be a link to a file elsewhere.
        main = self._dovecot.config_file
        before = _staged(self._dovecot, {**without, main: self._main.content}, directory)
        wanted = {Path(path): new.content for path, new in self._own.new.items()}
        after = _staged(self._dovecot, {**wanted, main: self._new_main.content}, directory)
        if new := after.warnings - before.warnings:
            raise CheckFailed(f"Dovecot warns of the new configuration: {sorted(new)[0]}.")
        _require_said(after.explicit, before.explicit, said_of(self.plan))
        names = self._dovecot.mailboxes()
        self._opened = [name for name in names if self._dovecot.opens(name)]

    def differences(self) -> Iterator[FileDiff]:
        yield from self._own.differences()
        old, new = self._main.text(), self._new_main.text()
        diff = file_diff(str(self._main.path), old, new, str)
        if diff:
            yield diff

    def require_unchanged(self) -> None:
        self._own.require_unchanged()
        if files.read_state(self._main.path) != self._main:
            raise HostError(
                f"{self._main.path.name} was edited while the change was being checked; "
                "it is tried again."
            )

    def entries(self, built: None) -> Iterator[Entry]:
        yield from self._own.entries()
        if self._main != self._new_main:
            yield Entry(Phase.COMMIT, self._main, self._new_main)

    def reload(self) -> None:
        self._running.reload()

    def revive(self) -> None:
        self._running.revive()

    def ran(self) -> Mapping[str, str | None] | None:
        return self._running.note()

    def undone(self) -> None:
        """End the sessions of a master user whose password has counted for a moment."""
        end_sessions_of_undone(self._dovecot, self._own.before.masters(self._own.after))

    def verify(self) -> None:
        self._running.require_alive(self._opened)
        for path, owned in self._own.after.files.items():
            if owned.master is not None and owned.setting == self._own.setting:
                self._require_master(Path(path), owned)
        for path, owned in self._own.before.files.items():
            if owned.master is not None and path not in self._own.after.files:
                self._require_no_master(Path(path), owned)
        self._running.require_alive(self._opened)

    def _require_master(self, path: Path, owned: OwnedFile) -> None:
        logins = MasterLogins(self._dovecot, path, owned.separator or "", self._opened)
        logins.require_they_count()
        if any(each.master is not None for each in self._own.before.files.values()):
            end_sessions(self._dovecot, owned.master or "")

    def _require_no_master(self, path: Path, owned: OwnedFile) -> None:
        logins = MasterLogins(self._dovecot, path, owned.separator or "", self._opened)
        logins.require_they_do_not()
        end_sessions(self._dovecot, owned.master or "")


def _staged(
    live: Dovecot, changes: dict[Path, bytes | None] | dict[Path, None], directory: Path
) -> Configuration:
    with staged(live, changes, directory) as stage:
        return stage.configuration()


def _inbox_namespace(explicit: Doveconf) -> str | None:
    blocks = explicit.blocks("namespace").items()
    return next((name for name, block in blocks if block.get("inbox") == "yes"), None)


def _inbox_prefix(explicit: Doveconf, namespace: str | None) -> str:
    return explicit.blocks("namespace").get(namespace or "", {}).get("prefix", "")


def _passdbs(explicit: Doveconf) -> frozenset[str]:
    # Those of 2.4 have names, which are their drivers where nothing else is said.
    named = explicit.blocks("passdb").items()
    unnamed = explicit.values(("passdb", "driver"))
    return frozenset({*unnamed, *(block.get("driver", name) for name, block in named)})


def _folders(explicit: Doveconf, namespace: str | None) -> dict[str, Folder]:
    if namespace is None:
        return {}
    blocks = explicit.blocks("mailbox", (f"namespace {namespace}",))
    return {
        name: Folder(
            frozenset(block.get("special_use", "").split()),
            seconds(block.get("autoexpunge", "0")) or None,
        )
        for name, block in blocks.items()
    }


def _require_said(
    after: Doveconf, before: Doveconf, says: list[tuple[tuple[str, ...], str]]
) -> None:
    """Raise :class:`CheckFailed` unless *after* says just what it shall, beside *before*."""
    for key, value in says:
        if not after.says(key, value):
            raise CheckFailed(
                f"Dovecot reads another {key[-1]} than was written: a line of your own that "
                "comes later in its configuration sets it too. Remove that line."
            )
    added, removed = after.differences(before)
    wanted = {key for key, _ in says}
    for key in {key for key, value in added.items() if value} | removed:
        if key not in wanted:
            raise CheckFailed(
                f"With the new file Dovecot's configuration would change in {' / '.join(key)} "
                "as well; nothing was changed."
            )
