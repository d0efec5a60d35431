"""Hosts that answer what is asked of them, in a thread of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from panel import Panel
from sqlalchemy.orm import Session

from mailpanel.models import ErrandRow
from mailpanel.services.taken_errands import TakenErrands

__all__ = ["answering"]


@contextmanager
def answering(
    panel: Panel,
    does: Callable[[Session, ErrandRow], None] | None = None,
    **answers: dict[str, Any],
) -> Iterator[None]:
    """Let each host in *answers* take what it is asked, do what it *does*, and answer so."""
    panel.wsgi.registry.errand_wait = 20
    for host in answers:
        panel.hosts.checked_in(host, {})
    over = threading.Event()

    def answer() -> None:
        for host, said in answers.items():
            while not (errands := TakenErrands(panel.database).take(host)):
                if over.wait(0.01):
                    return
            with panel.database.writing() as session:
                errand = session.get_one(ErrandRow, errands[0].number)
                if does is not None:
                    does(session, errand)
                errand.answer = said

    with ThreadPoolExecutor(1) as executor:
        done = executor.submit(answer)
        try:
            yield
        finally:
            over.set()
        done.result()
