"""Passwords that are known from leaks, in a file of the installation's own.

It is what the downloaders of Pwned Passwords write: a line for each password, its SHA-1 in
hexadecimal digits, a colon and how often it was seen, sorted. It has tens of gigabytes and is
never read whole: a look-up reads some eighty short pieces of it.
"""

from __future__ import annotations

import hashlib
import os

from mailpanel.errors import DeploymentError

__all__ = ["Leaked"]

DIGITS = 40
# More than any line has: the digits, a colon, a number.
LONGEST_LINE = 128


class Leaked:
    """The passwords in *path*, which is opened now: once root is given up it may be out of reach.

    An empty path has none. Raises :class:`DeploymentError` where the file cannot be read or is
    none such.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = -1
        if path:
            try:
                self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                self._size = os.fstat(self._file).st_size
                first = self._digits_at(0)
            except OSError as error:
                self.close()
                raise self._problem(f"it cannot be read ({error.strerror})") from None
            if len(first) != DIGITS or not set(first) <= set(b"0123456789ABCDEF"):
                self.close()
                raise self._problem("its first line is no SHA-1 in hexadecimal digits")

    def has(self, password: str) -> bool:
        """Say whether *password* is one of them; raises :class:`DeploymentError`."""
        if self._file < 0:
            return False
        # SHA-1 is what the file has; nothing is kept of it.
        digest = hashlib.sha1(password.encode(), usedforsecurity=False)
        sought = digest.hexdigest().upper().encode()
        try:
            return self._digits_at(self._first_not_below(sought)) == sought
        except OSError as error:
            raise self._problem(f"it cannot be read ({error.strerror})") from None

    def close(self) -> None:
        """Close the file; it has no passwords from then on."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _first_not_below(self, sought: bytes) -> int:
        """Return a place in front of the first line that is *sought* or behind it."""
        low, high = 0, self._size
        while low < high:
            middle = (low + high) // 2
            digits = self._digits_at(middle)
            if digits and digits < sought:
                low = middle + 1
            else:
                high = middle
        return low

    def _digits_at(self, place: int) -> bytes:
        """Return the digits of the first line that begins at *place* or behind it."""
        # One byte sooner: a line that begins at *place* is seen to.
        start = max(place - 1, 0)
        # Not by seeking, which all threads would do together.
        piece = os.pread(self._file, 2 * LONGEST_LINE, start)
        if place:
            _, _, piece = piece.partition(b"\n")
        return piece[:DIGITS].upper()

    def _problem(self, what: str) -> DeploymentError:
        return DeploymentError(f"mailpanel.leaked_passwords: {self._path}: {what}")
