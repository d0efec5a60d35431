"""What two processes do at one moment, as two webs or a web and a command do it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest

from mailpanel.services.accounts import Accounts
from mailpanel.services.audit import Author
from mailpanel.services.database import Database
from mailpanel.services.second_factors import SecondFactors
from mailpanel.vault import Vault, make_web_key

ROUNDS = 5
PASSWORD = "correct horse battery"
AUTHOR = Author("admin", None, "192.0.2.1")
# Each line is an account and what is to be done with it; "now" begins what was read last.
WORKER = """
import sys
from pathlib import Path

from mailpanel.errors import MailpanelError
from mailpanel.services.accounts import Accounts
from mailpanel.services.codes import Codes
from mailpanel.services.database import Database
from mailpanel.services.proofs import Proofs, Visitor
from mailpanel.services.throttle import Throttle
from mailpanel.vault import Vault

database, vault = Database(sys.argv[1]), Vault(Path(sys.argv[2]))
accounts = Accounts(database)
proofs = Proofs(database, Throttle(database, purpose="log-in "))
codes = Codes(database, vault, proofs, Throttle(database, purpose="code "))
database.ping()


def done(name, action, *arguments):
    if action == "code":
        account = proofs.account(name)
        return lambda: codes.accepts(account, arguments[0], Visitor("192.0.2.1"))
    if action == "remove":
        return lambda: accounts.remove(name) or True
    return lambda: accounts.set_enabled(name, False) or True


print("ready", flush=True)
for line in sys.stdin:
    work = done(*line.split())
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        print(work(), flush=True)
    except MailpanelError as error:
        print(type(error).__name__, flush=True)
"""

Pair = Callable[[str, str], list[str]]


@contextmanager
def worker(url: str, key: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield a process that does what it is told; it ends with its standard input."""
    command = [sys.executable, "-c", WORKER, url, str(key)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        yield process


def told(process: subprocess.Popen[str], line: str | None = None) -> str:
    """Tell *process* a line, where there is one; return the next that it says."""
    assert process.stdin is not None
    assert process.stdout is not None
    if line is not None:
        process.stdin.write(f"{line}\n")
    return process.stdout.readline().strip()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    make_web_key(tmp_path / "web.key", None)
    return tmp_path / "web.key"


@pytest.fixture
def pair(database: Database, database_url: str, key: Path) -> Iterator[Pair]:
    """Do two things at one moment, each in a process of its own; return their outcomes."""
    with ExitStack() as stack:
        both = [stack.enter_context(worker(database_url, key)) for _ in range(2)]
        assert [told(each) for each in both] == ["ready"] * 2

        def do(*works: str) -> list[str]:
            for process, work in zip(both, works, strict=True):
                assert told(process, work) == "ready"
            for process in both:
                assert process.stdin is not None
                process.stdin.write("now\n")
            return sorted(told(process) for process in both)

        yield do


def test_of_the_last_two_master_admins_one_stays(pair: Pair, accounts: Accounts) -> None:
    """Each of them is the last but one as its process sees it, whether disabled or removed."""
    for number in range(2 * ROUNDS):
        action = "disable" if number % 2 else "remove"
        names = [f"a{number}", f"b{number}"]
        for name in names:
            accounts.add(name, "MasterAdmin", PASSWORD)
        for older in accounts.list():
            if older["username"] not in names:
                accounts.remove(older["username"])
        assert pair(*(f"{name} {action}" for name in names)) == ["Conflict", "True"]
        assert [each["enabled"] for each in accounts.list()].count(True) == 1


def test_a_code_opens_one_of_two_doors(
    pair: Pair, accounts: Accounts, database: Database, key: Path
) -> None:
    """Of an app and of the paper alike: whoever has looked over a shoulder comes too late."""
    accounts.add("admin", "MasterAdmin", PASSWORD)
    factors = SecondFactors(database, Vault(key))
    enrolment = factors.begin("admin", "mailpanel")
    app = pyotp.TOTP(enrolment.secret)
    now = datetime.now(UTC)
    recovery = factors.confirm("admin", enrolment.box, app.at(now), AUTHOR, 1)
    # That step is used; a clock may be one ahead.
    for code in (app.at(now + timedelta(seconds=30)), *recovery[:ROUNDS]):
        assert pair(f"admin code {code}", f"admin code {code}") == ["False", "True"]
