"""With which of Dovecot's plugins doveadm has to delete, where IMAP alone has them."""

from __future__ import annotations

from mailpanel.errors import Refused
from mailpanel.host.doveconf import Doveconf, Key
from mailpanel.host.dovecot import Dovecot

__all__ = ["MOVES", "loaded"]

MOVES = "lazy_expunge"
# What IMAP deletes goes through these: without the first a quota would still count what is gone,
# without the second would be gone what is to be kept elsewhere.
NEEDED = ("quota", MOVES)


def loaded(dovecot: Dovecot) -> tuple[tuple[str, ...], bool]:
    """Return the plugins that doveadm is to delete with: its own, and those that are needed;
    and whether what it deletes is moved by them.

    Raises :class:`CheckFailed` where the configuration cannot be read, and :class:`Refused`
    where doveadm would delete what is to be moved.
    """
    of_doveadm, of_imap = (dovecot.explicit(each) for each in ("doveadm", "imap"))
    own, wanted = _plugins(of_doveadm), _plugins(of_imap)
    missing = [each for each in NEEDED if each in wanted and each not in own]
    if MOVES not in (*own, *missing):
        return (*own, *missing), False
    # The plugin alone does nothing: what it does stands in its settings.
    settings = _settings(of_doveadm)
    if MOVES in wanted and settings != _settings(of_imap):
        raise Refused(
            "Dovecot's plugin lazy_expunge has other settings for IMAP than for doveadm, so what "
            "is to be kept would be deleted, and nothing is cleared. Write them outside of "
            "protocol imap."
        )
    return (*own, *missing), any(settings.values())


def _settings(configuration: Doveconf) -> dict[Key, str]:
    found = configuration.named(MOVES).items()
    # The block of a protocol is printed beside what comes of it; the names of plugins set nothing.
    apart = ("protocol ", "mail_plugins")
    return {key: value for key, value in found if not key[0].startswith(apart)}


def _plugins(configuration: Doveconf) -> list[str]:
    # A list of words in 2.3; 2.4 has a block of names that are on or off.
    words = configuration.top().get("mail_plugins", "").split()
    return words + configuration.switched_on("mail_plugins")
