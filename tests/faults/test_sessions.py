"""A revoked master user's sessions end, also where apply was killed before it ended them."""

from __future__ import annotations

import imaplib

import pytest
from world import ANNA, MASTER, World


@pytest.fixture
def dovecot(make_dovecot):
    """One whose sessions outlive a reload."""
    return make_dovecot(extra="shutdown_clients = no\n")


def test_a_reset_that_was_killed_at_its_end_ends_the_sessions(world: World) -> None:
    world.panel.stop_service("apply")
    world.start_forked()
    world.set(MASTER)
    world.wait_until_converged()
    password = world.wanted[MASTER].value["password"]
    masters = world.dovecot.imap(f"{ANNA}*master", password)
    with world.dovecot.imap(ANNA, "anna's own: #1") as owners:
        world.arm("step verify")
        world.reset(MASTER)
        assert world.wait_for_death()
        assert masters.noop()[0] == "OK", "it outlives the reload"
        world.kill()
        world.disarm()
        world.start()
        world.wait_until_converged()
        assert owners.noop()[0] == "OK"
        with pytest.raises((imaplib.IMAP4.abort, OSError)):
            masters.noop()
    masters.shutdown()
    world.assert_as_wanted()
