"""Whatever happens to a real host, and in whatever order, it comes to what was asked for last.

``tests/unit/apply/test_any_order.py`` does the same with a host in memory, thousands of steps.
"""

from __future__ import annotations

import pytest
from figures import FIGURES, ROUNDS
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from world import SETTINGS, World

NAMES = st.sampled_from(SETTINGS)
STEPS = st.sampled_from(["check", "probe", "journal", "swap", "reload", "verify"])
EXAMPLES, STEPS_EACH = max(ROUNDS // 50, 1), 12


class AnyOrder(RuleBasedStateMachine):
    """Set, reset, hand edits, kills, faults and restarts, as they come."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.before = world.configuration()
        self.lines = ""
        world.start_forked()

    def teardown(self) -> None:
        """All is as it was asked for last; and then as it was before mailpanel."""
        world = self.world
        world.disarm()
        self.lose_the_relay(away=False)
        self.be_there()
        # A change that had begun by then is still killed.
        while world.wait_for_death():
            self.be_there()
        world.wait_until_converged()
        world.assert_as_wanted()
        for name in SETTINGS:
            world.reset(name)
        world.wait_until_converged()
        world.assert_as_wanted()
        world.panel.stop_service("apply")
        main_cf = str(world.postfix.main_cf)
        expected = {**self.before, main_cf: self.before[main_cf] + self.lines.encode()}
        assert world.configuration() == expected

    def be_there(self) -> None:
        """Start apply anew, where it was killed."""
        if self.world.panel._services["apply"].poll() is not None:
            self.world.kill()
            self.world.disarm()
            self.world.assert_sound()
            self.world.start_forked()

    @rule(name=NAMES)
    def set(self, name: str) -> None:
        self.world.set(name)

    @rule(name=NAMES)
    def reset(self, name: str) -> None:
        self.world.reset(name)

    @rule(hours=st.integers(1, 99))
    def write_a_line_of_his_own(self, hours: int) -> None:
        """In one go, as an editor does; between the reading and the writing apply may write."""
        line = f"# the administrator waits for {hours} h\n"
        with self.world.postfix.main_cf.open("a") as stream:
            stream.write(line)
        self.lines += line

    @rule(step=STEPS)
    def be_killed_at(self, step: str) -> None:
        self.be_there()
        self.world.arm(f"step {step}")

    @rule()
    def be_killed(self) -> None:
        self.world.kill()
        self.world.assert_sound()
        self.world.start_forked()

    @rule()
    def restart(self) -> None:
        self.world.panel.stop_service("apply")
        self.world.start_forked()

    @rule(away=st.booleans())
    def lose_the_relay(self, *, away: bool) -> None:
        for relay in self.world.relays:
            relay.stop()
            if not away:
                relay.start()

    @rule()
    def look(self) -> None:
        FIGURES["looks at a real host between changes in any order"] += 1
        self.be_there()
        self.world.assert_sound()


@pytest.mark.timeout(7200)
def test_any_order(world: World) -> None:
    world.panel.stop_service("apply")
    run_state_machine_as_test(
        lambda: AnyOrder(world),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS_EACH,
            # What a real host does is never the same twice, so nothing is tried again.
            phases=[Phase.generate],
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    FIGURES["changes in any order of a real host, up to twelve steps each"] += EXAMPLES
