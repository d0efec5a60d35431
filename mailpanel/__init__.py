"""mailpanel: a settings panel for mail servers that run Postfix and Dovecot."""

from __future__ import annotations

from typing import Any

__all__ = ["__version__", "main"]

__version__ = "0.1.0"


def main(_global_config: dict[str, str] | None, **settings: str) -> Any:
    """Make the WSGI application; the entry point of ``use = egg:mailpanel``.

    *settings* are the ``[app:main]`` options of the ini, as text. Raises
    :class:`mailpanel.errors.DeploymentError` where one of them is wrong.
    """
    # Imported here, so that the executor, which runs as root, never loads the web.
    from mailpanel.app import make_app

    return make_app(settings)
