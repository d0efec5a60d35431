"""The overview: what needs a person, and how each setting stands."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from mailpanel.resources import Clearing, Settings
from mailpanel.security import Permission
from mailpanel.views.panel._cards import Card, card_of
from mailpanel.views.panel._notices import not_cleared, notices
from mailpanel.views.panel._runs import Run, cleared
from mailpanel.words import _, counted

__all__ = ["overview"]


@view_config(
    route_name="panel.overview",
    request_method="GET",
    permission=Permission.LIST_SETTINGS,
    renderer="overview.pt",
)
def overview(context: Settings, request: Any) -> dict[str, Any]:
    """Return all settings, and before them what is wrong."""
    cards = [card_of(request, setting) for setting in context.registered]
    clearing = [card for card in cards if card.setting.name == Clearing.interval]
    failed = [Run(each) for each in request.clearings.failed()]
    return {
        "title": _("Overview"),
        "cards": cards,
        "cleared": {card.setting.name: cleared(request, card) for card in clearing},
        "notices": [
            *notices(cards),
            *(notice for card in clearing for notice in not_cleared(card, failed)),
        ],
        "busy": any(card.busy for card in cards),
        "hosts": _hosts(cards),
    }


def _hosts(cards: list[Card]) -> str:
    """Return how many hosts there are, and how many of them are not there."""
    hosts = cards[0].hosts
    away = sum(1 for host in hosts if host.away)
    if not hosts:
        return ""
    if away:
        return counted(
            "${count} host, ${away} not there",
            "${count} hosts, ${away} not there",
            len(hosts),
            away=away,
        )
    return counted("${count} host", "${count} hosts", len(hosts))
