"""How the live relay fares, from the moment it is live; and its mail tried once more, at once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mailpanel.apply.beliefs import believed
from mailpanel.apply.executor import Executor
from mailpanel.apply.faults import log_frames, unforeseen
from mailpanel.apply.rehearsal import Rehearsal
from mailpanel.apply.steps import Steps
from mailpanel.errors import HostError, MailpanelError
from mailpanel.host.mailhost import Host
from mailpanel.host.relay_health import Growth, Judge, Standing, beside, concluded, told
from mailpanel.host.relay_look import Found, RelayLook
from mailpanel.host.relay_mail import Hop
from mailpanel.host.state import Record, State
from mailpanel.plan import PostfixRelays
from mailpanel.relay_words import FLUSHED, LEFT_WAITING
from mailpanel.reports import Desired, Errand, ErrandAnswer
from mailpanel.seal import Opener
from mailpanel.settings import Setting
from mailpanel.words import sentences

__all__ = ["DETAIL", "RelayHealth"]

# Under which name it is told.
DETAIL = "relay_health"
# A look at least as often as this, in seconds: what is wrong is to be seen within a minute.
SOONEST = 20.0
# So many relays before the present one are still known.
MOST_OLDER = 8
# Between two flushes: Postfix gets slow where it does nothing else (postqueue(1)).
FLUSH_PAUSE = 10.0


@dataclass(slots=True)
class _Watched:
    """The live relay of one setting, as of *revision*."""

    revision: int
    relay: PostfixRelays | None
    standing: Standing
    growth: Growth = field(default_factory=Growth)
    new: bool = True
    """Not looked at yet: what the log has may still be of mail in flight by the one before."""


class RelayHealth:
    """Looks at the mail on its way to the relay that a setting has made live, and tells of it.

    What a relay is, is known by the probe that a plan names. *check_interval* is in seconds.
    """

    def __init__(
        self,
        *,
        host: Host,
        look: RelayLook,
        executor: Executor,
        state: State,
        opener: Opener,
        settings: Mapping[str, Setting],
        rehearsal: Rehearsal,
        check_interval: float,
    ) -> None:
        self._host = host
        self._look = look
        self._executor = executor
        self._state = state
        self._opener = opener
        self._settings = settings
        self._rehearsal = rehearsal
        self._interval = min(check_interval, SOONEST)
        self._at = 0.0
        self._flushed_at = float("-inf")
        self._watched: dict[str, _Watched] = {}

    def due_in(self) -> float:
        """Return in how many seconds it is time for the next look."""
        return max(self._at - time.monotonic(), 0.0)

    def mark(self, wanted: Desired) -> None:
        """Read the log up to here where *wanted* is not live: it may be the next moment.

        What comes from now on is looked at when it is. Not even the queue tells of mail that
        was refused before the change was seen to count: it came before that.
        """
        setting = self._settings.get(wanted.setting)
        record = self._state.get(wanted.setting)
        if setting is None or setting.part != "postfix" or record.live == wanted.revision:
            return
        # The change itself says what is wrong with the host.
        with suppress(MailpanelError):
            found = self._look.attempts()
            watched = self._watched.get(wanted.setting)
            if watched is not None and watched.revision == record.live:
                self._conclude(watched, found, None)

    def look(self, settings: Iterable[Desired]) -> None:
        """Look, where it is time, and tell what has changed; nothing on the host is."""
        if self.due_in() > 0:
            return
        for wanted in settings:
            setting = self._settings.get(wanted.setting)
            if setting is not None and setting.part == "postfix":
                try:
                    self._look_at(setting, wanted)
                except MailpanelError:
                    # Drift and status say what is wrong with the host itself.
                    self._executor.amend(wanted.setting, details=self._without(wanted.setting))
                except Exception as error:  # noqa: BLE001 (a look must not stop the service)
                    log_frames(error)
        self._at = time.monotonic() + self._interval

    def flush(self, errand: Errand, settings: Iterable[Desired]) -> ErrandAnswer:
        """Let Postfix try the mail that waits, once it gets through to the relay itself.

        That is tried first, by one log-in: to send a wrong password with each message that
        waits locks accounts. The administrator who has left the test of a change out has none.
        """
        wanted = next((each for each in settings if each.setting == errand.setting), None)
        steps = Steps()
        try:
            if wanted is None:
                raise HostError("This host does not know yet what is wanted of it; try again.")
            failure = self._flush(errand, wanted, steps)
        except MailpanelError as error:
            failure = str(error)
        except Exception as error:  # noqa: BLE001 (one errand's fault must not stop the service)
            log_frames(error)
            failure = str(unforeseen(error))
        return ErrandAnswer(errand.number, failure, tuple(steps.taken), ())

    def _flush(self, errand: Errand, wanted: Desired, steps: Steps) -> str | None:
        if time.monotonic() - self._flushed_at < FLUSH_PAUSE:
            raise HostError("The mail that waits was tried a moment ago; wait a few seconds.")
        record = self._state.get(wanted.setting)
        if record.live and record.live == wanted.revision and wanted.probe:
            test = Errand(errand.number, "test", wanted.setting, False, wanted.value, wanted.sealed)
            answer = self._rehearsal.rehearse(test)
            steps.taken += answer.steps
            if answer.error is not None:
                return sentences(answer.error, LEFT_WAITING)
            self._is_well(wanted.setting)
        with steps.step("flush") as says:
            self._look.flush()
            says.append(FLUSHED)
        self._flushed_at = time.monotonic()
        # Soon enough for whoever looks what has become of it.
        self._at = self._flushed_at + 1.0
        return None

    def _is_well(self, setting: str) -> None:
        watched = self._watched.get(setting)
        if watched is not None and not watched.standing.ok:
            watched.standing = Standing(True, None, time.time())

    def _look_at(self, setting: Setting, wanted: Desired) -> None:
        record = self._state.get(wanted.setting)
        hops = [_hop(text) for text in record.hops]
        if not (record.live or hops):
            return
        secret = self._secret(setting, wanted, record)
        watched = self._watch(setting, wanted, record, secret)
        relay = watched.relay
        present = _hop_to(relay) if relay else None
        if present is not None and (not hops or hops[-1] != present):
            hops = [*(each for each in hops if each != present), present][-MOST_OLDER - 1 :]
        older = [each for each in hops if each != present]
        found = self._look.attempts()
        self._conclude(watched, found, None if watched.new else secret)
        watched.new = False
        standing = watched.standing
        since = standing.since if standing.ok else record.since
        tally, complete = self._look.count(present, older, since)
        if relay is not None:
            judged = Judge(relay, secret, found.why)
            watched.standing = standing = beside(
                standing, tally, judged, time.time(), log=found.log is not None
            )
        details = self._without(wanted.setting)
        if relay is None and record.status == "applied" and not tally.for_older:
            # Nothing is left to look for.
            hops = []
        if relay is not None or tally.for_older:
            details[DETAIL] = told(
                present,
                standing,
                tally,
                growing=watched.growth.add(tally.waiting),
                complete=complete,
                log=found.log,
            )
        self._executor.amend(wanted.setting, details=details, hops=[_text(each) for each in hops])

    def _conclude(self, watched: _Watched, found: Found, secret: str | None) -> None:
        """Judge what is *found* of the relay that is watched, if there is one."""
        if watched.relay is not None:
            hop = _hop_to(watched.relay)
            ours = [each for each in found.attempts if each.is_at(hop)]
            judged = Judge(watched.relay, secret, found.why)
            watched.standing = concluded(watched.standing, ours, judged, time.time())

    def _watch(
        self, setting: Setting, wanted: Desired, record: Record, secret: str | None
    ) -> _Watched:
        """Return what is watched of *setting*; begun anew with each revision that is live."""
        watched = self._watched.get(wanted.setting)
        if watched is None or watched.revision != record.live:
            relay = self._relay(setting, wanted, record, secret)
            known = None if watched else _standing(record.details.get(DETAIL))
            watched = _Watched(record.live, relay, known or Standing(True, None, record.since))
            self._watched[wanted.setting] = watched
        return watched

    def _relay(
        self, setting: Setting, wanted: Desired, record: Record, secret: str | None
    ) -> PostfixRelays | None:
        if not record.live:
            return None
        value = record.value or wanted.value or {}
        plan = setting.plan(value, secret or None, self._host.facts(setting.part))
        return next((each for each in plan.probes if isinstance(each, PostfixRelays)), None)

    def _secret(self, setting: Setting, wanted: Desired, record: Record) -> str | None:
        """Return the live relay's password, empty where it has none, ``None`` if nobody knows."""
        if wanted.reset or not record.live or wanted.revision != record.live:
            return None
        _, secret = believed(self._opener, setting, wanted)
        return secret or ""

    def _without(self, setting: str) -> dict[str, Any]:
        details = self._state.get(setting).details
        return {name: each for name, each in details.items() if name != DETAIL}


def _standing(told_: Any) -> Standing | None:
    """Return how the relay stood when this host was last asked."""
    if not isinstance(told_, dict):
        return None
    since = datetime.fromisoformat(told_["since"]).timestamp()
    return Standing(told_["ok"], told_["says"], since)


def _hop_to(relay: PostfixRelays) -> Hop:
    return Hop(relay.hostname.lower(), relay.port)


def _hop(text: str) -> Hop:
    hostname, _, port = text.rpartition(":")
    return Hop(hostname, int(port))


def _text(hop: Hop) -> str:
    return f"{hop.hostname}:{hop.port}"
