"""A whole private mailpanel: its own directories, web and apply, on loopback."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mailpanel.deployment import OPTIONS
from mailpanel.playground.postfix import free_port

__all__ = ["MARK", "Answer", "Installation", "InstallationError"]

COMMAND_TIMEOUT = 60.0
START_TIMEOUT = 60.0
# Above the 60 s that Prefer: wait may ask for.
API_TIMEOUT = 90.0
WAIT = {"Prefer": "wait=60"}
# In the environment of the services: the directory of the installation they belong to.
MARK = "MAILPANEL_PLAYGROUND"


class InstallationError(Exception):
    """A command of mailpanel's failed or a service did not start; the text says why."""


class Answer(NamedTuple):
    """An answer of the API; ``body`` is ``None`` where it was empty."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Installation:
    """mailpanel in *directory*, with *options* (ini names to text) of its own.

    A context manager: on entering it makes the database, the keys, an account
    ``admin`` with a token, and starts web and apply; on leaving it ends them.
    *directory* must exist, and as root belong to root. An ini that is there already
    stays as it is. *for_web* are options that win over the ini's in the web alone.
    """

    def __init__(
        self,
        directory: Path,
        options: Mapping[str, str],
        port: int = 0,
        *,
        for_web: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self.port = port or free_port()
        self.token = ""
        self.ini = directory / "mailpanel.ini"
        self.log_directory = directory / "log"
        self.log_directory.mkdir(exist_ok=True)
        known = {option.name: option.environment for option in OPTIONS}
        self._for_web = {known[name]: value for name, value in (for_web or {}).items()}
        self._services: dict[str, subprocess.Popen[bytes]] = {}
        if not self.ini.exists():
            self._write_ini(options)

    def __enter__(self) -> Installation:
        try:
            if not self.token:
                self.prepare()
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address of the web, without a slash at its end."""
        return f"http://localhost:{self.port}"

    def prepare(self, password: str | None = None) -> None:
        """Make keys, database, account and token; raises :class:`InstallationError`.

        Without *password* the account cannot log in to the panel.
        """
        self.command("init")
        account = ["account", "add", "admin", "--perm-level", "MasterAdmin"]
        if password is None:
            self.command(*account)
        else:
            self.command(*account, "--password-stdin", stdin=password)
        self.token = self.command("token", "create", "admin", "--name", "playground").strip()

    def take_over(self, prepared: Installation) -> None:
        """Copy keys, database and token of *prepared*, which does not run: it is quicker."""
        copy = ["cp", "--archive", str(prepared.directory / "state"), str(self.directory)]
        subprocess.run(copy, check=True, timeout=COMMAND_TIMEOUT)
        self.token = prepared.token

    def start(self) -> None:
        """Start web and apply; raises :class:`InstallationError`."""
        self.start_service("web", "serve", "--listen", f"127.0.0.1:{self.port}")
        self.start_service("apply", "apply")
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            self.check()
            try:
                if self.request("GET", "/healthz").status == http.HTTPStatus.OK:
                    return
            except OSError:
                time.sleep(0.05)
        raise InstallationError(f"the web does not answer\n{self.log('web')}")

    def check(self) -> None:
        """Raise :class:`InstallationError` where a service has ended by itself."""
        for name, process in self._services.items():
            if process.poll() is not None:
                raise InstallationError(f"{name} ended by itself\n{self.log(name)}")

    def start_service(self, name: str, *arguments: str) -> None:
        """Start a command of mailpanel's that stays; its output goes to a log of that name."""
        own = self._for_web if name == "web" else {}
        with (self.log_directory / f"{name}.log").open("ab") as log:
            self._services[name] = subprocess.Popen(
                [*_mailpanel(), *arguments],
                env={**self._environment(), **own, MARK: str(self.directory)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A group of its own: Ctrl-C on the terminal is for the parent to handle,
                # and what a service has started can be ended with it.
                start_new_session=True,
            )

    def stop_service(self, name: str) -> None:
        """End the service *name* and all it has started."""
        process = self._services.pop(name, None)
        if process is None:
            return
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10.0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End web and apply."""
        for name in reversed(list(self._services)):
            self.stop_service(name)

    def pid(self, name: str) -> int:
        """Return the process id of the service *name*."""
        return self._services[name].pid

    def log(self, name: str) -> str:
        """Return what the service *name* has written to its output."""
        try:
            return (self.log_directory / f"{name}.log").read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def command(self, *arguments: str, stdin: str = "") -> str:
        """Run ``mailpanel`` with *arguments*; return its output.

        Raises :class:`InstallationError` with what it said where it fails.
        """
        done = subprocess.run(
            [*_mailpanel(), *arguments],
            env=self._environment(),
            input=stdin,
            capture_output=True,
            timeout=COMMAND_TIMEOUT,
            check=False,
            encoding="utf-8",
        )
        if done.returncode:
            raise InstallationError(
                f"mailpanel {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done.stdout

    def api(
        self,
        method: str,
        path: str,
        value: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Call the API as ``admin``; *path* begins below ``/api/v1/``."""
        own = {"Authorization": f"Bearer {self.token}"}
        return self.request(method, f"/api/v1/{path}", value, {**own, **(headers or {})})

    def set(self, setting: str, value: Any, *, probe: bool = True) -> dict[str, Any]:
        """Set *setting* and wait until it is applied or has failed.

        Returns the object that the API answers; raises :class:`InstallationError`
        where it answers an error.
        """
        query = "" if probe else "?probe=no"
        answer = self.api("POST", f"settings/{setting}/{query}", value, WAIT)
        if answer.status != http.HTTPStatus.OK:
            raise InstallationError(f"POST {setting}: {answer.status} {answer.body}")
        settings: dict[str, Any] = answer.body["settings"]
        return settings

    def reset(self, setting: str) -> Answer:
        """Reset *setting* and wait; the answer is 204 once it is done."""
        return self.api("DELETE", f"settings/{setting}/", headers=WAIT)

    def request(
        self,
        method: str,
        path: str,
        value: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send *value*, where there is one, as JSON; raises :class:`OSError`.

        Redirects are answers too: they are not followed.
        """
        body = None if value is None else json.dumps(value)
        own = {} if body is None else {"Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=API_TIMEOUT)
        try:
            connection.request(method, path, body, {**own, **(headers or {})})
            response = connection.getresponse()
            content = response.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"no answer to {method} {path}: {error!r}") from None
        finally:
            connection.close()
        is_json = "json" in (response.headers.get_content_subtype() or "")
        parsed = json.loads(content) if content and is_json else content or None
        return Answer(response.status, dict(response.headers.items()), parsed)

    def _write_ini(self, options: Mapping[str, str]) -> None:
        own = {
            "mailpanel.state_directory": str(self.directory / "state"),
            "mailpanel.run_directory": str(self.directory / "run"),
        }
        lines = [f"{name} = {value}\n" for name, value in {**own, **options}.items()]
        self.ini.write_text("[app:main]\nuse = egg:mailpanel\n" + "".join(lines))
        # mailpanel's own user reads it.
        self.ini.chmod(0o644)

    def _environment(self) -> dict[str, str]:
        overrides = {option.environment for option in OPTIONS}
        kept = {name: value for name, value in os.environ.items() if name not in overrides}
        return {**kept, "MAILPANEL_CONFIG": str(self.ini)}


def _mailpanel() -> list[str]:
    """Return how the ``mailpanel`` of this very Python is called."""
    return [str(Path(sys.executable).with_name("mailpanel"))]
