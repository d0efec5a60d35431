"""Which module may import what: the privilege boundary, and what keeps a setting one module."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import mailpanel

ROOT = Path(mailpanel.__file__).parent


@dataclass(frozen=True)
class Layer:
    """What the modules of a layer may import beside the standard library: ``own`` of
    mailpanel's, with all below them, and ``foreign`` packages."""

    own: frozenset[str]
    foreign: frozenset[str] = frozenset()


def layer(own: str = "", foreign: str = "") -> Layer:
    """Return a layer; names are divided by blanks, those of mailpanel's own without that."""
    return Layer(frozenset(own.split()), frozenset(foreign.split()))


# What stands between the services and the views: all that knows Pyramid, but views.
WEB = "resources security cookies headers renderers routes waits on_host faults step_up"
CORE = "errors plan schema hostnames jsonform settings words"

# A module belongs to the longest name that it begins with.
LAYERS = {
    "mailpanel": layer("app"),
    "words": layer(),
    "dates": layer("words"),
    "errors": layer("words"),
    "plan": layer(),
    "deployment": layer("errors"),
    "ini": layer("errors"),
    "layout": layer("errors deployment"),
    "privileges": layer("errors deployment layout"),
    "seal": layer("errors key_files", "nacl"),
    "key_files": layer("errors"),
    "vault": layer("key_files", "nacl"),
    "qr": layer("", "segno"),
    "addresses": layer(),
    "system_log": layer(),
    "reports": layer(),
    "relay_words": layer("errors words"),
    "waiting_words": layer("dates words"),
    "heard": layer("relay_words words"),
    "letters": layer(),
    "hostnames": layer("words", "idna"),
    "schema": layer(CORE, "colander"),
    "jsonform": layer(CORE, "colander"),
    # argon2 makes the hash of a password that is generated, of what the caller draws.
    "settings": layer(f"{CORE} addresses", "colander argon2"),
    "fields": layer("schema words", "colander"),
    "bodies": layer("errors jsonform schema fields services settings words", "colander"),
    "jsonschema": layer("schema fields", "colander"),
    "openapi": layer("openapi bodies jsonschema settings"),
    "paging": layer(),
    "host": layer(
        "host errors letters plan relay_words waiting_words reports deployment layout seal"
    ),
    "models": layer("models", "sqlalchemy"),
    "services": layer(
        "services models settings seal vault errors reports system_log words",
        "sqlalchemy alembic argon2 psycopg pyotp",
    ),
    "apply": layer(
        "apply services settings host seal errors plan deployment layout privileges addresses "
        "letters relay_words reports system_log words",
        "aiosmtplib",
    ),
    "credentials": layer(),
    "headers": layer("errors services"),
    "cookies": layer(),
    "security": layer("cookies credentials errors services", "pyramid"),
    "csrf": layer("cookies security", "pyramid zope"),
    "resources": layer("security errors services settings words", "pyramid"),
    "collaborators": layer("services settings seal vault", "pyramid"),
    "waits": layer("headers errors services", "pyramid"),
    "on_host": layer("errors services"),
    "renderers": layer("errors jsonform", "pyramid"),
    "assets": layer(),
    "languages": layer("errors words", "pyramid webob"),
    "pages": layer("dates languages security settings words", "pyramid chameleon"),
    "_widgets": layer("schema fields words", "colander deform"),
    "forms": layer("_widgets schema settings errors words", "colander deform"),
    "people_forms": layer("forms bodies settings words", "colander"),
    "faults": layer("errors"),
    "checks": layer("renderers security", "pyramid"),
    "step_up": layer(),
    "rate_limit": layer("errors services words", "pyramid"),
    "protection": layer(),
    "tweens": layer("faults protection renderers security", "pyramid"),
    "routes": layer("resources", "pyramid"),
    "app": layer("deployment security", "pyramid"),
    "views": layer(f"{WEB} errors jsonform openapi bodies paging", "pyramid"),
    "views.panel": layer(
        f"{WEB} errors forms people_forms qr languages words heard waiting_words dates views.panel",
        "pyramid deform",
    ),
    "cli": layer(
        "mailpanel cli apply services settings host playground seal vault errors deployment ini "
        "layout privileges schema jsonform openapi app protection system_log __version__",
        "click waitress",
    ),
    "playground": layer(
        "playground host services apply app cli deployment layout ini errors", "aiosmtpd trustme"
    ),
}

# What runs as root must not load any of this, not even by way of another module.
NEVER_AS_ROOT = (
    "services",
    "models",
    "views",
    "app",
    "apply.courier",
    "apply.probes",
    "apply.probe_words",
    "apply.logging_in",
    "apply.reaching",
    "apply.sending",
)
NEVER_AS_ROOT_FOREIGN = {"sqlalchemy", "alembic", "pyramid", "aiosmtplib", "waitress"}


def modules() -> dict[str, Path]:
    """Return all modules by name, mailpanel's own prefix left out."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        # The migrations are Alembic's scripts, no modules of the package.
        if parts[0] != "migrations":
            found[".".join(part for part in parts if part != "__init__") or "mailpanel"] = path
    return found


MODULES = modules()


def imports(path: Path) -> Iterator[str]:
    """Yield the full names that the module at *path* imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports are not read here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(path: Path) -> set[str]:
    """Return what the module at *path* imports of mailpanel, that prefix left out."""
    names = (name for name in imports(path) if name.split(".")[0] == "mailpanel")
    return {name.removeprefix("mailpanel.") for name in names}


def foreign(path: Path) -> set[str]:
    """Return the packages of others that the module at *path* imports."""
    tops = {name.split(".")[0] for name in imports(path)}
    return tops - set(sys.stdlib_module_names) - {"mailpanel"}


def is_below(name: str, tops: frozenset[str] | tuple[str, ...]) -> bool:
    """Say whether *name* is one of *tops*, or in one of them."""
    return any(name == top or name.startswith(f"{top}.") for top in tops)


def layer_of(name: str) -> Layer:
    """Return the layer that the module *name* belongs to."""
    return LAYERS[max((top for top in LAYERS if is_below(name, (top,))), key=len)]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_what_its_layer_may(name):
    """A module in no layer fails here too: give it one."""
    allowed = layer_of(name)
    assert {each for each in own(MODULES[name]) if not is_below(each, allowed.own)} == set()
    assert foreign(MODULES[name]) <= allowed.foreign


@pytest.mark.parametrize("name", [each for each in MODULES if not each.startswith("views")])
def test_nothing_imports_views(name):
    """They are found by a scan."""
    assert not any(is_below(each, ("views",)) for each in own(MODULES[name]))


@pytest.mark.parametrize("name", [each for each in MODULES if each.startswith("host")])
def test_the_engine_knows_no_setting(name):
    """It carries out changes, whoever wants them."""
    text = MODULES[name].read_text(encoding="utf-8")
    assert not any(f'"{path.stem}"' in text for path in (ROOT / "settings").glob("[a-z]*.py"))


def test_what_runs_as_root_loads_no_database_no_web_and_no_network_client():
    """Nor does anything that it imports."""
    loaded, waiting = set(), ["apply.service"]
    while waiting:
        name = waiting.pop()
        if name in MODULES and name not in loaded:
            loaded.add(name)
            # A name is a module, or something in one; and with a module its package is loaded.
            for each in (name, *own(MODULES[name])):
                waiting += [each, each.rpartition(".")[0]]
    assert "apply.executor" in loaded
    assert not any(is_below(name, NEVER_AS_ROOT) for name in loaded)
    assert not NEVER_AS_ROOT_FOREIGN & {top for name in loaded for top in foreign(MODULES[name])}
