"""What a daemon's own commands say, fit to be shown."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["counted", "own_words", "size", "whole_text"]

UNITS = ("B", "kB", "MB", "GB", "TB")


def own_words(text: str) -> str:
    """Return the last thing that is said in *text*, without paths or the line it quotes.

    "postconf: fatal: /etc/postfix/main.cf, line 6: missing '=' after attribute name: …"
    becomes "main.cf, line 6: missing '=' after attribute name"; "doveconf: Fatal: Error in
    configuration file /etc/dovecot/dovecot.conf line 5: Unknown setting: x" loses as much.
    """
    last = text.strip().split("\n")[-1]
    said = re.sub(r"^.*?(fatal|error|warning|panic): ", "", last, flags=re.IGNORECASE)
    said = said.partition(': "')[0]
    # It stands in logs and on terminals, and what a daemon quotes may be anything.
    said = "".join(char if char.isprintable() else "?" for char in said)
    said = re.sub(r"(?:/[^\s,:;]*)?/([^\s,:;/]+)", r"\1", said)
    return said[:200].rstrip(".") or "no reason given"


def counted(number: int, one: str, many: str = "") -> str:
    """Return *number* of something: ``1 day``, ``1,204 days``; *many* is its plural."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(number: int) -> str:
    """Return *number* bytes in a unit that suits them, like ``53.1 MB``."""
    amount, unit = float(number), 0
    # What would be rounded to 1000.0 is one of the next.
    while amount >= 999.95 and unit < len(UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.1f} {UNITS[unit]}" if unit else f"{number} B"


def whole_text(value: Any) -> Any:
    """Return *value*, as JSON has it, with a question mark for each half of a character in it.

    As such stand in the text of a file that is no UTF-8; no page can have one.
    """
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
