"""The OpenAPI document is true: schemathesis makes requests of it, right ones and wrong
ones, and holds the answers to it.

Right ones may still break what JSON Schema cannot say: the rules between fields. That it is
nothing else the test itself makes sure of, in the place of the check ``positive_data_acceptance``.

``MAILPANEL_CASES`` is how many requests an administrator makes of each operation, others a
fifth of that; from the same seed each time, but in ``make soak``, where it is set.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from panel import Panel
from schemathesis.checks import CHECKS, load_all_checks

from mailpanel import openapi
from mailpanel.services import errands
from mailpanel.services.tokens import Tokens

# What is generated from the document never reaches the database's own limits;
# test_arbitrary_bodies.py tries those on both.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True, scope="session")
CASES = int(os.environ.get("MAILPANEL_CASES", "15"))
GENERATED = settings(
    max_examples=CASES,
    deadline=None,
    derandomize="MAILPANEL_CASES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
FEWER = settings(GENERATED, max_examples=max(CASES // 5, 1))
# What hypothesis makes of this format by itself is not always a name.
schemathesis.openapi.format(
    "idn-hostname",
    st.from_regex(r"[a-z]{1,9}(\.([a-z0-9]{1,9}|münchen)){0,5}\.[a-z]{2,9}", fullmatch=True),
)

load_all_checks()
# All that there are. positive_data_acceptance would have every right request taken: see above.
CHECKED = [check for check in CHECKS.get_all() if check.__name__ != "positive_data_acceptance"]


class Application:
    """The application of whichever panel there is; the document is read before there is one.

    Each request comes from an address of its own: so many bad credentials from a single one
    would be answered 429.
    """

    def __init__(self) -> None:
        self.panel: Panel | None = None
        self.addresses = ip_network("10.0.0.0/8").hosts()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        environ["REMOTE_ADDR"] = str(next(self.addresses))
        return self.panel.wsgi(environ, start_response)


@pytest.fixture(scope="module", autouse=True)
def _as_many_tests_as_it_takes() -> Iterator[None]:
    """Not by an address, as above: the tests of all administrators are counted together."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(errands, "MOST", 1_000_000)
        yield


application = Application()
# Not by schemathesis.pytest.from_fixture: 4.32 does not work with pytest 9.2.
schema = schemathesis.openapi.from_dict(openapi.document())
schema.app = application
# Its cases for long texts take 40 s to make; wrong_inputs.py has those, test_access.py the methods.
schema.config.phases.coverage.enabled = False
# It would try texts from whatever source it finds, and the test change with any line of it.
schema.config.analysis.constants.enabled = False
# The precondition is looked at before the fields.
schema.config.checks.negative_data_rejection.expected_statuses.append("412")


@pytest.fixture(autouse=True)
def _running(shared_panel: Panel) -> None:
    application.panel = shared_panel
    shared_panel.hosts.checked_in("mail1", {})


# What JSON Schema cannot say: the rules between fields, and what must be a network, a time to
# come, a name that can be printed, a password that few have, a revision that is kept.
BETWEEN_FIELDS = {"message", "username", "password", "security", "networks", "expires", "name"}
# Of a path, what its right answers are beside 200, 204 and 404.
OTHERS = {
    "/accounts/": {409},
    "/auth/": {401},
    "/clearing/run/": {202, 409},
    "/settings/imap_master_password/history/{revision}/restore/": {409},
}


@schema.parametrize()
@GENERATED
def test_an_administrator_gets_what_is_documented(case: Any, shared_panel: Panel) -> None:
    """Every status, header and body; wrong requests are refused, right ones taken."""
    # Nobody applies anything here, and no revision that is made up is the desired one.
    case.headers.pop("Prefer", None)
    case.headers.pop("If-Match", None)
    # A token of the case's own, since some revoke the one in use, or another.
    token = Tokens(shared_panel.database).create("MasterAdmin")
    response = case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKED)
    if not case.meta.generation.mode.is_positive:
        return
    if response.status_code != 422:
        assert response.status_code in {200, 204, 404} | OTHERS.get(case.path, set())
        return
    # JSON Schema takes 587.0 for an integer; the contract does not.
    body = case.body if isinstance(case.body, dict) else {}
    given = {**body, **(case.query or {})}
    floats = {name for name, value in given.items() if isinstance(value, float)}
    assert {error["field"] for error in response.json()["errors"]} <= BETWEEN_FIELDS | floats


@schema.parametrize()
@FEWER
def test_a_stranger_gets_what_is_documented(case: Any) -> None:
    """401, whatever else is wrong."""
    response = case.call_and_validate(checks=CHECKED)
    if case.operation.definition.raw.get("security") == []:
        return
    assert response.status_code in (401, 404)


def limited(case: Any, panel: Panel, caller: str, **limits: Any) -> Any:
    """Return the answer to *caller*, by a token of the case's own; it is what is documented."""
    case.headers.pop("Prefer", None)
    token = Tokens(panel.database).create(caller, **limits)
    return case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKED)


@schema.parametrize()
@FEWER
def test_a_domain_administrator_gets_what_is_documented(case: Any, shared_panel: Panel) -> None:
    """403 but for what is everybody's own."""
    response = limited(case, shared_panel, "DomainAdmin")
    if not case.path.startswith(("/tokens/", "/auth/", "/openapi.json")):
        assert response.status_code in (403, 404)


@schema.parametrize()
@FEWER
def test_a_read_only_token_gets_what_is_documented(case: Any, shared_panel: Panel) -> None:
    """It changes nothing, but ends itself."""
    response = limited(case, shared_panel, "MasterAdmin", read_only=True)
    if case.method != "GET" and case.path != "/auth/":
        assert response.status_code in (403, 404)


def test_the_document_is_valid() -> None:
    """As OpenAPI 3.1 has it."""
    schema.validate()
