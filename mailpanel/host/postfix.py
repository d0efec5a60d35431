"""One Postfix instance: its facts, its commands, whether it lives.

Sources: postconf(1), postfix(1), postmap(1), master(8), and what was measured on
the daemons themselves (docs/decisions/0001-relayhost-construction.md).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

from mailpanel.errors import CheckFailed, Refused, ReloadFailed
from mailpanel.host import command
from mailpanel.host.compose import admins_value
from mailpanel.host.daemon import children, lives, wait_for
from mailpanel.host.ledger import Ledger
from mailpanel.host.words import own_words
from mailpanel.plan import PostfixFacts

__all__ = ["INDEXED", "MAPS_DIRECTORY", "QUEUE_MANAGERS", "Postfix"]

MAPS_DIRECTORY = "mailpanel"
# Lookup table types that postmap makes, with the file that the daemon reads (DATABASE_README).
INDEXED = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb"}
# qmgr(8), and its forerunner.
QUEUE_MANAGERS = ("qmgr", "oqmgr")
PATIENCE, MOMENT = 10.0, 2.0
# With maillog_file postfix(1) waits for postlogd(8), which master(8) does not start for
# service_throttle_time (60 s) once it has died of a main.cf that could not be read.
RELOAD_PATIENCE = 75.0
SASL_DIRECTORIES = ("/usr/lib/sasl2", "/usr/lib64/sasl2", "/usr/local/lib/sasl2")
SASL_PLUGINS = {
    "libplain": ("PLAIN",),
    "liblogin": ("LOGIN",),
    "libcrammd5": ("CRAM-MD5",),
    "libdigestmd5": ("DIGEST-MD5",),
    "libntlm": ("NTLM",),
    "libscram": ("SCRAM-SHA-1", "SCRAM-SHA-224", "SCRAM-SHA-256", "SCRAM-SHA-384", "SCRAM-SHA-512"),
}
# Expanded by postconf -x, so that $name in them is what the daemon makes of it.
EXPANDED = (
    "mail_version",
    "default_database_type",
    "queue_directory",
    "myhostname",
    "inet_interfaces",
    "proxy_interfaces",
)
# Those that a probe uses as the daemon would.
PROBED = ("smtp_tls_CAfile", "smtp_tls_CApath", "smtp_helo_name")


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
            for arguments in (("-n",), ("-x", *EXPANDED), ("-M",), ("-P",))
        ]
        finished = [query.finish() for query in queries]
        explicit, expanded, services, overrides = [_answer(each) for each in finished]
        live = _assignments(explicit)
        values = _assignments(expanded)
        parameters = {
            name: value
            for name in live.keys() | ledger.parameters.keys()
            if (value := admins_value(name, live.get(name, ""), ledger))
        }
        for name in PROBED:
            if name in parameters:
                parameters[name] = self.expanded(parameters[name])
        if values["default_database_type"] not in INDEXED:
            raise Refused(
                f"default_database_type is {values['default_database_type']}, and mailpanel "
                f"knows {', '.join(sorted(INDEXED))}; set one of these in main.cf."
            )
        found = _services(services)
        master = {name: found[name] for name in found if name not in ledger.services}
        return PostfixFacts(
            queue_directory=values["queue_directory"],
            version=values["mail_version"],
            parameters=parameters,
            overrides={
                name: value
                for name, value in _assignments(overrides).items()
                if name.rpartition("/")[0] not in ledger.services
            },
            smtp_chroot=master.get("smtp/unix", ["", "", "", "", "-"])[4],
            database_type=values["default_database_type"],
            maps_directory=str(self.maps),
            sasl_mechanisms=_sasl_mechanisms(),
            names=frozenset(_own_names(values)),
            ports=frozenset(_ports(master)),
        )

    def expanded(self, value: str) -> str:
        """Return *value* with each ``$name`` in it as the daemon expands it (postconf(5))."""
        if "$" not in value:
            return value
        # On a parameter that is text alone, and for this command only.
        argv = self.argv("postconf", "-xh", "-o", f"mail_name={value}", "mail_name")
        return _answer(command.run(argv)).removesuffix("\n")

    def queue_directory(self) -> Path:
        """Return the queue directory, as the daemon has it."""
        answer = _answer(command.run(self.argv("postconf", "-xh", "queue_directory")))
        return Path(answer.strip())

    def master_pid(self, queue_directory: Path) -> int | None:
        """Return the process id of the running master(8), or ``None``."""
        try:
            pid = int((queue_directory / "pid" / "master.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if lives(pid, "master") else None

    def reload(self) -> None:
        """Make the daemon read its configuration; raises :class:`ReloadFailed`."""
        answer = command.run(self.argv("postfix", "reload"), timeout=RELOAD_PATIENCE)
        if answer.code != 0:
            raise ReloadFailed(
                "Postfix does not run, or does not take its configuration. Its log says why; "
                "postfix start starts it."
            )

    def reload_for_certain(self, queue_directory: Path) -> None:
        """Reload, and wait until it is seen to have happened; raises :class:`ReloadFailed`.

        With each reload master(8) ends the queue manager and starts it anew, and else never.
        The wake-up that starts it can be lost to the one that is ending, which is why either
        counts; where none ran before, only a new one can be waited for, and not for long.
        """
        pid = self.master_pid(queue_directory) or 0
        before = children(pid, *QUEUE_MANAGERS)
        self.reload()

        def is_seen() -> bool:
            now = children(pid, *QUEUE_MANAGERS)
            # One that has ended takes nothing either; that is another error.
            return bool(now - before) or bool(before - now) or not lives(pid, "master")

        if not wait_for(is_seen, PATIENCE if before else MOMENT) and before:
            raise ReloadFailed(
                "postfix reload says that it was done, and Postfix goes on with the configuration "
                "that it had."
            )

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
            # In the direction in which mail moves, so that none is missed between two looks.
            for queue in ("incoming", "active")
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

    def entries(self, table: str) -> dict[str, str]:
        """Return all of the lookup *table* (``postmap -s``), as far as its type can be listed."""
        answer = command.run(self.argv("postmap", "-s", table))
        lines = (line.partition("\t") for line in answer.stdout.split("\n") if "\t" in line)
        return {key: value for key, _, value in lines} if answer.code == 0 else {}


def _answer(finished: command.Finished) -> str:
    if finished.code != 0:
        # Of a broken $name the last line says only that there is one.
        named = [line for line in finished.stderr.split("\n") if "macro reference: " in line]
        said = own_words(finished.stderr)
        said += f", {named[-1].partition('warning: ')[2]}" if named else ""
        raise CheckFailed(f"Postfix cannot read its present configuration: {said}.")
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


def _ports(services: Mapping[str, list[str]]) -> set[int]:
    ports = set()
    for words in services.values():
        if words[1] != "inet" or words[7] not in ("smtpd", "postscreen"):
            continue
        port = words[0].rpartition(":")[2]
        try:
            ports.add(int(port) if port.isdecimal() else socket.getservbyname(port, "tcp"))
        except OSError:
            continue  # a service name that this host does not know listens nowhere
    return ports


def _own_names(values: Mapping[str, str]) -> set[str]:
    """Return the names and addresses under which main.cf says that this host is reached."""
    named = f"{values['inet_interfaces']} {values['proxy_interfaces']}"
    addresses = {each.strip("[]").lower() for each in named.replace(",", " ").split()}
    names = {values["myhostname"].lower(), socket.gethostname().lower()}
    return addresses | names | {"localhost", "127.0.0.1", "::1"}


def _sasl_mechanisms() -> frozenset[str]:
    """Return the SASL mechanisms whose Cyrus plugin is installed (SASL_README)."""
    directories = [Path(name) for name in SASL_DIRECTORIES]
    directories += Path("/usr/lib").glob("*/sasl2")
    return frozenset(
        mechanism
        for plugin, mechanisms in SASL_PLUGINS.items()
        if any(any(directory.glob(f"{plugin}.so*")) for directory in directories)
        for mechanism in mechanisms
    )
