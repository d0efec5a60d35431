"""The question before a value that would delete more mail than is deleted so far.

It is asked with what each mail host counts would go. A host that is away, or that counts
too long, keeps nobody from going on: the page says then that the number is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.renderers import render_to_response

from mailpanel.errors import InvalidFields, Throttled
from mailpanel.views.panel._cards import Card
from mailpanel.views.panel._trials import Trial, size
from mailpanel.words import Words, _, counted, grouped, sentences

__all__ = ["BACK", "CONFIRM", "Losses", "is_confirmed", "losses", "question"]

CONFIRM = "confirm"
"""The field in which the setting's title is typed."""
BACK = "back"
"""The button that leads back to the form with what was typed."""
# Seconds. A preview of many mailboxes takes longer than anybody wants to look at nothing.
PATIENCE = 10


class Losses:
    """What would go at first, as far as the hosts have told: *answers*, and who is *away*."""

    def __init__(
        self, answers: list[dict[str, Any]], away: list[str], why: str | None = None
    ) -> None:
        trials = [Trial(self.counts(each)) for each in answers]
        self.counted = [each for each in trials if each.done and each.is_counted]
        unknown = [_unknown(each) for each in trials if not (each.done and each.is_counted)]
        missing = [
            _("${host} is not there, so what would go on it is not known.", host=name)
            for name in away
        ]
        self.unknown = [*([why] if why else []), *unknown, *missing]
        if not trials and not self.unknown:
            self.unknown = [_("No mail host is there that could count it.")]
        self._complete = all(each.is_complete for each in self.counted)
        self._messages = self._sum("messages")
        self._already = self._messages - sum(each.newly for each in self.counted)

    def counts(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Return what of *answer* counts."""
        return answer

    @property
    def headline(self) -> Words:
        """Return it in a sentence."""
        if not self.counted:
            return _("How much would go is not known.")
        return self._counted if self._messages else self.nothing(complete=self._complete)

    def nothing(self, *, complete: bool) -> Words:
        """Return the sentence where nothing would go."""
        if complete:
            return _("Nothing is old enough yet: it goes as it gets there.")
        return _("Nothing was found so far: it goes as it gets there.")

    @property
    def _counted(self) -> Words:
        found = {"messages": self._messages_in_words, "already": grouped(self._already)}
        if not self._already:
            known, least = _("${messages}.", **found), _("At least ${messages}.", **found)
        else:
            known = _("${messages}, of which ${already} would go already.", **found)
            least = _("At least ${messages}, of which ${already} would go already.", **found)
        return known if self._complete else least

    @property
    def _messages_in_words(self) -> Words:
        if not (found := self._sum("bytes")):
            return counted("${count} message", "${count} messages", self._messages)
        return counted(
            "${count} message (${size})",
            "${count} messages (${size})",
            self._messages,
            size=size(found),
        )

    def _sum(self, name: str) -> int:
        return sum(each.total(name) for each in self.counted)


def is_confirmed(request: Any, setting: Any) -> bool:
    """Say whether the setting's title was typed, in the page's language and whatever case."""
    typed: str = request.POST.get(CONFIRM, "")
    title: str = request.language.say(setting.title)
    return typed.strip().casefold() == title.casefold()


def question(pages: Any, card: Card, value: Mapping[str, Any], texts: Mapping[str, str]) -> Any:
    """Return the page that asks whether *value* is meant; it sends *texts* once more."""
    request = pages.request
    wrong = CONFIRM in request.POST
    request.response.status_int = 422 if wrong else 200
    page = {
        "title": _("Delete more from ${setting}?", setting=card.setting.title),
        "card": card,
        "words": card.setting.in_words(value),
        "losses": losses(request, card, value),
        "fields": {**texts, "revision": pages.expected},
        "wrong": wrong,
    }
    return render_to_response("confirm.pt", page, request, response=request.response)


def losses(
    request: Any, card: Card, value: Mapping[str, Any], kind: type[Losses] = Losses
) -> Losses:
    """Return what the hosts count that *value* deletes, as far as they do so in some seconds."""
    away = [host.name for host in card.hosts if host.away]
    try:
        ticket = request.errands.test(card.setting.name, dict(value), request.author)
    except (Throttled, InvalidFields) as error:
        return kind([], away, str(error))
    return kind(request.answered(ticket, PATIENCE), away)


def _unknown(trial: Trial) -> str:
    if not trial.done:
        return _("${host} is still counting, so what would go on it is not known.", host=trial.host)
    return sentences(_("What would go on ${host} is not known.", host=trial.host), trial.error)
