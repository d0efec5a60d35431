"""The order of the checks: of two faults the earlier one is answered."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from panel import RELAYHOST, Panel

ORDER = (
    "400 path",
    "404 route",
    "405",
    "429",
    "401",
    "403",
    "404 object",
    "406",
    "413",
    "415",
    "400 body",
    "412",
    "422",
)
PAIRS = list(itertools.pairwise(ORDER))

UNKNOWN = "/api/v1/settings/unknown/"
HTML = {"Accept": "text/html"}
TEXT = {"Content-Type": "text/plain"}
LARGE = b"[" * 65_537
BAD_TOKEN = {"Authorization": "Bearer mp_bad"}
STALE = {"If-Match": '"17"'}

# For each pair of neighbours a request with both faults, and more where that is possible.
BOTH: dict[tuple[str, str], dict[str, Any]] = {
    ("400 path", "404 route"): {"url": "/api/v1/nowhere/%ff/", "caller": "nobody"},
    ("404 route", "405"): {"url": "/api/v1/nowhere/", "method": "PUT", "caller": "nobody"},
    ("405", "429"): {"method": "PUT", "headers": BAD_TOKEN},
    ("429", "401"): {"headers": BAD_TOKEN},
    # Basic, with a token that would open 403 and the name of another account.
    ("401", "403"): {"basic": ("MasterAdmin", "MailUser")},
    ("403", "404 object"): {"url": UNKNOWN, "caller": "MailUser", "body": LARGE, "headers": HTML},
    ("404 object", "406"): {"url": UNKNOWN, "body": LARGE, "headers": HTML},
    ("406", "413"): {"body": LARGE, "headers": HTML | TEXT},
    ("413", "415"): {"body": LARGE, "headers": TEXT | STALE},
    ("415", "400 body"): {"body": b"{", "headers": TEXT | STALE},
    ("400 body", "412"): {"body": b"{", "headers": STALE},
    ("412", "422"): {"body": {"server_port": 0}, "headers": STALE},
}


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_the_earlier_fault_is_answered(panel: Panel, first: str, second: str) -> None:
    """As the contract has the order."""
    request = dict(BOTH[first, second])
    if "429" in (first, second):
        panel.throttle()
    if basic := request.pop("basic", None):
        panel.app.authorization = ("Basic", (basic[0], panel.tokens[basic[1]]))
        request["caller"] = "nobody"
    method, url = request.pop("method", "POST"), request.pop("url", RELAYHOST)

    response = panel.call(method, url, **request)

    assert response.status_int == int(first[:3])


@pytest.mark.parametrize("query", ["probe=perhaps", "dry_run=yes"])
def test_a_stale_if_match_is_answered_before_a_bad_query(panel: Panel, query: str) -> None:
    """What the query says is a 422, and so comes after 412."""
    response = panel.call("POST", f"{RELAYHOST}?{query}", body={}, headers=STALE)

    assert response.status_int == 412


def test_a_bad_query_is_answered_with_the_bad_fields(panel: Panel) -> None:
    """All that is wrong at once, so that it is mended at once."""
    response = panel.call("POST", f"{RELAYHOST}?probe=perhaps", body={"server_port": 0})

    fields = {error["field"] for error in response.json["errors"]}
    assert fields == {"probe", "server_port", "server_hostname"}


def test_the_list_of_pairs_is_whole() -> None:
    """Every pair of neighbours, and no other."""
    assert list(BOTH) == PAIRS
