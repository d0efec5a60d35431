"""mailpanel.forms: from a schema to a form, and back."""

from __future__ import annotations

import re

import colander
import pytest

from mailpanel.errors import FieldError, InvalidFields
from mailpanel.forms import AGAIN, KEPT, RETYPE, Form, password_form, setting_form, typed_in
from mailpanel.schema import Hostname, Integer, Null, Object, OneOf, Secret, Text
from mailpanel.settings import SETTINGS

RELAYHOST = SETTINGS["postfix_relayhost"]
TEXTS = {"server_hostname": " relay.example ", "server_port": "587", "password": " p "}


class EverySchema(colander.MappingSchema):
    """One node of each kind that a setting may have."""

    schema_type = Object

    server = colander.SchemaNode(Hostname(), title="Server")
    count = colander.SchemaNode(Integer(1, 9), title="Count", description="How many.")
    name = colander.SchemaNode(Text(20), title="Name", missing=colander.drop)
    choice = colander.SchemaNode(OneOf(("a", "b")), title="Choice", labels={"a": "the first"})
    other = colander.SchemaNode(OneOf(("a", "b")), title="Other", missing=colander.drop)
    secret = colander.SchemaNode(Secret(), title="Secret", missing=colander.drop)
    nothing = colander.SchemaNode(Null(), missing=colander.drop)


def every(texts=None, **more) -> Form:
    return Form(EverySchema().bind(form=True), texts or {}, **more)


def options(html: str, name: str) -> list[str]:
    (select,) = re.findall(rf'<select[^>]* name="{name}".*?</select>', html, re.DOTALL)
    return re.findall(r"<option[^>]*>([^<]*)</option>", select)


def test_a_node_that_takes_nothing_has_no_field():
    """There is nothing to type."""
    assert list(every().fields) == ["server", "count", "name", "choice", "other", "secret"]


def test_a_choice_that_may_be_left_out_says_so():
    """One that may not has no empty word."""
    html = every().render(csrf_token="t", submit="Save")
    assert options(html, "choice") == ["the first", "b"]
    assert options(html, "other") == ["the default", "a", "b"]


def test_blanks_at_the_ends_are_taken_off_but_for_a_secret():
    """There they are part of it, or an error with a reason."""
    cstruct = every({"server": " x ", "count": " 1 ", "secret": " s "}).cstruct
    assert (cstruct["server"], cstruct["count"], cstruct["secret"]) == ("x", "1", " s ")


def test_what_is_typed_may_be_kept_but_for_a_secret():
    """Whatever the secret is called."""
    assert every({"server": "x", "secret": "s", "unknown": "y"}).typed == {"server": "x"}
    assert typed_in(RELAYHOST.name, TEXTS) == {
        "server_hostname": " relay.example ",
        "server_port": "587",
        RETYPE: "password",
    }
    assert RETYPE not in typed_in(RELAYHOST.name, {**TEXTS, "password": ""})
    assert typed_in("nothing", TEXTS) == {}


@pytest.mark.parametrize("kept", [True, False])
def test_a_secret_is_never_rendered_and_one_that_was_typed_is_asked_for_again(kept):
    """A stored one is told of where a blank field keeps it, which it no longer does then."""
    assert (KEPT in every(kept=kept).render(csrf_token="t", submit="Save")) == kept
    form = every({"secret": "s3cret"}, kept=kept)
    html = form.render(csrf_token="t", submit="Save")
    assert "s3cret" not in html
    assert KEPT not in html
    assert AGAIN in html
    assert f'name="{RETYPE}" value="secret"' in html


@pytest.mark.parametrize("kept", [True, False])
def test_a_secret_that_is_owed_is_an_error_until_it_is_typed(kept):
    """Whoever wants the stored one after all loads the page again."""
    texts = dict.fromkeys(every().fields, "") | {RETYPE: "secret server"}
    form = every(texts, kept=kept)
    (error,) = form.unsent
    assert error.field == "secret"
    assert ("stored" in error.detail) == kept
    assert form.retype == "secret"
    assert every({**texts, "secret": "x"}, kept=kept).unsent == []


def test_errors_stand_beside_their_fields_and_the_focus_on_the_first():
    """What is about none of the fields stands above them."""
    form = every({"server": "x"})
    form.show(
        [FieldError("choice", "Choose."), FieldError("count", "Count."), FieldError("x", "Else.")]
    )
    html = form.render(csrf_token="t", submit="Save")
    assert (form.wrong, form.others) == (2, ["Else."])
    (focused,) = re.findall(r"<\w+[^>]*autofocus[^>]*>", html)
    assert 'name="count"' in focused
    oid = re.search(r'id="([^"]*)"', focused)[1]
    assert f'aria-describedby="error-{oid} help-{oid}"' in focused
    assert 'aria-invalid="true"' in focused
    assert re.search(rf'id="error-{oid}"\s*>.*Count\.</p>', html)


def test_a_stored_value_stands_in_the_form():
    """Without what is null, and without the secret that is stored beside it."""
    form = setting_form(
        SETTINGS["junk_trash_clearing_interval"], {"junk_days": 7, "trash_days": None}
    )
    assert form.texts == {"junk_days": "7"}


def test_the_new_password_is_typed_twice():
    """The same, and the present one is whatever it is."""
    good = {"current": " odd \t", "password": "new", "again": "new"}
    assert password_form(good).validate() == good
    with pytest.raises(InvalidFields) as caught:
        password_form({**good, "again": "other"}).validate()
    assert [error.field for error in caught.value.errors] == ["again"]
    with pytest.raises(InvalidFields) as caught:
        password_form({}).validate()
    assert {error.field for error in caught.value.errors} == {"current", "password", "again"}
