"""The courier's process: imports, then no more root, then work.

Started as ``python -m mailpanel.apply._courier_main FD`` with a connected socket
as FD, and the deployment options as JSON on standard input.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import sys
from typing import IO, Any

from mailpanel.apply.courier import Courier
from mailpanel.apply.own_ports import OwnPorts
from mailpanel.deployment import Deployment
from mailpanel.errors import MailpanelError
from mailpanel.privileges import become_user
from mailpanel.services.claimed_clearings import ClaimedClearings
from mailpanel.services.database import Database
from mailpanel.services.hosts import Hosts
from mailpanel.services.listen import make_listener
from mailpanel.services.taken_errands import TakenErrands

__all__ = ["main", "read_deployment"]


def read_deployment(stream: IO[str]) -> Deployment:
    """Return the options that the executor writes to *stream* as JSON."""
    data: dict[str, Any] = json.load(stream)
    lists = {name: tuple(value) for name, value in data.items() if isinstance(value, list)}
    options: dict[str, Any] = data | lists
    return Deployment(**options)


def main() -> int:
    """Run the courier; return its exit code."""
    logging.basicConfig(format="mailpanel apply: %(message)s", level=logging.INFO)
    # It ends with the executor, which may still have something to say.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    end = socket.socket(fileno=int(sys.argv[1]))
    deployment = read_deployment(sys.stdin)
    try:
        database = Database(deployment.database_url)
        listener = make_listener(database, deployment.wake_socket)
        # The kernel then also keeps the web, which is the same user, from reading this
        # process's memory: a change of user makes a process undumpable (prctl(2)).
        become_user(deployment)
        courier = Courier(
            Hosts(database),
            TakenErrands(database),
            deployment.host_name,
            listener,
            deployment.check_interval,
            clearings=ClaimedClearings(database, deployment.host_name, deployment.mail_store),
            own_ports=OwnPorts(deployment.relay_allow),
        )
        asyncio.run(courier.run(end))
    except MailpanelError as error:
        logging.getLogger(__name__).error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
