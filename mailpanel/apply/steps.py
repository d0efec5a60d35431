"""What a test did, step by step: how each went, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from mailpanel.errors import MailpanelError
from mailpanel.reports import Step

__all__ = ["Steps"]


class Steps:
    """Takes the steps down while they are gone through."""

    def __init__(self) -> None:
        self.taken: list[Step] = []

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Take down what is done within as the step *name*.

        A sentence put into the list that is yielded tells of it; where an error of
        mailpanel's own is raised the step has failed, and that is its sentence.
        """
        says: list[str] = []
        started = time.monotonic()
        ok = False
        try:
            yield says
            ok = True
        except MailpanelError as error:
            says[:] = [str(error)]
            raise
        finally:
            duration = round((time.monotonic() - started) * 1000)
            self.taken.append(Step(name, ok, duration, " ".join(says)))
