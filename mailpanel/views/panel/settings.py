"""The page of a setting: its form, how far the hosts are, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pyramid.view import view_config, view_defaults

from mailpanel.errors import InvalidFields, PreconditionFailed
from mailpanel.forms import Form, setting_form
from mailpanel.headers import NOT_SET, if_match
from mailpanel.resources import Setting
from mailpanel.security import Permission
from mailpanel.step_up import StepUp
from mailpanel.views.panel._cards import Card, card_of
from mailpanel.views.panel._deletions import BACK, is_confirmed, question
from mailpanel.views.panel._flash import lead
from mailpanel.words import _

__all__ = [
    "Page",
    "ResetViews",
    "SettingPages",
    "SettingViews",
    "form_on",
    "present_revision",
    "try_again",
]

# A second click on Save comes within this time; whoever types takes longer.
DOUBLE_CLICK = timedelta(seconds=3)

Page = dict[str, Any]

# Whoever makes a setting's secret is shown it, and can open doors with it.
OF_GENERATED = StepUp(only=lambda context: context.setting.generates)


class SettingPages:
    """What the views of a setting's pages share."""

    def __init__(self, context: Setting, request: Any) -> None:
        self.context = context
        self.request = request

    @property
    def expected(self) -> str:
        """Return the revision that the form was made from; empty where none was set."""
        revision: str = self.request.POST.get("revision", "")
        return revision

    @property
    def condition(self) -> Any:
        """Return the condition that nobody has changed the setting since the form was made."""
        return if_match(f'"{self.expected}"') if self.expected else NOT_SET

    @property
    def path(self) -> str:
        """Return the path of the setting's page."""
        path: str = self.request.route_path("panel.setting", setting=self.context.name)
        return path

    def back(self, flash: str) -> Any:
        """Return the redirect to the setting's page, which shows *flash*."""
        return lead(self.request, flash, "panel.setting", setting=self.context.name)

    def page(self, card: Card, form: Form) -> Page:
        """Return what the setting's page shows."""
        return {
            "title": card.setting.title,
            "card": card,
            "busy": card.busy,
            "form": form,
            "revision": present_revision(card),
            "theirs": None,
            "draft": False,
            "once": None,
            "was_shown": False,
            "trials": None,
            "trying": None,
            "typed": True,
            "message_to": own_address(self.request, self.context.setting),
            "with_message": False,
        }


@view_defaults(route_name="panel.setting", renderer="setting.pt")
class SettingViews(SettingPages):
    """Look at a setting and change it."""

    @view_config(request_method="GET", permission=Permission.READ_SETTING)
    def show(self) -> Page:
        """Return the form with the stored value, or with what could not be saved before."""
        card = card_of(self.request, self.context.setting)
        draft = self.request.notes.get("draft", {})
        if draft.get("setting") != self.context.name:
            return self.page(card, form_on(card))
        page = self.page(card, form_on(card, draft["texts"]))
        return page | {"draft": True, "revision": draft["revision"]}

    @view_config(request_method="POST", permission=Permission.CHANGE_SETTING, step_up=OF_GENERATED)
    def save(self) -> Any:
        """Save what was typed; what cannot be saved comes back, but for passwords.

        What would delete more than is deleted so far is asked about first.
        """
        card = card_of(self.request, self.context.setting)
        form = form_on(card, self.request.POST)
        if BACK in self.request.POST:
            return self.page(card, form) | {"revision": self.expected}
        try:
            value = self._deletes_more(form)
            if value is not None:
                return question(self, card, value, form.texts)
            state = self.request.changes.set(
                self.context.name,
                form.cstruct,
                self.request.author,
                form=True,
                errors=form.unsent,
                if_match=self.condition,
            )
        except InvalidFields as error:
            form.show(error.errors)
            self.request.response.status_int = 422
            return self.page(card, form) | {"revision": self.expected}
        except PreconditionFailed:
            return self._overtaken(form)
        if state.generated is None:
            return self.back(_("Saved."))
        return self.page(card_of(self.request, card.setting), form) | {"once": state.generated}

    def _deletes_more(self, form: Form) -> dict[str, Any] | None:
        """Return what would delete more, unless that is confirmed."""
        if is_confirmed(self.request, self.context.setting):
            return None
        value: dict[str, Any] | None = self.request.changes.deletes_more(
            self.context.name, form.cstruct, self.condition, form=True, errors=form.unsent
        )
        return value

    def _overtaken(self, form: Form) -> Any:
        """Answer somebody whose form was made from what is no longer the present value."""
        card = card_of(self.request, self.context.setting)
        if _was_this(card, form, self.request.author.username):
            return self.back(_("Saved."))
        self.request.response.status_int = 412
        if card.setting.generates:
            return self.page(card, form) | {"was_shown": True}
        return self.page(card, form_on(card, form.texts)) | {"theirs": _differences(card, form)}


@view_defaults(route_name="panel.reset", renderer="reset.pt")
class ResetViews(SettingPages):
    """Put back what stood there before mailpanel, after a question."""

    @view_config(request_method="GET", permission=Permission.READ_SETTING)
    def ask(self) -> Page:
        """Return what would be true then."""
        card = card_of(self.request, self.context.setting)
        title = _("Reset ${setting}", setting=card.setting.title)
        return {
            "title": title,
            "card": card,
            "revision": present_revision(card),
            "overtaken": False,
        }

    @view_config(request_method="POST", permission=Permission.CHANGE_SETTING, step_up=OF_GENERATED)
    def reset(self) -> Any:
        """Reset, unless somebody has changed the setting since the question."""
        card = card_of(self.request, self.context.setting)
        try:
            self.request.changes.reset(self.context.name, self.request.author, self.condition)
        except PreconditionFailed:
            if not present_revision(card):
                return self.back(_("It is reset already."))
            self.request.response.status_int = 412
            return self.ask() | {"overtaken": True}
        return self.back(_("Reset."))


@view_config(route_name="panel.again", request_method="POST", permission=Permission.CHANGE_SETTING)
def try_again(context: Setting, request: Any) -> Any:
    """Store the very same once more, so that the hosts try again."""
    views = SettingPages(context, request)
    card = card_of(request, context.setting)
    if card.state is not None and not card.state.is_set:
        request.changes.reset(context.name, request.author)
    elif card.state is not None and not context.setting.generates:
        request.changes.set(context.name, card.state.value, request.author, views.condition)
    return views.back(_("Trying again."))


def own_address(request: Any, setting: Any) -> str | None:
    """Return where a test of *setting* can send a message to; empty where there is no address."""
    if not setting.sends_mail:
        return None
    account = request.accounts.get(request.identity.username)
    return account["recovery_email"] or ""


def form_on(card: Card, texts: Mapping[str, str] | None = None) -> Form:
    """Return the setting's form with *texts* in it, or else with the stored value."""
    value = card.state.value if card.state is not None else None
    return setting_form(card.setting, value, texts)


def present_revision(card: Card) -> str:
    """Return the present revision as a form carries it; empty where the setting is not set."""
    return str(card.state.revision) if card.is_set else ""


def _was_this(card: Card, form: Form, username: str) -> bool:
    """Say whether the present value is what *form* has just been saved as, by a double click."""
    created = card.progress["created"]
    if card.progress["author"] != username or card.setting.generates or created is None:
        return False
    just_now = datetime.now(UTC) - datetime.fromisoformat(created) < DOUBLE_CLICK
    return just_now and not _differences(card, form)


def _differences(card: Card, form: Form) -> list[tuple[str, str, str]]:
    """Return each field that differs: its title, what was typed, and what is stored now."""
    stored = form_on(card).typed
    return [
        (title, form.typed.get(name, "").strip(), stored.get(name, ""))
        for name, title in form.fields.items()
        if name in form.typed and form.typed[name].strip() != stored.get(name, "")
    ]
