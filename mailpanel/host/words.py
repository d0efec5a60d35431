"""What a daemon's own commands say, fit to be shown."""

from __future__ import annotations

import re

__all__ = ["own_words"]


def own_words(text: str) -> str:
    """Return the last thing that is said in *text*, without paths or the line it quotes.

    "postconf: fatal: /etc/postfix/main.cf, line 6: missing '=' after attribute name: …"
    becomes "main.cf, line 6: missing '=' after attribute name"; "doveconf: Fatal: Error in
    configuration file /etc/dovecot/dovecot.conf line 5: Unknown setting: x" loses as much.
    """
    last = text.strip().split("\n")[-1]
    said = re.sub(r"^.*?(fatal|error|warning): ", "", last, flags=re.IGNORECASE)
    said = said.partition(': "')[0]
    said = re.sub(r"(?:/[^\s,:;]*)?/([^\s,:;/]+)", r"\1", said)
    return said[:200].rstrip(".") or "no reason given"
