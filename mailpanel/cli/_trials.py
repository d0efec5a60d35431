"""What mail hosts say of values that are not saved, printed as it comes."""

from __future__ import annotations

from typing import Any

import click

from mailpanel.services.errands import Errands

__all__ = ["told"]

# A relay that does not answer takes as long, in seconds.
ERRAND_WAIT = 60


def told(errands: Errands, ticket: str) -> int:
    """Print what each host answers to the errands of *ticket*; return the exit status.

    A step is printed as soon as it has ended, host by host: one that is behind another in the
    list is told of when that one is done.
    """
    answers: list[dict[str, Any]] = []
    printed = _Printed()
    for answers in errands.follow(ticket, ERRAND_WAIT):
        printed.so_far(answers)
    printed.rest(answers)
    if not answers:
        click.echo("mailpanel: no mail host checks in; is mailpanel apply running?", err=True)
    return 0 if answers and all(each["ok"] for each in answers) else 1


class _Printed:
    """How far the answers are printed: all of the first hosts, and some steps of the next."""

    def __init__(self) -> None:
        self._hosts = 0
        self._steps = 0
        self._begun = False

    def so_far(self, answers: list[dict[str, Any]]) -> None:
        """Print what is new, up to the first host that is not done."""
        while self._hosts < len(answers):
            answer = answers[self._hosts]
            self._tell_steps(answer)
            if not answer["done"]:
                return
            self._tell_end(answer)

    def rest(self, answers: list[dict[str, Any]]) -> None:
        """Print the hosts that are not done, too."""
        while self._hosts < len(answers):
            self._tell_steps(answers[self._hosts])
            self._tell_end(answers[self._hosts])

    def _tell_steps(self, answer: dict[str, Any]) -> None:
        if not self._begun:
            click.echo(f"{answer['host']}:")
            self._begun = True
        for step in answer["steps"][self._steps :]:
            sign = "ok" if step["ok"] else "FAILED"
            click.echo(
                f"  {step['name']:<10} {sign:<7} {step['duration_ms']:>6} ms  {step['says']}"
            )
        self._steps = len(answer["steps"])

    def _tell_end(self, answer: dict[str, Any]) -> None:
        self._hosts, self._steps, self._begun = self._hosts + 1, 0, False
        for folder in answer["preview"] or ():
            click.echo(f"  {folder['says']}")
        for diff in answer["diffs"]:
            click.echo(diff["diff"], nl=False)
        if not answer["done"]:
            under_way = f" It was at the step {answer['now']}." if answer["now"] else ""
            click.echo(f"  It did not answer in time.{under_way}")
        elif answer["ok"] and not answer["diffs"]:
            click.echo("  Nothing would change.")
        elif answer["error"]:
            click.echo(f"  {answer['error']}")
