"""One Postfix instance: its facts, its commands, whether it lives.

Sources: postconf(1), postfix(1), postmap(1), master(8), and what was measured on
the daemons themselves (docs/decisions/0001-relayhost-construction.md).
"""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from mailpanel.errors import CheckFailed, Refused, ReloadFailed
from mailpanel.host import command
from mailpanel.host.compose import admins_value
from mailpanel.host.ledger import Ledger
from mailpanel.plan import PostfixFacts

__all__ = ["MAPS_DIRECTORY", "Postfix"]

MAPS_DIRECTORY = "mailpanel"
# Lookup table types that postmap makes, with the file that the daemon reads (DATABASE_README).
INDEXED = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb"}
SASL_DIRECTORIES = ("/usr/lib/sasl2", "/usr/lib64/sasl2", "/usr/local/lib/sasl2")
SASL_PLUGINS = {"libplain": "PLAIN", "liblogin": "LOGIN", "libcrammd5": "CRAM-MD5"}
# Expanded by postconf -x, so that $name in them is what the daemon makes of it.
EXPANDED = ("mail_version", "default_database_type", "queue_directory", "myhostname")


class Postfix:
    """The instance whose main.cf stands in *config_directory*."""

    def __init__(self, config_directory: str) -> None:
        self.config_directory = Path(config_directory)

    @property
    def main_cf(self) -> Path:
        """Return the path of main.cf."""
        return self.config_directory / "main.cf"

    @property
    def master_cf(self) -> Path:
        """Return the path of master.cf."""
        return self.config_directory / "master.cf"

    @property
    def maps(self) -> Path:
        """Return the directory of mailpanel's own lookup tables."""
        return self.config_directory / MAPS_DIRECTORY

    def argv(self, name: str, *arguments: str) -> list[str]:
        """Return the command *name* for this instance."""
        return [name, "-c", str(self.config_directory), *arguments]

    def facts(self, ledger: Ledger) -> PostfixFacts | None:
        """Return what stands here without mailpanel; ``None`` where Postfix is not installed.

        Raises :class:`CheckFailed` where the admin's own configuration cannot be read.
        """
        if not self.main_cf.exists():
            return None
        queries = [
            command.start(self.argv("postconf", *arguments))
            for arguments in (("-n",), ("-x", *EXPANDED), ("-M",))
        ]
        explicit, expanded, services = [_answer(query.finish()) for query in queries]
        live = _assignments(explicit)
        values = _assignments(expanded)
        parameters = {
            name: value
            for name in live.keys() | ledger.parameters.keys()
            if (value := admins_value(name, live.get(name, ""), ledger))
        }
        if values["default_database_type"] not in INDEXED:
            raise Refused(
                f"default_database_type is {values['default_database_type']}, and mailpanel "
                f"knows {', '.join(sorted(INDEXED))}; set one of these in main.cf."
            )
        master = _services(services)
        return PostfixFacts(
            queue_directory=values["queue_directory"],
            version=values["mail_version"],
            parameters=parameters,
            overrides=_overrides(master),
            smtp_chroot=master.get("smtp/unix", ["", "", "", "", "-"])[4],
            database_type=values["default_database_type"],
            maps_directory=str(self.maps),
            sasl_mechanisms=_sasl_mechanisms(),
            names=frozenset({values["myhostname"].lower(), *_own_names()}),
            ports=frozenset(_ports(master)),
        )

    def queue_directory(self) -> Path:
        """Return the queue directory, as the daemon has it."""
        answer = _answer(command.run(self.argv("postconf", "-xh", "queue_directory")))
        return Path(answer.strip())

    def master_pid(self, queue_directory: Path) -> int | None:
        """Return the process id of the running master(8), or ``None``."""
        try:
            pid = int((queue_directory / "pid" / "master.pid").read_text())
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except (OSError, ValueError):
            return None
        return pid if name == "master" else None

    def reload(self) -> None:
        """Make the daemon read its configuration; raises :class:`ReloadFailed`."""
        answer = command.run(self.argv("postfix", "reload"))
        if answer.code != 0:
            raise ReloadFailed("postfix reload failed; the daemon did not take the new values.")

    def values(self, names: tuple[str, ...]) -> Mapping[str, str]:
        """Return what main.cf says for *names* (``postconf``), unexpanded."""
        return _assignments(_answer(command.run(self.argv("postconf", *names))))

    def in_flight(self, queue_directory: Path) -> frozenset[str]:
        """Return the queue ids that may be on their way now (qmgr(8)).

        Those in the active queue, and in the incoming one, to which a queue manager
        that starts anew moves what a delivery agent is still at.
        """
        return frozenset(
            name
            for queue in ("active", "incoming")
            for _, _, names in os.walk(queue_directory / queue)
            for name in names
        )

    def query(self, table: str, key: str) -> str | None:
        """Return what the lookup *table* (``type:path``) answers for *key*, or ``None``.

        Key and answer go by standard input and output: both may be secret. Raises
        :class:`CheckFailed` where the table cannot be read.
        """
        answer = command.run(self.argv("postmap", "-q", "-", table), key + "\n")
        if answer.code not in (0, 1) or "fatal:" in answer.stderr:
            raise CheckFailed(
                f"A lookup table of type {table.partition(':')[0]} that main.cf names cannot be "
                "read; postmap -q on it shows why."
            )
        return answer.stdout.partition("\t")[2].removesuffix("\n") if answer.code == 0 else None


def _answer(finished: command.Finished) -> str:
    if finished.code != 0:
        # Its own words name file and line; main.cf holds no secret of mailpanel's.
        last = finished.stderr.strip().split("\n")[-1][:300]
        raise CheckFailed(f"Postfix cannot read its present configuration: {last}")
    return finished.stdout


def _assignments(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.split("\n") if "=" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _services(text: str) -> dict[str, list[str]]:
    """Return the services of ``postconf -M``: ``name/type`` to all of its words."""
    services: dict[str, list[str]] = {}
    for line in text.split("\n"):
        if line.strip() and not line[0].isspace():
            words = line.split()
            services["/".join(words[:2])] = words
        elif line.strip() and services:
            services[next(reversed(services))] += line.split()
    return services


def _overrides(services: Mapping[str, list[str]]) -> dict[str, str]:
    overrides: dict[str, str] = {}
    for name, words in services.items():
        for option, assignment in itertools.pairwise(words):
            if option == "-o" and "=" in assignment:
                parameter, _, value = assignment.partition("=")
                overrides[f"{name}/{parameter}"] = value
    return overrides


def _ports(services: Mapping[str, list[str]]) -> set[int]:
    ports = set()
    for words in services.values():
        if words[1] != "inet" or words[7] != "smtpd":
            continue
        port = words[0].rpartition(":")[2]
        try:
            ports.add(int(port) if port.isdecimal() else socket.getservbyname(port, "tcp"))
        except OSError:
            continue  # a service name that this host does not know listens nowhere
    return ports


def _own_names() -> set[str]:
    return {"localhost", "127.0.0.1", "::1", socket.gethostname().lower()}


def _sasl_mechanisms() -> frozenset[str]:
    """Return the SASL mechanisms whose Cyrus plugin is installed (SASL_README)."""
    directories = [Path(name) for name in SASL_DIRECTORIES]
    directories += Path("/usr/lib").glob("*/sasl2")
    return frozenset(
        mechanism
        for plugin, mechanism in SASL_PLUGINS.items()
        if any(any(directory.glob(f"{plugin}.so*")) for directory in directories)
    )
