"""What there is to say of a setting: the words, the chip, and each host's part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, reduce
from typing import Any

from mailpanel.dates import minute
from mailpanel.heard import heard
from mailpanel.views.panel._diffs import Diff, diffs_of
from mailpanel.views.panel._relay import Relay
from mailpanel.words import Words, _, counted, joined

__all__ = [
    "STATES",
    "STEPS",
    "Card",
    "Chip",
    "HostPart",
    "card_of",
    "in_words",
    "listed",
    "status_in_words",
]

# The steps in which a host makes a change live, in their order, and what each one does.
STEPS = {
    "read": _("Read the host's configuration"),
    "check": _("Check the new one beside it"),
    "probe": _("Try the new values at the server"),
    "journal": _("Note what the old one was"),
    "swap": _("Put the new one in place"),
    "reload": _("Reload the daemon"),
    "verify": _("See that it lives with it"),
}
WAITING = {
    "wait for mail in flight": _("Waiting for mail that still needs the old way"),
    "put back": _("Putting the old configuration back"),
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
    "overridden",
    "problem",
    "fight",
    "unread_edits",
    "effective_from",
    "relay_health",
    "undelivered",
}


# What a host tells by these names; what is not here is shown as it is called.
TOLD = {
    "msmtp_config_file": _("Msmtp config file"),
    "other_ways": _("Other ways"),
    "log_in_as": _("Log in as"),
    "last_log_in": _("Last log in"),
}
STATUSES = {
    "applied": _("applied"),
    "applying": _("applying"),
    "failed": _("failed"),
    "waiting": _("waiting"),
    "deleting": _("deleting"),
}
STATES = {"done": _("done"), "now": _("now"), "failed": _("failed"), "next": _("next")}


def in_words(name: str) -> str:
    """Return *name*, which is a key, as a person would write it."""
    return TOLD.get(name) or name.replace("_", " ").capitalize()


def status_in_words(status: str | None) -> str:
    """Return *status* of a host, or of a setting, in a word."""
    return _("not set") if status is None else STATUSES.get(status, status)


def listed(names: list[str]) -> str:
    """Return *names*, of which there is one at least, as a sentence has them."""
    return reduce(lambda some, last: _("${some} and ${last}", some=some, last=last), names)


@dataclass(frozen=True, slots=True)
class Chip:
    """A status in a word or a few; *kind* is ``ok``, ``busy``, ``bad`` or ``none``."""

    text: str
    kind: str


RELAY_AILS = Chip(_("mail waits"), "bad")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a change: ``done``, ``now``, ``failed`` or ``next``."""

    text: str
    state: str

    @property
    def in_words(self) -> str:
        """Return the state in a word."""
        return STATES[self.state]


class HostPart:
    """How far one host is with a setting."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.name: str = said["host"]
        self.status: str | None = said["status"]
        self.step: str | None = said["step"]
        self.error: str | None = heard(said["error"])
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
    def overridden(self) -> str | None:
        """Return which lines of the admin's own count in place of what is applied."""
        return self._said.get("overridden") if self.status == "applied" else None

    @property
    def is_edited(self) -> bool:
        """Say whether what counts is not what was applied, by somebody's hand."""
        return bool(self.drift or self.overridden)

    @property
    def edits(self) -> list[Diff]:
        """Return what the host last told of edits, whatever became of a change after it."""
        return diffs_of(self._said.get("drift", ()))

    @property
    def edited_files(self) -> list[str]:
        """Return the names of those files."""
        return list(dict.fromkeys(each.name for each in self.edits))

    @property
    def edited(self) -> Words:
        """Return which files those are, in a sentence."""
        return counted(
            "${files} was edited by hand.",
            "${files} were edited by hand.",
            len(self.edited_files),
            files=listed(self.edited_files),
        )

    @property
    def edit_stands(self) -> Words:
        """Return the same of edits that a change which failed has left."""
        return counted(
            "${files} was edited by hand, and the edit stands.",
            "${files} were edited by hand, and the edit stands.",
            len(self.edited_files),
            files=listed(self.edited_files),
        )

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
            return _("It is not tried again by itself: save it once more.")
        return _("It is tried again at ${time} UTC.", time=f"{datetime.fromisoformat(at):%H:%M:%S}")

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
        return heard(self._said.get("undelivered"))

    @property
    def chip(self) -> Chip:
        """Return the host's status."""
        if self.relay_ails:
            return RELAY_AILS
        if self.is_edited:
            return Chip(_("edited by hand"), "bad")
        if self.status in ("waiting", "applying") and self.away:
            return Chip(_("not there"), "bad")
        if self.status == "applying" and self.step in WAITING:
            return Chip(_("waiting"), "busy")
        kinds = {"applied": "ok", "failed": "bad", "waiting": "busy", "applying": "busy"}
        return Chip(status_in_words(self.status), kinds.get(self.status or "", "none"))

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
            return _("It gets the change when its apply service runs again.")
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
    def is_set(self) -> bool:
        """Say whether a value is wanted."""
        return self.state is not None and self.state.is_set

    @property
    def busy(self) -> bool:
        """Say whether it may become something else by itself."""
        return self.status in ("applying", "deleting")

    @property
    def heading(self) -> str:
        """Return over what :attr:`words` stands."""
        if self.status is None:
            return _("Without mailpanel")
        if self.status != "applied":
            return _("Wanted")
        edited = sum(1 for host in self.hosts if host.is_edited)
        return self._of_all(_("Applied, then edited by hand"), edited) if edited else _("Now")

    @property
    def is_wish(self) -> bool:
        """Say whether :attr:`words` say what is not so yet."""
        return self.status not in (None, "applied")

    @property
    def words(self) -> list[str]:
        """Return what is so, or what is wanted, in sentences."""
        if self.is_set:
            return [self.setting.in_words(self.state.value)]
        if self.status is not None:
            return [_("Each host gets back what stood there before mailpanel.")]
        return self.before

    def live(self, host: HostPart) -> str | None:
        """Return in words what *host* still runs with after a change that failed, if known."""
        if host.live is None:
            return None
        value = self.values.get(host.live)
        if value is not None:
            words = self.setting.in_words(value)
            return _("Live there is revision ${number}: ${words}", number=host.live, words=words)
        if host.live:
            return _("Live there is revision ${number}.", number=host.live)
        words = self.setting.unset
        if host.present is not None:
            words = self.setting.present_in_words(host.present)
        return _("Live there is what the host has of its own: ${words}", words=words)

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
        return [joined(": ", (", ".join(names), words)) for words, names in by_words.items()]

    @property
    def is_reset(self) -> bool:
        """Say whether what is under way, or has failed, is a reset."""
        return self.state is not None and not self.state.is_set

    @property
    def verb(self) -> str:
        """Return what the link to the setting's page promises."""
        if self.setting.generates:
            return _("Make a new one") if self.status else _("Make one")
        return _("Change") if self.status else _("Set up")

    @property
    def chip(self) -> Chip:
        """Return the status of all hosts together."""
        match self.status:
            case None:
                return Chip(_("not set"), "none")
            case "failed":
                word = _("reset failed") if self.is_reset else STATUSES["failed"]
                return Chip(self._how_many(word, "failed"), "bad")
            case "applied":
                return self._applied
        word = _("resetting") if self.is_reset else STATUSES["applying"]
        return Chip(word if self.hosts else _("waiting for a host"), "busy")

    @property
    def _applied(self) -> Chip:
        ailing = sum(1 for host in self.hosts if host.relay_ails)
        if ailing:
            return Chip(self._of_all(RELAY_AILS.text, ailing), RELAY_AILS.kind)
        edited = sum(1 for host in self.hosts if host.is_edited)
        if edited:
            return Chip(self._of_all(_("edited by hand"), edited), "bad")
        coming = [each for host in self.hosts if (each := host.effective_from)]
        if coming:
            return Chip(_("from ${time}", time=minute(max(coming))), "busy")
        return Chip(self._how_many(STATUSES["applied"], "applied"), "ok")

    def _how_many(self, word: str, status: str) -> str:
        return self._of_all(word, sum(1 for host in self.hosts if host.status == status))

    def _of_all(self, word: str, count: int) -> str:
        if len(self.hosts) < 2:
            return word
        return _("${status} on ${count} of ${all}", status=word, count=count, all=len(self.hosts))


def card_of(request: Any, setting: Any) -> Card:
    """Return the card of *setting*."""
    changes = request.changes
    card = Card(setting, changes.get(setting.name), changes.status(setting.name))
    live = {host.live for host in card.hosts if host.live}
    return replace(card, values=request.history.values(setting.name, live)) if live else card
