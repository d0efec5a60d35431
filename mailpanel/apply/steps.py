"""What a test did, step by step: how each went, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mailpanel.errors import MailpanelError
from mailpanel.reports import Step

__all__ = ["Steps", "Tell"]

Tell = Callable[[tuple[Step, ...], str | None], None]


class Steps:
    """Takes the steps down while they are gone through.

    *tell* hears of each beginning and each end: what has been taken down, and what is under way.
    """

    def __init__(self, tell: Tell = lambda _taken, _now: None) -> None:
        self.taken: list[Step] = []
        self._tell = tell

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Take down what is done within as the step *name*.

        A sentence put into the list that is yielded tells of it; where an error of
        mailpanel's own is raised the step has failed, and that is its sentence.
        """
        says: list[str] = []
        self._tell(tuple(self.taken), name)
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
            self._tell(tuple(self.taken), None)
