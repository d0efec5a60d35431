"""From what stands on disk, the ledger and a plan to what shall stand there: pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mailpanel.host.config_text import (
    ConfigText,
    main_cf_key,
    master_cf_key,
    table_entries,
    value_of,
)
from mailpanel.host.ledger import Ledger, OwnedLine, OwnedMap
from mailpanel.plan import (
    Change,
    MapEntries,
    Plan,
    PrependParameter,
    SetParameter,
    SetService,
    list_items,
)

__all__ = ["Tree", "admins_value", "compose", "parameter", "settle"]


@dataclass(frozen=True, slots=True)
class Tree:
    """What mailpanel touches of one Postfix instance, as text.

    ``maps`` holds the sources of mailpanel's own lookup tables, by name; one that
    is missing is not there.
    """

    main_cf: str
    master_cf: str
    maps: dict[str, str]


def compose(tree: Tree, ledger: Ledger, setting: str, plan: Plan) -> tuple[Tree, Ledger]:
    """Return the tree and the ledger in which *plan* is all that *setting* wants.

    What it owned and no longer names goes back to what stood before mailpanel, at
    once, or, where it lingers, with :func:`settle`.
    """
    work = _Work(tree, ledger)
    wanted = {_key(change) for change in plan.changes}
    work.release(setting, wanted)
    for change in plan.changes:
        work.make(setting, change)
    return work.result()


def settle(tree: Tree, ledger: Ledger) -> tuple[Tree, Ledger]:
    """Return the tree and the ledger without what lingered: the mail in flight is gone."""
    work = _Work(tree, ledger)
    work.drop_leaving()
    return work.result()


def parameter(tree: Tree, name: str) -> str:
    """Return the value of the parameter *name* in main.cf, empty where it is not set."""
    return value_of(ConfigText(tree.main_cf, main_cf_key).get(name) or "")


def admins_value(name: str, live: str, ledger: Ledger) -> str:
    """Return the value of the parameter *name* without mailpanel, which reads *live* now."""
    owned = ledger.parameters.get(name)
    if owned is None:
        return live
    if live and live != value_of(owned.written):
        return live if owned.item is None else _without(live, owned.item)
    return value_of(owned.before) if owned.before is not None else ""


def _key(change: Change) -> tuple[str, str]:
    match change:
        case SetParameter() | PrependParameter():
            return "parameter", change.name
        case SetService():
            return "service", f"{change.name}/{change.type}"
        case MapEntries():
            return "map", change.name
        case _:
            raise TypeError(f"{type(change).__name__} is no change of Postfix")


def _without(value: str, item: str) -> str:
    return ", ".join(each for each in list_items(value) if each != item)


def _admins_line(name: str, line: OwnedLine, live: str | None) -> str | None:
    """Return the admin's own line where *live* is what they made of mailpanel's *line*."""
    if live is None:
        return line.before
    if line.item is None:
        edited = main_cf_key(live) == name and value_of(live) != value_of(line.written)
        return live if edited else line.before
    rest = _without(value_of(live), line.item)
    before = value_of(line.before) if line.before is not None else ""
    # To the byte, unless they have changed the list itself.
    return line.before if list_items(rest) == list_items(before) else f"{name} = {rest}\n"


class _Work:
    """A tree and a ledger while they are being changed."""

    def __init__(self, tree: Tree, ledger: Ledger) -> None:
        self._ledger = ledger.copy()
        self._main = ConfigText(tree.main_cf, main_cf_key)
        self._master = ConfigText(tree.master_cf, master_cf_key)
        self._maps = dict(tree.maps)
        self._before = tree

    def release(self, setting: str, wanted: set[tuple[str, str]]) -> None:
        """Put back, or mark as leaving, what *setting* owns beyond *wanted*."""
        for name, line in list(self._ledger.parameters.items()):
            if line.setting == setting and ("parameter", name) not in wanted:
                self._leave_parameter(name, line)
        for name, line in list(self._ledger.services.items()):
            if line.setting == setting and ("service", name) not in wanted:
                self._leave_service(name, line)
        for name, table in self._ledger.maps.items():
            if table.setting == setting and ("map", name) not in wanted:
                table.leaving = sorted({*table.leaving, *table.keys})
                table.keys = []

    def _leave_parameter(self, name: str, line: OwnedLine) -> None:
        if line.lingers:
            line.leaving = True
        else:
            self._put_back(self._main, self._ledger.parameters, name)

    def _leave_service(self, name: str, line: OwnedLine) -> None:
        if line.lingers:
            line.leaving = True
        else:
            self._put_back(self._master, self._ledger.services, name)

    @staticmethod
    def _put_back(text: ConfigText, owned: dict[str, OwnedLine], name: str) -> None:
        line = owned.pop(name)
        if text.restore(name, line.written, line.admins):
            return
        before = _admins_line(name, line, text.get(name))
        if before is None:
            text.remove(name)
        else:
            text.put_last(name, before)

    def make(self, setting: str, change: Change) -> None:
        """Make *change* in the name of *setting*."""
        match change:
            case SetParameter():
                raw = f"{change.name} = {change.value}\n"
                self._own_parameter(
                    change.name, OwnedLine(setting, None, raw, None, change.lingers)
                )
            case PrependParameter():
                self._prepend(setting, change)
            case SetService():
                key = f"{change.name}/{change.type}"
                line = OwnedLine(setting, None, change.text, None, change.lingers)
                self._own(self._master, self._ledger.services, key, line)
            case MapEntries():
                self._fill(setting, change)

    def _own_parameter(self, name: str, line: OwnedLine) -> None:
        self._own(self._main, self._ledger.parameters, name, line)

    @staticmethod
    def _own(text: ConfigText, owned: dict[str, OwnedLine], name: str, line: OwnedLine) -> None:
        known, lines = owned.get(name), text.all(name)
        if known is None:
            admins = lines
        elif set(lines) == {known.written}:
            admins = known.admins[-len(lines) :]
        elif text.restore(name, known.written, known.admins):
            # The admin wrote a line of their own beside it.
            admins = text.all(name)
        else:
            edited = _admins_line(name, known, lines[-1] if lines else None)
            admins = [*lines[:-1], *([] if edited is None else [edited])]
        owned[name] = replace(line, before=admins[-1] if admins else None, earlier=admins[:-1])
        if set(text.all(name)) != {line.written}:
            text.put(name, line.written)

    def _prepend(self, setting: str, change: PrependParameter) -> None:
        live = value_of(self._main.get(change.name) or "")
        known = self._ledger.parameters.get(change.name)
        ours = {change.item, known.item if known else None}
        rest = [item for item in list_items(live) if item not in ours]
        raw = f"{change.name} = {', '.join([change.item, *rest])}\n"
        line = OwnedLine(setting, None, raw, change.item, change.lingers)
        self._own_parameter(change.name, line)

    def _fill(self, setting: str, change: MapEntries) -> None:
        table = self._ledger.maps.get(change.name) or OwnedMap(setting)
        keys = [key for key, _ in change.entries]
        leaving = {*table.leaving, *table.keys} if change.lingers else set()
        self._ledger.maps[change.name] = OwnedMap(setting, keys, sorted(leaving - set(keys)))
        self._write_map(change.name, dict(change.entries))

    def _write_map(self, name: str, entries: dict[str, str]) -> None:
        """Write the table *name*: *entries*, then what is leaving as it stands."""
        table = self._ledger.maps[name]
        standing = table_entries(self._maps.get(name, ""))
        entries |= {key: standing[key] for key in table.leaving if key in standing}
        self._maps[name] = "".join(f"{key} {value}\n" for key, value in entries.items())

    def drop_leaving(self) -> None:
        """Put back everything that is leaving."""
        for name, line in list(self._ledger.parameters.items()):
            if line.leaving:
                self._put_back(self._main, self._ledger.parameters, name)
        for name, line in list(self._ledger.services.items()):
            if line.leaving:
                self._put_back(self._master, self._ledger.services, name)
        for name, table in list(self._ledger.maps.items()):
            self._drop_leaving_keys(name, table)

    def _drop_leaving_keys(self, name: str, table: OwnedMap) -> None:
        standing = table_entries(self._maps.get(name, ""))
        table.leaving = []
        if table.keys:
            self._write_map(name, {key: standing[key] for key in table.keys if key in standing})
        else:
            self._maps.pop(name, None)
            del self._ledger.maps[name]

    def result(self) -> tuple[Tree, Ledger]:
        """Return what came of it; a last line without a line end has none again."""
        main = self._ended("main.cf", self._main, self._before.main_cf, self._ledger.parameters)
        master = self._ended(
            "master.cf", self._master, self._before.master_cf, self._ledger.services
        )
        return Tree(main, master, self._maps), self._ledger

    def _ended(self, file: str, text: ConfigText, before: str, owned: dict[str, OwnedLine]) -> str:
        unterminated = self._ledger.unterminated
        if owned and before and not before.endswith("\n"):
            unterminated[file] = before.rpartition("\n")[2]
        last = unterminated.get(file) if owned else unterminated.pop(file, None)
        if not owned and (not before.endswith("\n") or _last_line(text.text) == last):
            return text.text.removesuffix("\n")
        return text.text


def _last_line(text: str) -> str:
    return text.removesuffix("\n").rpartition("\n")[2]
