"""How long it takes to know whose a token is, beside a password's verification.

Prints medians and ratios of one run, and exits 1 where a bound is not kept. A password's
verification takes some 20 ms, of which the check may cost 0.005, and the bare question to the
database through the same pool, of which it may cost 1.6. An absolute time would measure the
machine. Usage: python -m bench.token_check [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from mailpanel.services.accounts import Accounts
from mailpanel.services.authentication import Authentication, digest_of
from mailpanel.services.database import Database
from mailpanel.services.passwords import hash_password, is_right
from mailpanel.services.tokens import Tokens

PASSWORD_BOUND = 0.005
QUESTION_BOUND = 1.6
PASSWORD = "correct horse battery"
ADDRESS = "192.0.2.1"
OTHERS = 1000


def _median(rounds: int, work: Callable[[], object]) -> float:
    """Return the median of *rounds*, in seconds."""
    taken = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken[1:])  # the first warms up


def measure(rounds: int) -> dict[str, float]:
    """Return the medians in seconds, on a database with a thousand other tokens."""
    with tempfile.TemporaryDirectory(prefix="mp-") as directory:
        database = Database(f"sqlite:///{Path(directory, 'mailpanel.sqlite')}")
        database.migrate()
        Accounts(database).add("admin", "MasterAdmin")
        tokens = Tokens(database)
        token = [tokens.create("admin") for _ in range(OTHERS)][OTHERS // 2]
        authentication = Authentication(database)
        question = text(
            "SELECT t.*, a.* FROM tokens t JOIN accounts a ON a.id = t.account_id WHERE digest = :d"
        )
        digest, stored = digest_of(token), hash_password(PASSWORD)

        def ask() -> object:
            return database.row(question, d=digest)

        medians = {
            "password": _median(max(rounds // 50, 5), lambda: is_right(PASSWORD, stored)),
            "question": _median(rounds, ask),
            "check": _median(rounds, lambda: authentication.identity(None, token, ADDRESS)),
        }
        database.dispose()
    return medians


def main() -> int:
    """Measure and print; return the exit code."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    medians = measure(rounds)
    password = medians["check"] / medians["password"]
    question = medians["check"] / medians["question"]
    for name, seconds in medians.items():
        print(f"{name:9} {seconds * 1e6:9.1f} µs")
    print(f"check / password  {password:.4f}  (at most {PASSWORD_BOUND})")
    print(f"check / question  {question:.2f}  (at most {QUESTION_BOUND})")
    return 0 if password <= PASSWORD_BOUND and question <= QUESTION_BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
