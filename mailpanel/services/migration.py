"""The Alembic migrations, run by the program itself."""

from __future__ import annotations

from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from mailpanel.models import Base

__all__ = ["OPTIONS", "Migration"]

# What alembic/env.py is configured with too. SQLite alters a table by copying it (batch),
# and its DDL is transactional, since services.database begins transactions itself.
OPTIONS: dict[str, Any] = {
    "target_metadata": Base.metadata,
    "render_as_batch": True,
    "transactional_ddl": True,
}


class Migration:
    """The steps from any older shape of the tables to this release's.

    All scripts are read when it is made: after root has become the unprivileged
    user, their directory may be out of reach. That is also why alembic/env.py,
    which Alembic reads when it runs, serves the ``alembic`` command alone.
    """

    def __init__(self) -> None:
        self._config = Config()
        self._config.set_main_option("script_location", "mailpanel:migrations")
        self._scripts = ScriptDirectory.from_config(self._config)
        self._scripts.get_revisions("heads")

    def upgrade(self, connection: Connection) -> None:
        """Take the steps that are missing, within the transaction of *connection*."""

        def missing(revision: Any, _context: MigrationContext) -> Any:
            return self._scripts._upgrade_revs("head", revision)  # as alembic.command.upgrade does

        with EnvironmentContext(
            self._config, self._scripts, fn=missing, destination_rev="head"
        ) as environment:
            environment.configure(connection=connection, **OPTIONS)
            environment.run_migrations()
