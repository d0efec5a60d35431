"""The executor's end takes messages however the bytes arrive, and waits for nothing for ever."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailpanel.apply.messages import (
    HEADER,
    LONGEST,
    Goodbye,
    Hello,
    Message,
    ProbeResult,
    decode,
    encode,
)
from mailpanel.apply.pipe import Pipe
from mailpanel.errors import ProtocolError

MESSAGES: list[Message] = [Goodbye(), Hello({"a": "é" * 300}), ProbeResult(1, "no", True, ())]


@pytest.fixture
def ends() -> Iterator[tuple[Pipe, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Pipe(ours), theirs


@given(st.lists(st.integers(1, 400), max_size=20))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_split_and_joined_bytes_are_the_same_messages(cuts: list[int]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        pipe, wire, received = Pipe(ours), b"".join(map(encode, MESSAGES)), []
        for cut in [*cuts, len(wire)]:
            theirs.sendall(wire[:cut])
            wire = wire[cut:]
            while (message := pipe.receive(0)) is not None:
                received.append(message)
        assert received == MESSAGES


def test_without_a_message_it_waits_as_long_as_it_was_told(ends) -> None:
    pipe, theirs = ends
    theirs.sendall(encode(Goodbye())[:-1])
    began = time.monotonic()
    assert pipe.receive(0.2) is None
    assert 0.2 <= time.monotonic() - began < 30
    theirs.sendall(encode(Goodbye())[-1:])
    assert pipe.receive(None) == Goodbye()


def test_bytes_that_drip_do_not_move_the_time_limit(ends) -> None:
    pipe, theirs = ends
    over = threading.Event()

    def drip() -> None:
        for byte in encode(MESSAGES[1]):
            if over.wait(0.05):
                return
            theirs.send(bytes([byte]))

    thread = threading.Thread(target=drip)
    thread.start()
    began = time.monotonic()
    assert pipe.receive(0.3) is None
    assert time.monotonic() - began < 30
    over.set()
    thread.join()


def test_the_end_of_the_courier_is_told(ends) -> None:
    """What it had sent whole comes before."""
    pipe, theirs = ends
    theirs.sendall(encode(Goodbye()) + encode(Goodbye())[:3])
    theirs.close()
    assert pipe.receive(1) == Goodbye()
    with pytest.raises(EOFError):
        pipe.receive(1)
    with pytest.raises(EOFError):
        pipe.send(Goodbye())


def test_a_message_that_is_too_long_is_refused_before_it_is_read(ends) -> None:
    pipe, theirs = ends
    theirs.sendall(HEADER.pack(LONGEST + 1))
    with pytest.raises(ProtocolError):
        pipe.receive(1)


@pytest.mark.parametrize("body", [b"", b"{}", b"\0" * 10])
def test_what_is_no_message_is_refused(ends, body: bytes) -> None:
    pipe, theirs = ends
    theirs.sendall(HEADER.pack(len(body)) + body)
    with pytest.raises(ProtocolError):
        pipe.receive(1)


def test_a_large_message_goes_through(ends) -> None:
    pipe, theirs = ends
    message = Hello({"a": "x" * (LONGEST - 1000)})
    sender = threading.Thread(target=lambda: theirs.sendall(encode(message)))
    sender.start()
    assert pipe.receive(10) == message
    sender.join()


def test_what_is_sent_arrives(ends) -> None:
    pipe, theirs = ends
    for message in MESSAGES:
        pipe.send(message)
    wire = theirs.recv(65536)
    for message in MESSAGES:
        (length,) = HEADER.unpack_from(wire)
        assert decode(wire[HEADER.size : HEADER.size + length]) == message
        wire = wire[HEADER.size + length :]


def test_a_courier_that_reads_nothing_is_given_up(monkeypatch) -> None:
    """Root's part must not stand still because the other one does."""
    monkeypatch.setattr("mailpanel.apply.pipe.SEND_TIMEOUT", 0.2)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        pipe = Pipe(ours)
        began = time.monotonic()
        with pytest.raises(EOFError):
            pipe.send(Hello({"a": "x" * 10_000_000}))
        assert time.monotonic() - began < 60
