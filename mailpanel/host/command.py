"""Running the daemons' own commands: fixed arguments, no shell, always a time limit."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from mailpanel.errors import HostError

__all__ = [
    "ENVIRONMENT",
    "Finished",
    "Lines",
    "Running",
    "detached",
    "first_lines",
    "run",
    "spawn",
    "start",
    "supervised",
]

TIMEOUT = 30.0
LAST_WORDS = 1.0
# What is killed ends as soon as a processor is free for it.
LAST_BREATH, LOOK = 5.0, 0.002
CHUNK = 65_536
# Nothing of the caller's environment reaches a daemon's command: MAIL_CONFIG alone
# would point Postfix at another configuration (postfix(1)).
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "LANG": "C"}


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command answered; both streams as text, undecodable bytes escaped."""

    code: int
    stdout: str
    stderr: str


class Running:
    """A command under way."""

    def __init__(self, argv: Sequence[str], stdin: str) -> None:
        self._argv = argv
        self._stdin = stdin
        self._finished = False
        try:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        except FileNotFoundError:
            raise HostError(f"The command {argv[0]} is not installed on this host.") from None

    def finish(self, timeout: float = TIMEOUT) -> Finished:
        """Wait for the end; after *timeout* seconds end it and raise :class:`HostError`."""
        try:
            stdout, stderr = self._process.communicate(
                self._stdin.encode("utf-8", "surrogateescape"), timeout
            )
        except subprocess.TimeoutExpired:
            self.kill()
            raise HostError(f"{self._name()} did not end within {timeout:.0f} s.") from None
        self._finished = True
        return Finished(
            self._process.returncode,
            stdout.decode("utf-8", "surrogateescape"),
            stderr.decode("utf-8", "surrogateescape"),
        )

    def lines(self, count: int, timeout: float) -> list[str]:
        """Return the first *count* lines of the standard output, fewer where it ends."""
        stream = self._process.stdout
        descriptor = stream.fileno() if stream else -1
        content, deadline = b"", time.monotonic() + timeout
        while content.count(b"\n") < count:
            left = max(deadline - time.monotonic(), 0.0)
            if not select.select([descriptor], [], [], left)[0]:
                raise HostError(f"{self._name()} did not answer within {timeout:.0f} s.")
            chunk = os.read(descriptor, CHUNK)
            if not chunk:
                break
            content += chunk
        return content.decode("utf-8", "surrogateescape").split("\n")[:-1][:count]

    def kill(self) -> None:
        """End the command and all that it started, unless it has finished by itself."""
        if self._finished:
            return
        self._finished = True
        # The command may have ended while a child of its own holds the streams.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        try:
            self._process.communicate(timeout=LAST_WORDS)
        except subprocess.TimeoutExpired:
            # One that left the process group has them; nobody waits for it.
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
                if stream is not None:
                    stream.close()
            self._process.wait()

    def _name(self) -> str:
        return " ".join(word for word in self._argv[:4] if "/" not in word)


class Lines:
    """The lines that *argv* prints, however many: each is given out as it comes, none is kept.

    Nor is what it complains of. Once all are read ``code`` is its exit code; it is ``None``
    where the command had not ended at *deadline*, a time of :func:`time.monotonic`, and was
    ended then. Raises :class:`HostError` where it is not installed.
    """

    def __init__(self, argv: Sequence[str], stdin: str, deadline: float) -> None:
        self.code: int | None = None
        self._argv = argv
        self._stdin = stdin
        self._deadline = deadline
        self._is_whole = False

    def __iter__(self) -> Iterator[str]:
        process = spawn(self._argv, self._stdin, subprocess.PIPE)
        try:
            for line in self._lines(process.stdout):
                yield line.decode("utf-8", "surrogateescape")
            if self._is_whole:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.code = process.wait(max(self._left(), 0.0))
        finally:
            if self.code is None:
                os.killpg(process.pid, signal.SIGKILL)
            # Closes the pipe, too.
            with process:
                pass

    def _lines(self, stream: IO[bytes] | None) -> Iterator[bytes]:
        descriptor, rest = stream.fileno() if stream else -1, b""
        while select.select([descriptor], [], [], max(self._left(), 0.0))[0]:
            chunk = os.read(descriptor, CHUNK)
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
            # It may have ended in time, and what it printed not have been read.
            self._is_whole = not chunk
            if not chunk or self._left() < 0:
                return

    def _left(self) -> float:
        return self._deadline - time.monotonic()


def spawn(argv: Sequence[str], stdin: str, stdout: int | IO[bytes]) -> subprocess.Popen[bytes]:
    """Start *argv*, in a group of its own, with what it prints going to *stdout*.

    Raises :class:`HostError` where it is not installed.
    """
    # From a file: with two pipes each side could wait for the other.
    with TemporaryFile() as given:
        given.write(stdin.encode("utf-8", "surrogateescape"))
        given.seek(0)
        try:
            return subprocess.Popen(
                argv,
                stdin=given,
                stdout=stdout,
                stderr=subprocess.DEVNULL,
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        except FileNotFoundError:
            raise HostError(f"The command {argv[0]} is not installed on this host.") from None


def start(argv: Sequence[str], stdin: str = "") -> Running:
    """Start *argv* with *stdin*; raises :class:`HostError` where it is not installed."""
    return Running(argv, stdin)


def run(argv: Sequence[str], stdin: str = "", timeout: float = TIMEOUT) -> Finished:
    """Run *argv* to its end, *timeout* seconds at most; see :class:`Running`."""
    return Running(argv, stdin).finish(timeout)


def first_lines(argv: Sequence[str], count: int, timeout: float = TIMEOUT) -> list[str]:
    """Return the first *count* lines that *argv* prints, and end it there: there may be millions.

    Raises :class:`HostError` where they do not come within *timeout* seconds.
    """
    running = Running(argv, "")
    try:
        return running.lines(count, timeout)
    finally:
        running.kill()


# The first line ends with the pipe, so with whoever holds its other end, however that one ends.
# kill ends the whole process group, whose leader the shell is.
_SUPERVISE = """\
exec 3<&0
( read -r _ <&3; kill -KILL 0 ) &
"$@" </dev/null 3<&-
kill -KILL 0
"""


@contextlib.contextmanager
def supervised(argv: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run *argv*, which stays in the foreground, for as long as the block.

    It and all that it has started have ended when the block has; where this process is
    killed they end at once, too. The process that is yielded ends where *argv* does. A
    parent-death signal would not do: a daemon that changes its user for a moment loses it
    (prctl(2)).
    """
    process = subprocess.Popen(
        ["/bin/sh", "-c", _SUPERVISE, "sh", *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.stdin is not None:
            process.stdin.close()
        process.wait()
        deadline = time.monotonic() + LAST_BREATH
        while _lives(process.pid) and time.monotonic() < deadline:
            time.sleep(LOOK)


def _lives(group: int) -> bool:
    """Say whether a process of the process group *group* lives; a zombie does not."""
    for each in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # proc(5): the name in parentheses, then state, parent and process group.
            state, _, number = each.read_text(errors="replace").rpartition(") ")[2].split()[:3]
            if int(number) == group and state not in "ZX":
                return True
    return False


def detached(argv: Sequence[str], timeout: float = TIMEOUT) -> int:
    """Run *argv*, which leaves a daemon behind, and return its exit code.

    Its streams lead nowhere: the daemon would hold a pipe open for ever. Raises
    :class:`HostError` where it does not end within *timeout* seconds.
    """
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except FileNotFoundError:
        raise HostError(f"The command {argv[0]} is not installed on this host.") from None
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        # A daemon that is up has a session of its own by then.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise HostError(f"{argv[0]} did not end within {timeout:.0f} s.") from None
