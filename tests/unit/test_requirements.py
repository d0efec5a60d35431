"""requirements/*.txt: all that setup.py asks for, to the byte, on every Python that serves."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
# Debian 12's, one between, and Debian 13's.
PYTHONS = ("3.11.2", "3.12.1", "3.13.5")
PURPOSES = {
    "installation": ["RUNTIME"],
    "postgresql": ["RUNTIME", "POSTGRESQL"],
    "playground": ["RUNTIME", "PLAYGROUND"],
    "tests": ["RUNTIME", "POSTGRESQL", "PLAYGROUND", "TESTS"],
}


def asked_for() -> dict[str, list[Requirement]]:
    """Return the lists of setup.py."""
    lists = {}
    for node in ast.parse((ROOT / "setup.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List):
            name = ast.unparse(node.targets[0])
            lists[name] = [Requirement(text) for text in ast.literal_eval(node.value)]
    return lists


def locked(purpose: str) -> list[tuple[Requirement, str]]:
    """Return each requirement of a file with what follows it there, up to the next one."""
    text = (ROOT / "requirements" / f"{purpose}.txt").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    found = re.findall(r"^(\S.*?) \\\n((?:    .*\n)+)", text, re.MULTILINE)
    assert sum(1 + rest.count("\n") for _, rest in found) == text.count("\n")
    return [(Requirement(line), rest) for line, rest in found]


def versions(purpose: str, python: str) -> dict[str, str]:
    """Return what is installed on *python*, under Linux."""
    environment = {
        "python_full_version": python,
        "python_version": ".".join(python.split(".")[:2]),
    }
    return {
        canonicalize_name(each.name): str(each.specifier).removeprefix("==")
        for each, _ in locked(purpose)
        if each.marker is None or each.marker.evaluate(environment)
    }


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_what_setup_asks_for_is_locked(purpose: str, python: str) -> None:
    """In a version that it takes; `make lock` mends it."""
    lists = asked_for()
    found = versions(purpose, python)
    for requirement in (each for name in PURPOSES[purpose] for each in lists[name]):
        assert requirement.specifier.contains(found[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("purpose", PURPOSES)
def test_each_is_one_version_with_digests(purpose: str) -> None:
    """And comes from wherever pip is told to get things: no file names a place."""
    for requirement, rest in locked(purpose):
        assert re.fullmatch(r"==[0-9a-z.]+", str(requirement.specifier))
        assert requirement.url is None
        assert re.fullmatch(r"(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+", rest)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("purpose", ["installation", "postgresql", "playground"])
def test_what_is_tested_is_what_is_installed(purpose: str, python: str) -> None:
    """The tests' file has the same versions."""
    assert versions(purpose, python).items() <= versions("tests", python).items()


@pytest.mark.parametrize("purpose", ["installation", "postgresql", "playground"])
def test_no_test_tool_is_installed(purpose: str) -> None:
    """Where mailpanel runs, nothing is that only its tests need."""
    tools = {canonicalize_name(each.name) for each in asked_for()["TESTS"]}
    assert not tools & set(versions(purpose, PYTHONS[0]))
