"""What one module takes from another stands in that one's ``__all__``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import mailpanel

ROOT = Path(mailpanel.__file__).parent


def modules() -> dict[str, ast.Module]:
    """Return the syntax trees of all modules by name, without Alembic's scripts."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        if "migrations" not in parts:
            name = ".".join(part for part in parts if part != "__init__")
            found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


MODULES = modules()


def defined(tree: ast.Module) -> Iterator[str]:
    """Yield what the module makes at its top level: functions, classes and constants."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def declared(tree: ast.Module) -> set[str]:
    """Return the names in ``__all__``."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def taken(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each module and name that the module takes from mailpanel."""
    imported = [
        (node.module, alias)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    yield from ((module, alias.name) for module, alias in imported)
    called = {alias.asname or alias.name: f"{module}.{alias.name}" for module, alias in imported}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield called.get(node.value.id, ""), node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # Pyramid takes tweens by their dotted names.
            module, _, name = node.value.rpartition(".")
            yield module, name


TAKEN = {each for tree in MODULES.values() for each in taken(tree)}


@pytest.mark.parametrize("name", MODULES)
def test_what_others_take_is_public(name: str) -> None:
    """A name that begins with ``_`` is for its own module alone."""
    made = set(defined(MODULES[name])) - {"__all__"}
    used = {each for module, each in TAKEN if module == name and each in made}
    assert used - declared(MODULES[name]) == set()


@pytest.mark.parametrize("name", [each for each in MODULES if not each.endswith("__main__")])
def test_what_is_public_is_there(name: str) -> None:
    """Each name once, and each can be had."""
    module = import_module(name)
    assert {each for each in declared(MODULES[name]) if not hasattr(module, each)} == set()
