"""The mailboxes of the playground, with old mail in them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from mailpanel.playground.dovecot import PrivateDovecot

__all__ = ["AGES", "PASSWORD", "USERS", "add", "fill"]

USERS = ("alice@example.net", "bob@example.net", "carol@example.net")
PASSWORD = "mailbox-password"  # noqa: S105 (the playground's own, shown to all)
AGES = (60, 45, 30, 20, 15, 13, 8, 6, 3, 1)  # days
SUBJECTS = {"Junk": "You have won", "Trash": "Minutes of the meeting", "INBOX": "Hello"}


def add(dovecot: PrivateDovecot) -> None:
    """Make the mailboxes in *dovecot*."""
    for user in USERS:
        dovecot.add_user(user, PASSWORD)


def fill(dovecot: PrivateDovecot) -> None:
    """Store old mail in the mailboxes of *dovecot*, which must run.

    Raises :class:`DovecotError`.
    """

    def fill_one(user: str) -> None:
        for folder, subject in SUBJECTS.items():
            for age in AGES:
                days = "day" if age == 1 else "days"
                dovecot.save(user, folder, f"{subject}, {age} {days} ago", age_days=age)

    with ThreadPoolExecutor() as pool:
        # Asking for the results raises what one of them raised.
        list(pool.map(fill_one, USERS))
