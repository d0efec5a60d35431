"""A port of the strict relay's, served in a thread."""

from __future__ import annotations

import asyncio
import ssl
import threading
import weakref
from collections.abc import Callable
from typing import Any

from mailpanel.playground._smtp_dialogue import Dialogue

__all__ = ["Service"]

START_TIMEOUT = 60.0


class Service:
    """A listening socket with an event loop in a thread of its own."""

    def __init__(
        self,
        dialogue: Callable[[asyncio.AbstractEventLoop], Dialogue],
        address: str,
        port: int,
        context: ssl.SSLContext | None,
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._dialogues: weakref.WeakSet[Dialogue] = weakref.WeakSet()

        def answer() -> Dialogue:
            begun = dialogue(self._loop)
            self._dialogues.add(begun)
            return begun

        try:
            self._server = self._run(
                self._loop.create_server(answer, address, port, ssl=context, reuse_address=True)
            )
        except BaseException:
            self._end()
            raise
        self.port: int = self._server.sockets[0].getsockname()[1]

    def call(self, function: Callable[[], None]) -> None:
        """Run *function* in the thread and wait for it."""

        async def run() -> None:
            function()

        self._run(run())

    def stop(self) -> None:
        """Close the port and every connection, and end the thread."""
        self._run(self._close())
        self._end()

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(START_TIMEOUT)

    async def _close(self) -> None:
        self._server.close()
        for dialogue in list(self._dialogues):
            dialogue.abort()
        tasks = asyncio.all_tasks(self._loop) - {asyncio.current_task(self._loop)}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_TIMEOUT)
        self._loop.close()
