"""Each rule of the contract refuses what breaks it, with the right words and nothing else."""

from __future__ import annotations

import json

import pytest
from panel import Panel
from wrong_inputs import RULES, STORED, WRONG_INPUTS, Wrong, name_of


@pytest.mark.parametrize("wrong", WRONG_INPUTS, ids=name_of)
def test_a_wrong_input_is_refused(panel: Panel, wrong: Wrong) -> None:
    """The status and the fields are as documented, and nothing is repeated or stored."""
    if wrong.stored:
        panel.set(STORED[wrong.setting], wrong.setting)
    if wrong.prepare:
        getattr(panel, wrong.prepare)()

    response = panel.call(wrong.method, wrong.url, wrong.body, wrong.caller, wrong.headers)

    assert response.status_int == wrong.status
    errors = response.json.get("errors", [])
    assert sorted(error["field"] for error in errors) == sorted(wrong.fields)
    for text in wrong.rejected():
        assert text not in response.text
        assert json.dumps(text)[1:-1] not in response.text
    if wrong.prepare != "lose_database":
        assert _is_as_before(panel, wrong)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_a_wrong_input(rule: str) -> None:
    """Nothing of the contract goes untried."""
    assert any(wrong.rule.startswith(rule) for wrong in WRONG_INPUTS)


def _is_as_before(panel: Panel, wrong: Wrong) -> bool:
    response = panel.call("GET", wrong.setting)
    return response.headers.get("ETag") == '"1"' if wrong.stored else response.status_int == 204
