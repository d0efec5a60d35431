"""A wake-up is a hint: it never waits and never fails."""

from __future__ import annotations

import socket
from pathlib import Path

from mailpanel.services.wake import SocketWaker


def test_arrives_as_one_datagram(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as courier:
        courier.bind(str(tmp_path / "wake"))
        courier.settimeout(5)
        SocketWaker(tmp_path / "wake").wake()
        assert courier.recv(16) == b"1"


def test_nobody_listening_is_no_error(tmp_path):
    SocketWaker(tmp_path / "wake").wake()
    SocketWaker(Path("/" + "x" * 200)).wake()


def test_full_buffer_does_not_block(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as courier:
        courier.bind(str(tmp_path / "wake"))
        for _ in range(2000):
            SocketWaker(tmp_path / "wake").wake()
