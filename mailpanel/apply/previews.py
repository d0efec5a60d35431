"""What a test tells beside trying the values: how they are used, and what they would delete."""

from __future__ import annotations

from mailpanel.apply.steps import Steps
from mailpanel.errors import HostError
from mailpanel.host.mailhost import Host
from mailpanel.plan import Facts, Plan
from mailpanel.reports import FolderPreview

__all__ = ["previewed"]


def previewed(
    host: Host, plan: Plan, facts: Facts, steps: Steps
) -> tuple[FolderPreview, ...] | None:
    """Return what *plan*, made from *facts*, would delete on *host*, each a step of *steps*.

    ``None`` where that cannot be told: the values may be right all the same.
    """
    for name, sentence in plan.notes.items():
        with steps.step(name) as says:
            says.append(sentence)
    if not plan.previews:
        return ()
    with steps.step("count") as says:
        try:
            counted = host.count(plan.previews, facts)
        except HostError as error:
            says.append(f"What would be deleted cannot be told. {error}")
            return None
        says.append(counted.says)
    return counted.folders
