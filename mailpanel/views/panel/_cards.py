"""What there is to say of a setting: the words, the chip, and each host's part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from mailpanel.views.panel._diffs import Diff, diffs_of
from mailpanel.views.panel._relay import Relay

__all__ = ["STEPS", "Card", "Chip", "HostPart", "card_of", "in_words"]

# The steps in which a host makes a change live, in their order, and what each one does.
STEPS = {
    "read": "Read the host's configuration",
    "check": "Check the new one beside it",
    "probe": "Try the new values at the server",
    "journal": "Note what the old one was",
    "swap": "Put the new one in place",
    "reload": "Reload the daemon",
    "verify": "See that it lives with it",
}
WAITING = {
    "wait for mail in flight": "Waiting for mail that still needs the old way",
    "put back": "Putting the old configuration back",
}
# What has a place of its own on a page; all else that a host says is shown by its name.
COMMON = {
    "host",
    "status",
    "revision",
    "step",
    "error",
    "duration_ms",
    "live_revision",
    "next_attempt",
    "reported",
    "present",
    "last_seen",
    "away",
    "drift",
    "problem",
    "fight",
    "unread_edits",
    "effective_from",
    "relay_health",
    "undelivered",
}


def in_words(name: str) -> str:
    """Return *name*, which is a key, as a person would write it."""
    return name.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Chip:
    """A status in a word or a few; *kind* is ``ok``, ``busy``, ``bad`` or ``none``."""

    text: str
    kind: str


RELAY_AILS = Chip("mail waits", "bad")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a change: ``done``, ``now``, ``failed`` or ``next``."""

    text: str
    state: str


class HostPart:
    """How far one host is with a setting."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.name: str = said["host"]
        self.status: str | None = said["status"]
        self.step: str | None = said["step"]
        self.error: str | None = said["error"]
        self.duration_ms: int | None = said["duration_ms"]
        self.reported: str | None = said["reported"]
        self.present: dict[str, Any] | None = said["present"]
        self.last_seen: str = said["last_seen"]
        self.away: bool = said["away"]
        self._said = said

    @property
    def drift(self) -> list[Diff]:
        """Return what somebody edited by hand since it was applied, as putting it back changes."""
        return self.edits if self.status == "applied" else []

    @property
    def edits(self) -> list[Diff]:
        """Return what the host last told of edits, whatever became of a change after it."""
        return diffs_of(self._said.get("drift", ()))

    @property
    def edited(self) -> str:
        """Return which files those are, in a sentence's words."""
        names = list(dict.fromkeys(each.name for each in self.edits))
        return f"{' and '.join(names)} {'were' if len(names) > 1 else 'was'} edited by hand"

    @property
    def live(self) -> int | None:
        """Return the revision that it still runs with after one that failed; 0 is none of ours."""
        if self.status != "failed" or self._said.get("not_put_back"):
            return None
        return self._said["live_revision"] or 0

    @property
    def again(self) -> str | None:
        """Return whether and when what has failed is tried again by itself."""
        if self.status != "failed":
            return None
        at = self._said["next_attempt"]
        if not isinstance(at, str):
            return "It is not tried again by itself: save it once more."
        return f"It is tried again at {datetime.fromisoformat(at):%H:%M:%S} UTC."

    @property
    def problem(self) -> str | None:
        """Return why what is applied could not be applied once more."""
        return self._said.get("problem") if self.status == "applied" else None

    @property
    def fight(self) -> str | None:
        """Return who keeps changing back what is applied."""
        return self._said.get("fight") if self.drift else None

    @property
    def unread_edits(self) -> str | None:
        """Return which edits of the admin's own the next reload makes live, too."""
        return self._said.get("unread_edits") if self.status == "applied" else None

    def own(self, setting: Any) -> str | None:
        """Return what the host has of its own for *setting*, where it does not have mailpanel's."""
        is_told = self._said.get("live_revision") or self.live is not None
        if self.present is None or is_told:
            return None
        return str(setting.present_in_words(self.present))

    @property
    def relay(self) -> Relay | None:
        """Return how the live relay fares, whatever became of a later change."""
        told = self._said.get("relay_health")
        return Relay(told) if isinstance(told, dict) else None

    @property
    def relay_ails(self) -> bool:
        """Say whether mail does not get through to the relay that was applied."""
        return self.status == "applied" and self.relay is not None and not self.relay.ok

    @property
    def undelivered(self) -> str | None:
        """Return what keeps mailpanel's own mails from going out there."""
        return self._said.get("undelivered")

    @property
    def chip(self) -> Chip:
        """Return the host's status."""
        if self.relay_ails:
            return RELAY_AILS
        if self.drift:
            return Chip("edited by hand", "bad")
        if self.status in ("waiting", "applying") and self.away:
            return Chip("not there", "bad")
        if self.status == "applying" and self.step in WAITING:
            return Chip("waiting", "busy")
        kinds = {"applied": "ok", "failed": "bad", "waiting": "busy", "applying": "busy"}
        return Chip(self.status or "not set", kinds.get(self.status or "", "none"))

    @property
    def steps(self) -> list[Step]:
        """Return all steps of a change that is under way, or those to where it failed."""
        if self.status not in ("applying", "failed") or self.step not in STEPS:
            return []
        at = list(STEPS).index(self.step)
        failed = self.status == "failed"
        states = [*["done"] * at, "failed" if failed else "now", *["next"] * len(STEPS)]
        texts = list(STEPS.values())[: at + 1 if failed else None]
        return [Step(text, state) for text, state in zip(texts, states, strict=False)]

    @property
    def waits_for(self) -> str | None:
        """Return what the host waits for, in words."""
        if self.status == "applying" and self.step in WAITING:
            return WAITING[self.step]
        if self.status in ("waiting", "applying") and self.away:
            return "It gets the change when its apply service runs again."
        return None

    @property
    def details(self) -> list[tuple[str, str]]:
        """Return what else the host told, by names in words; nothing while it is not applied."""
        if self.status != "applied":
            return []
        return [
            (in_words(name), each)
            for name, each in self._said.items()
            if name not in COMMON and isinstance(each, str)
        ]

    @property
    def effective_from(self) -> datetime | None:
        """Return when the value takes effect, where that is still to come."""
        said = self._said.get("effective_from")
        if not isinstance(said, str):
            return None
        time = datetime.fromisoformat(said)
        return time if time > datetime.now(UTC) else None


@dataclass(frozen=True)
class Card:
    """One setting: what is desired of it (*state*) and what the hosts make of it (*progress*)."""

    setting: Any
    state: Any
    progress: dict[str, Any]
    values: Mapping[int, dict[str, Any] | None] = field(default_factory=dict)
    """What revisions that hosts still run with have been."""

    @cached_property
    def hosts(self) -> list[HostPart]:
        """Return each host's part."""
        return [HostPart(said) for said in self.progress["hosts"]]

    @property
    def status(self) -> str | None:
        """Return ``applying``, ``applied``, ``failed``, ``deleting``, or ``None`` where not set."""
        status: str | None = self.progress["status"]
        return status

    @property
    def busy(self) -> bool:
        """Say whether it may become something else by itself."""
        return self.status in ("applying", "deleting")

    @property
    def heading(self) -> str:
        """Return over what :attr:`words` stands."""
        if self.status is None:
            return "Without mailpanel"
        return "Now" if self.status == "applied" else "Wanted"

    @property
    def words(self) -> list[str]:
        """Return what is so, or what is wanted, in sentences."""
        if self.state is not None and self.state.is_set:
            return [self.setting.in_words(self.state.value)]
        if self.status is not None:
            return ["Each host gets back what stood there before mailpanel."]
        return self.before

    def live(self, host: HostPart) -> str | None:
        """Return in words what *host* still runs with after a change that failed, if known."""
        if host.live is None:
            return None
        value = self.values.get(host.live)
        if value is not None:
            return f"Live there is revision {host.live}: {self.setting.in_words(value)}"
        if host.live:
            return f"Live there is revision {host.live}."
        words = self.setting.unset
        if host.present is not None:
            words = self.setting.present_in_words(host.present)
        return f"Live there is what the host has of its own: {words}"

    @property
    def can_try_again(self) -> bool:
        """Say whether the very same may be wanted once more."""
        return self.status == "failed" and not self.setting.generates

    @property
    def before(self) -> list[str]:
        """Return what is so without mailpanel; host by host where they differ."""
        by_words: dict[str, list[str]] = {}
        for host in self.hosts:
            words = self.setting.unset
            if host.present is not None:
                words = self.setting.present_in_words(host.present)
            by_words.setdefault(words, []).append(host.name)
        if not by_words:
            return [self.setting.unset]
        if len(by_words) == 1:
            return list(by_words)
        return [f"{', '.join(names)}: {words}" for words, names in by_words.items()]

    @property
    def is_reset(self) -> bool:
        """Say whether what is under way, or has failed, is a reset."""
        return self.state is not None and not self.state.is_set

    @property
    def verb(self) -> str:
        """Return what the link to the setting's page promises."""
        if self.setting.generates:
            return "Make a new one" if self.status else "Make one"
        return "Change" if self.status else "Set up"

    @property
    def chip(self) -> Chip:
        """Return the status of all hosts together."""
        match self.status:
            case None:
                return Chip("not set", "none")
            case "failed":
                word = "reset failed" if self.is_reset else "failed"
                return Chip(f"{word}{self._how_many('failed')}", "bad")
            case "applied":
                return self._applied
        word = "resetting" if self.is_reset else "applying"
        return Chip(word if self.hosts else "waiting for a host", "busy")

    @property
    def _applied(self) -> Chip:
        ailing = sum(1 for host in self.hosts if host.relay_ails)
        if ailing:
            return Chip(f"{RELAY_AILS.text}{self._of_all(ailing)}", RELAY_AILS.kind)
        edited = sum(1 for host in self.hosts if host.drift)
        if edited:
            return Chip(f"edited by hand{self._of_all(edited)}", "bad")
        coming = [each for host in self.hosts if (each := host.effective_from)]
        if coming:
            return Chip(f"from {max(coming):%-d %B, %H:%M} UTC", "busy")
        return Chip(f"applied{self._how_many('applied')}", "ok")

    def _how_many(self, status: str) -> str:
        return self._of_all(sum(1 for host in self.hosts if host.status == status))

    def _of_all(self, count: int) -> str:
        return f" on {count} of {len(self.hosts)}" if len(self.hosts) > 1 else ""


def card_of(request: Any, setting: Any) -> Card:
    """Return the card of *setting*."""
    changes = request.changes
    card = Card(setting, changes.get(setting.name), changes.status(setting.name))
    live = {host.live for host in card.hosts if host.live}
    return replace(card, values=request.history.values(setting.name, live)) if live else card
