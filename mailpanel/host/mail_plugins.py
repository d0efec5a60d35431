"""With which of Dovecot's plugins doveadm has to delete, where IMAP alone has them."""

from __future__ import annotations

from mailpanel.errors import CheckFailed
from mailpanel.host import command
from mailpanel.host.doveconf import Doveconf
from mailpanel.host.dovecot import Dovecot
from mailpanel.host.words import own_words

__all__ = ["MOVES", "loaded"]

MOVES = "lazy_expunge"
# What IMAP deletes goes through these: without the first a quota would still count what is gone,
# without the second would be gone what is to be kept elsewhere.
NEEDED = ("quota", MOVES)


def loaded(dovecot: Dovecot) -> tuple[str, ...]:
    """Return the plugins that doveadm is to delete with: its own, and those that are needed.

    Raises :class:`CheckFailed` where the configuration cannot be read.
    """
    own, of_imap = (_plugins(dovecot, each) for each in ("doveadm", "imap"))
    missing = [each for each in NEEDED if each in of_imap and each not in own]
    return (*own, *missing)


def _plugins(dovecot: Dovecot, protocol: str) -> list[str]:
    answer = command.run(dovecot.argv("doveconf", "-f", f"protocol={protocol}", "mail_plugins"))
    if answer.code != 0:
        said = own_words(answer.stderr)
        raise CheckFailed(f"Dovecot cannot read its configuration: {said}.")
    found = Doveconf(answer.stdout)
    # A list of words in 2.3; 2.4 has a block of names that are on or off.
    words = found.top().get("mail_plugins", "").split()
    return words + found.switched_on("mail_plugins")
