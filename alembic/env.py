"""The environment of the ``alembic`` command: ``alembic -c development.ini …``.

``mailpanel init`` migrates without it, see mailpanel/services/migration.py.
"""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from mailpanel.deployment import load
from mailpanel.ini import read_ini
from mailpanel.models.meta import UtcDateTime
from mailpanel.services.database import Database
from mailpanel.services.migration import OPTIONS


def in_script(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    # A migration outlives the code of today: it names SQLAlchemy's own types alone.
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


config_file = context.config.config_file_name
deployment = load(read_ini(config_file) if config_file else {})
database = Database(deployment.database_url)
try:
    with database.writing() as session:
        context.configure(connection=session.connection(), render_item=in_script, **OPTIONS)
        context.run_migrations()
finally:
    database.dispose()
