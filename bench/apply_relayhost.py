"""How long a new relayhost takes: mailpanel, the usual commands, a careful script.

Prints medians and ratios of one run, and exits 1 where a bound is not kept:
mailpanel takes at most 0.25 of the usual commands (postmap, postconf -e, postfix
reload) and at most 1.3 of a script that checks as much (bench/careful.sh). Neither tries
the account; what it costs that mailpanel does is told beside it, without a bound.
Needs root. Usage: python -m bench.apply_relayhost [ROUNDS]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from mailpanel.playground.certificates import Authority
from mailpanel.playground.installation import Installation
from mailpanel.playground.postfix import PrivatePostfix
from mailpanel.playground.relay import StrictRelay

COMMANDS_BOUND = 0.25
SCRIPT_BOUND = 1.3
FIRST_PORT = 2000
# A change that comes within mailpanel.reload_interval of another one waits, on purpose. What
# is measured is a single change.
PAUSE = 2.1
ACCOUNT = "relay-user:secure-relay-user-password"
SCRIPT = Path(__file__).with_name("careful.sh")


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)


def by_commands(config: str, port: int) -> None:
    """As everybody types it: tables in place, parameters edited, reload."""
    table = Path(config, "usual")
    table.touch(0o600)
    table.write_text(f"[relay.test]:{port} {ACCOUNT}\n")
    _run("postmap", "-c", config, f"hash:{table}")
    _run(
        "postconf",
        "-c",
        config,
        "-e",
        f"relayhost=[relay.test]:{port}",
        "smtp_sasl_auth_enable=yes",
        f"smtp_sasl_password_maps=hash:{table}",
        "smtp_tls_security_level=encrypt",
    )
    _run("postfix", "-c", config, "reload")


def by_script(config: str, stage: str, port: int) -> None:
    """As a careful script does it."""
    _run(str(SCRIPT), config, stage, f"[relay.test]:{port}", ACCOUNT)


def by_mailpanel(panel: Installation, port: int, relay: str = "relay.test") -> None:
    """By one POST that waits for `applied`, the probe left out where there is no *relay*."""
    username, _, password = ACCOUNT.partition(":")
    value = {
        "server_hostname": relay,
        "server_port": port,
        "username": username,
        "password": password,
    }
    done = panel.set("postfix_relayhost", value, probe=relay != "relay.test")
    if done["status"] != "applied":
        raise SystemExit(f"not applied: {done}")


def _median(rounds: int, change: Callable[[int], None], pause: float = 0.0) -> float:
    """Return the median of *rounds* changes, each to another port, in seconds.

    *pause* is left before each and not counted.
    """
    taken = []
    for number in range(rounds + 1):
        time.sleep(pause)
        started = time.perf_counter()
        change(FIRST_PORT + number)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken[1:])  # the first warms up


def measure(rounds: int) -> dict[str, float]:
    """Return the medians in seconds, each on a fresh private Postfix."""
    medians = {}
    for name in ("commands", "script", "mailpanel", "tried"):
        with tempfile.TemporaryDirectory(prefix="mp-", dir="/tmp") as directory:
            place = Path(directory)
            place.chmod(0o755)
            for each in ("p", "m"):
                (place / each).mkdir(mode=0o755)
            with PrivatePostfix(place / "p") as postfix:
                medians[name] = _measure_one(name, postfix, place / "m", rounds)
    return medians


def _measure_one(name: str, postfix: PrivatePostfix, place: Path, rounds: int) -> float:
    config = str(postfix.config_directory)
    if name == "commands":
        return _median(rounds, lambda port: by_commands(config, port))
    if name == "script":
        return _median(rounds, lambda port: by_script(config, str(place), port))
    options = {"mailpanel.postfix_config_directory": config}
    if name == "mailpanel":
        with Installation(place, options) as panel:
            return _median(rounds, lambda port: by_mailpanel(panel, port), PAUSE)
    return _measure_tried(place, options, rounds)


def _measure_tried(place: Path, options: dict[str, str], rounds: int) -> float:
    """Return the median where the account is tried, each time at another relay."""
    authority = Authority()
    ca_file = str(authority.write_bundle(place / "ca.pem"))
    username, _, password = ACCOUNT.partition(":")
    with ExitStack() as stack:
        for number in range(rounds + 1):
            address = f"127.88.7.{number + 1}"
            certificate = authority.issue(address)
            accounts = {username: password}
            relay = StrictRelay(certificate, accounts=accounts, address=address, port=2587)
            stack.enter_context(relay)
        panel = stack.enter_context(Installation(place, {**options, "mailpanel.ca_file": ca_file}))
        return _median(
            rounds,
            lambda port: by_mailpanel(panel, 2587, f"127.88.7.{port - FIRST_PORT + 1}"),
            PAUSE,
        )


def main() -> int:
    """Measure and print; return the exit code."""
    if os.geteuid() != 0:
        raise SystemExit("this needs root: it starts a private Postfix")
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    medians = measure(rounds)
    ours = medians["mailpanel"]
    commands, script = ours / medians["commands"], ours / medians["script"]
    for name, seconds in medians.items():
        print(f"{name:10} {seconds * 1000:8.1f} ms (median of {rounds})")
    tried = medians["tried"] - ours
    print(f"to try the account    {tried * 1000:.0f} ms more")
    print(f"mailpanel / commands  {commands:.2f}  (at most {COMMANDS_BOUND})")
    print(f"mailpanel / script    {script:.2f}  (at most {SCRIPT_BOUND})")
    return 0 if commands <= COMMANDS_BOUND and script <= SCRIPT_BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
