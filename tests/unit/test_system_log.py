"""What goes to syslog or journald, and when nobody listens there."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import syslog
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailpanel.system_log import is_the_journal, to_syslog

NAME = "mailpanel.test-of-syslog"


@pytest.fixture
def own_logger() -> Iterator[logging.Logger]:
    """A logger of this test's own, whose lines go to syslog."""
    log = logging.getLogger(NAME)
    to_syslog(NAME)
    yield log
    log.handlers.clear()


def test_a_line_goes_there_with_its_urgency(own_logger, monkeypatch) -> None:
    sent = []
    monkeypatch.setattr("syslog.syslog", lambda priority, line: sent.append((priority, line)))
    own_logger.info("somebody did something")
    own_logger.warning("root ought to look")
    to_syslog(NAME)
    own_logger.info("once only")
    assert sent == [
        (syslog.LOG_AUTHPRIV | syslog.LOG_INFO, "somebody did something"),
        (syslog.LOG_AUTHPRIV | syslog.LOG_WARNING, "root ought to look"),
        (syslog.LOG_AUTHPRIV | syslog.LOG_INFO, "once only"),
    ]


def test_a_line_that_nobody_takes_breaks_nothing(tmp_path: Path) -> None:
    """As in a container without /dev/log; a process of its own, since libc keeps its socket."""
    text = (
        "import logging\n"
        "from mailpanel.system_log import to_syslog\n"
        f"to_syslog({NAME!r})\n"
        f"logging.getLogger({NAME!r}).warning('lost')\n"
        "print('alive')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert (done.stdout, done.stderr) == ("alive\n", "")


def test_stderr_that_is_the_journal_is_known(tmp_path: Path, monkeypatch) -> None:
    """Else each line would stand in it twice."""
    descriptor = os.open(tmp_path / "journal", os.O_CREAT | os.O_WRONLY)
    status = os.fstat(descriptor)
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    assert is_the_journal(descriptor)
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino + 1}")
    assert not is_the_journal(descriptor)
    os.close(descriptor)
    assert not is_the_journal(descriptor)
