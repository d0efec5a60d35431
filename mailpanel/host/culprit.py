"""Who may have changed a file: its owner, the time, and the mark of a tool in it."""

from __future__ import annotations

import pwd
import re
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["culprit"]

# By what each writes into its files, or is known to be told to.
TOOLS = {
    "Ansible": r"ansible[_ ]managed|managed by ansible",
    "Puppet": r"managed by puppet|puppet:///",
    "Chef": r"(?:generated|managed) by chef|chef[- ]client",
    "Salt": r"managed by salt|saltstack|salt:///?",
    "CFEngine": r"cfengine",
    "Rudder": r"managed by rudder",
    "NixOS": r"/nix/store/",
    "cloud-init": r"cloud-init",
    "Plesk": r"\bplesk\b",
    "cPanel": r"\bcpanel\b",
    "ISPConfig": r"\bispconfig\b",
    "iRedMail": r"\biredmail\b",
    "Froxlor": r"\bfroxlor\b",
    "Webmin": r"\b(?:web|virtual)min\b",
    "Modoboa": r"\bmodoboa\b",
    "Mail-in-a-Box": r"mail-?in-?a-?box",
    "Zentyal": r"\bzentyal\b",
}
LARGEST = 1024 * 1024


def culprit(path: str) -> str:
    """Return, in a sentence or two, what the file at *path* tells of who wrote it last."""
    try:
        status = Path(path).stat()
        with Path(path).open("rb") as stream:
            text = stream.read(LARGEST).decode("utf-8", "replace")
    except OSError:
        return f"{path} is not there now."
    when = datetime.fromtimestamp(status.st_mtime, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    said = f"{path} belongs to {_name(status.st_uid)} and was written at {when}."
    tools = [name for name, mark in TOOLS.items() if re.search(mark, text, re.IGNORECASE)]
    if tools:
        said += f" By a mark in it, it is managed by {' or '.join(tools)}."
    return said


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the user {uid}"
