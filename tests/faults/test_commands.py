"""Daemons' commands that are missing, that hang, fail, lie or kill: the old configuration lives."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from forked import Forked
from real_host import PATIENCE
from world import ACCOUNTS, INTERVAL, MAILER, MASTER, RELAYHOST, World

RELOADS = {RELAYHOST: "/usr/sbin/postfix", INTERVAL: "/usr/bin/doveadm"}
FAULTS = {
    "hangs": ("sleep 600", "reload did not end within 3 s."),
    "fails": ("exit 75", "does not take its configuration"),
    "lies": ("exit 0", "reload says that it was done, and"),
    "kills": ("kill $(cat {pid}); sleep 0.5; exit 0", "ended after the reload"),
}


def bind(directory: Path, program: str, script: str, word: str = "reload") -> str:
    """Return what puts a script in the place of *program* where *word* is among its arguments."""
    wrapper, real = directory / "wrapper", directory / "real"
    wrapper.write_text(
        f'#!/bin/sh\ncase " $* " in *" {word} "*) {script} ;; esac\nexec {real} "$@"\n'
    )
    wrapper.chmod(0o755)
    return f"cp {program} {real}\nmount --bind {wrapper} {program}"


def without(directory: Path, program: str) -> str:
    """Return what takes *program* away: its directory becomes one of links to all others."""
    kept, shown, place = directory / "kept", directory / "shown", Path(program).parent
    return (
        f"mkdir -p {kept} {shown}\nmount --bind {place} {kept}\n"
        f"mount -t tmpfs none {shown}\nln -s {kept}/* {shown}/\n"
        f"rm {shown}/{Path(program).name}\nmount --bind {shown} {place}"
    )


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


@contextmanager
def faulty(
    world: World, mounts: str, patience: int = 3, pause: int = 60
) -> Iterator[dict[str, bytes]]:
    """Let apply run with *mounts*; afterwards without, and then it converges."""
    before = world.configuration()
    world.panel.stop_service("apply")
    world.start_impatient(mounts, patience, pause)
    yield before
    world.kill()
    world.start()
    world.wait_until_converged()
    world.assert_as_wanted()


@pytest.mark.parametrize("earlier", [False, True], ids=["first", "later"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("setting", RELOADS)
def test_a_reload_that(world: World, setting: str, fault: str, earlier: bool) -> None:
    """Whether something of mailpanel's stood there before, or nothing."""
    if earlier:
        world.set(setting)
        world.wait_until_converged()
    daemon = world.postfix.directory / "spool" if setting == RELAYHOST else None
    pid = daemon / "pid" / "master.pid" if daemon else world.dovecot.run_directory / "master.pid"
    script, sentence = FAULTS[fault]
    mounts = bind(world.directory, RELOADS[setting], script.format(pid=pid))
    with faulty(world, mounts) as before:
        world.set(setting)
        assert sentence in world.wait_for_failure(setting)
        if fault == "kills":
            # It was started again; mind that it is another process.
            assert world.postfix.running
            world.masters = world.postfix.master_pid, world.dovecot_pid()
        world.assert_configured(before)
        world.assert_sound()


@pytest.mark.parametrize(
    ("setting", "program"),
    [
        (RELAYHOST, "/usr/sbin/postconf"),
        (RELAYHOST, "/usr/sbin/postmap"),
        (RELAYHOST, "/usr/sbin/postfix"),
        (INTERVAL, "/usr/bin/doveconf"),
        (INTERVAL, "/usr/bin/doveadm"),
        (MASTER, "/usr/bin/doveadm"),
        (MAILER, "/usr/bin/msmtp"),
    ],
)
def test_a_program_that_is_missing_is_named(world: World, setting: str, program: str) -> None:
    with faulty(world, without(world.directory, program)) as before:
        world.set(setting)
        assert f"{Path(program).name} is not installed on this host" in world.wait_for_failure(
            setting
        )
        world.assert_configured(before)
        world.assert_sound()


def test_a_new_password_that_is_not_seen_to_count_leaves_the_one_before(world: World) -> None:
    """As the API promises of a change that fails."""
    world.set(MASTER)
    world.wait_until_converged()
    world.assert_as_wanted()
    first = world.wanted[MASTER].value["password"]
    # It answers nothing, so nobody can see whether the new password counts.
    mounts = bind(world.directory, "/usr/bin/doveadm", "exit 0", word="test")
    with faulty(world, mounts):
        world.set(MASTER)
        error = world.wait_for_failure(MASTER)
        assert "does not log in by the new master password" in error
        assert world.opens("anna@example.org*master", first)
        world.assert_sound()


@pytest.mark.parametrize(
    ("word", "script"),
    [
        ("status", "exit 75"),
        ("reload", "kill $(cat {run}/master.pid); sleep 0.5; exit 0"),
    ],
    ids=["mailboxes do not open", "the daemon ends"],
)
def test_a_recovery_looks_at_the_daemon_too(world: World, word: str, script: str) -> None:
    """A change that was killed after the rename that counts is undone where it turns out bad."""
    world.panel.stop_service("apply")
    world.start_forked()
    world.arm("step reload")
    world.set(INTERVAL)
    assert world.wait_for_death()
    world.kill()
    script = script.format(run=world.dovecot.run_directory)
    mounts = bind(world.directory, "/usr/bin/doveadm", script, word)
    world.start_impatient(mounts)
    undone = "a change that was interrupted has been undone"
    wait_until(lambda: undone in world.panel.log("apply"))
    world.kill()
    world.masters = world.postfix.master_pid, world.dovecot_pid()
    world.assert_sound()
    world.start()
    world.wait_until_converged()
    world.assert_as_wanted()


@pytest.mark.parametrize("setting", RELOADS)
@pytest.mark.parametrize("step", ["swap", "verify"])
def test_a_daemon_that_ended_while_apply_was_dead_too_runs_again(
    world: World, setting: str, step: str
) -> None:
    """Whether the change is undone or finished then: it ran before."""
    world.panel.stop_service("apply")
    world.start_forked()
    world.arm(f"step {step}")
    world.set(setting)
    assert world.wait_for_death()
    world.kill()
    world.disarm()
    pid = world.postfix.master_pid if setting == RELAYHOST else world.dovecot_pid()
    assert pid
    daemon = Forked(pid)
    os.kill(pid, signal.SIGKILL)
    daemon.wait(PATIENCE)
    world.start()
    world.wait_until_converged()
    world.masters = world.postfix.master_pid, world.dovecot_pid()
    assert pid not in world.masters
    world.assert_as_wanted()


def test_what_the_relay_refuses_during_a_slow_reload_is_told(world: World) -> None:
    """That mail came before the change was seen to count; no other will come to tell of it."""
    flag, real = world.directory / "slow", world.directory / "real"
    # There is one more reload before: a service in master.cf comes first.
    slow = (
        f'{real} "$@"; grep -q "^relayhost = ." {world.postfix.main_cf} && touch {flag}; '
        f"while [ -e {flag} ]; do sleep 0.1; done; exit 0"
    )
    with faulty(world, bind(world.directory, RELOADS[RELAYHOST], slow), patience=60, pause=1):
        world.set(RELAYHOST)
        wait_until(flag.exists)
        for relay in world.relays:
            relay.accounts.clear()
        world.postfix.submit("friend@example.net")
        wait_until(lambda: "status=deferred (SASL authentication failed" in world.postfix.log())
        # The queue counts in whole seconds.
        time.sleep(1)
        flag.unlink()
        world.wait_until_converged()

        def told() -> str:
            return world.status(RELAYHOST).get("relay_health", {}).get("says") or ""

        wait_until(lambda: "refuses the password" in told())
        for relay in world.relays:
            relay.accounts.update(ACCOUNTS)
