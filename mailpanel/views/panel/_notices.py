"""What needs a person: the worst first, each with its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mailpanel.views.panel._cards import STEPS, Card, HostPart, listed
from mailpanel.views.panel._runs import Run
from mailpanel.words import Words, _, counted, sentences

__all__ = ["Notice", "not_cleared", "notices"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that needs a person: what, why, in the server's own words, and what to do.

    *then* says how things stand after it.
    """

    title: str
    text: str
    then: str = ""
    card: Card | None = None
    host: HostPart | None = None
    """The host on which what was edited can be put back."""
    flush: HostPart | None = None
    """The host on which the mail that waits can be tried now."""
    leads_to: tuple[str, Words] | None = None
    """The route of the page that has more of it, and what is promised there."""


def notices(cards: list[Card]) -> Iterator[Notice]:
    """Yield what needs a person, the worst first."""
    for card in cards:
        yield from _relays(card)
    for card in cards:
        failed = [host for host in card.hosts if host.status == "failed"]
        for host in failed:
            step = _("The step was: ${step}.", step=STEPS[host.step]) if host.step in STEPS else ""
            # Of a host that could not be put back nobody knows without looking.
            live = card.live(host) or ""
            about = {"setting": card.setting.title, "host": host.name}
            failed_change = _("${setting}: the change failed on ${host}", **about)
            failed_reset = _("${setting}: the reset failed on ${host}", **about)
            yield Notice(
                failed_reset if card.is_reset else failed_change,
                host.error or _("The change failed."),
                sentences(step, live),
                card,
            )
    for card in cards:
        yield from _undelivered(card)
        yield from _edits(card)
    hosts = cards[0].hosts if cards else []
    for host in hosts:
        if host.away:
            yield Notice(
                _("${host} has not been seen for a while", host=host.name),
                _(
                    "What you change reaches it when its apply service runs again. If the host is "
                    "gone for good, forget it under Hosts."
                ),
            )
    if not hosts:
        yield Notice(
            _("No mail host has checked in yet"),
            _("Start “mailpanel apply” on your mail host. What you save here reaches it then."),
        )


def _relays(card: Card) -> Iterator[Notice]:
    """Yield where mail does not get to the relay that is live, or still waits for it."""
    for host in card.hosts:
        relay = host.relay
        if relay is not None and relay.needs_a_person:
            text = sentences(*relay.sentences)
            title = relay.title(card.setting.title, host.name)
            yield Notice(title, text, card=card, flush=host)


def not_cleared(card: Card, runs: list[Run]) -> Iterator[Notice]:
    """Yield on which hosts the last of the *runs* that go by *card*'s setting has failed."""
    for run in runs:
        if card.is_set:
            yield Notice(
                _(
                    "${setting}: not everything was cleared on ${host}",
                    setting=card.setting.title,
                    host=run.host,
                ),
                run.error or "",
                _("Dovecot goes on clearing the mailboxes that are used."),
                leads_to=("panel.clearing", _("See the runs")),
            )


def _undelivered(card: Card) -> Iterator[Notice]:
    """Yield on which hosts mailpanel's own mails wait, and why."""
    for host in card.hosts:
        if host.undelivered:
            title = _("mailpanel's own mails do not go out from ${host}", host=host.name)
            yield Notice(title, host.undelivered, card=card)


def _edits(card: Card) -> Iterator[Notice]:
    """Yield what was done by hand on a host where the setting is applied."""
    for host in card.hosts:
        if host.drift:
            yield Notice(
                counted(
                    "${files} was edited by hand on ${host}",
                    "${files} were edited by hand on ${host}",
                    len(host.edited_files),
                    files=listed(host.edited_files),
                    host=host.name,
                ),
                _("${setting} is not there as it was applied.", setting=card.setting.title),
                host.fight or "",
                card,
                host=host,
            )
        if host.overridden:
            yield Notice(
                _(
                    "${setting} is overridden by hand on ${host}",
                    setting=card.setting.title,
                    host=host.name,
                ),
                host.overridden,
                card=card,
            )
        if host.problem:
            yield Notice(
                _(
                    "${setting}: the next change would fail on ${host}",
                    setting=card.setting.title,
                    host=host.name,
                ),
                sentences(host.problem, _("What is applied still counts.")),
                card=card,
            )
