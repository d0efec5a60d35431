"""mailpanel behind the real nginx and Caddy, configured as docs/reverse-proxy.md says."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import pytest

from mailpanel.playground.certificates import Authority
from mailpanel.playground.installation import Installation
from mailpanel.playground.postfix import PrivatePostfix, free_port

PAGE = Path(__file__).parents[2] / "docs" / "reverse-proxy.md"
PROXY = "127.0.0.1"
# Addresses that a client can come from, all of them this machine.
CLIENT, STRANGER = "127.0.0.11", "127.0.0.12"

# What stands around the documented server in Debian's nginx.conf.
NGINX = """\
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
{snippet}
}}
"""
CADDY = """\
{{
    admin off
    http_port {http}
    https_port {https}
    storage file_system {directory}/caddy
}}
{snippet}
"""


def documented(language: str) -> str:
    """Return the configuration in *language* that stands on the page."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    return found


def replaced(text: str, values: Mapping[str, str]) -> str:
    """Return *text* with each key, which must be there, replaced by its value."""
    for old, new in values.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@dataclass(frozen=True)
class Front:
    """The panel as it is seen from outside."""

    http_port: int
    https_port: int
    outside_port: str
    trust: ssl.SSLContext
    panel: Installation

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        body: str | None = None,
        client: str = CLIENT,
        tls: bool = True,
    ) -> tuple[http.client.HTTPResponse, bytes]:
        source = (client, 0)
        if tls:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                "localhost",
                self.https_port,
                timeout=90,
                source_address=source,
                context=self.trust,
            )
        else:
            connection = http.client.HTTPConnection(
                "localhost", self.http_port, timeout=60, source_address=source
            )
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    @property
    def account(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.panel.token}"}


def nginx(directory: Path, http: int, https: int, web: int) -> list[str]:
    snippet = replaced(
        documented("nginx"),
        {
            "listen 80;": f"listen 127.0.0.1:{http};",
            "listen [::]:80;": "",
            "listen 443 ssl;": f"listen 127.0.0.1:{https} ssl;",
            "listen [::]:443 ssl;": "",
            "panel.example.net;": "localhost;",
            "https://$host$request_uri": f"https://$host:{https}$request_uri",
            "/etc/letsencrypt/live/panel.example.net/fullchain.pem": f"{directory}/chain.pem",
            "/etc/letsencrypt/live/panel.example.net/privkey.pem": f"{directory}/key.pem",
            "127.0.0.1:8080": f"127.0.0.1:{web}",
        },
    )
    file = directory / "nginx.conf"
    file.write_text(NGINX.format(directory=directory, snippet=snippet))
    log = f"{directory}/error.log"
    return ["nginx", "-e", log, "-p", str(directory), "-c", str(file), "-g", "daemon off;"]


def caddy(directory: Path, http: int, https: int, web: int) -> list[str]:
    own = f"localhost {{\n    bind 127.0.0.1\n    tls {directory}/chain.pem {directory}/key.pem"
    snippet = replaced(
        documented("caddy"), {"panel.example.net {": own, "127.0.0.1:8080": f"127.0.0.1:{web}"}
    )
    file = directory / "Caddyfile"
    file.write_text(CADDY.format(directory=directory, http=http, https=https, snippet=snippet))
    return ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"]


@pytest.fixture(scope="module", params=[nginx, caddy], ids=["nginx", "caddy"])
def front(
    request: pytest.FixtureRequest, authority: Authority, ca_file: Path, prepared: Installation
) -> Iterator[Front]:
    """A whole mailpanel behind one of the two."""
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="mp-", dir="/tmp"))
        for each in ("", "m", "p", "proxy"):
            Path(name, each).mkdir(exist_ok=True)
            Path(name, each).chmod(0o755)
        postfix = stack.enter_context(PrivatePostfix(Path(name, "p")))
        options = {
            "mailpanel.host_name": "mail.test",
            "mailpanel.postfix_config_directory": str(postfix.config_directory),
            "mailpanel.dovecot_config_file": str(Path(name, "none", "dovecot.conf")),
            "mailpanel.msmtp_config_file": str(Path(name, "msmtprc")),
            "mailpanel.trusted_proxy": PROXY,
        }
        panel = Installation(Path(name, "m"), options)
        panel.take_over(prepared)
        stack.enter_context(panel)
        place = Path(name, "proxy")
        authority.issue("localhost").write(place / "chain.pem", place / "key.pem")
        ports = {"http": free_port(), "https": free_port()}
        stack.enter_context(running(request.param(place, web=panel.port, **ports), place, ports))
        trust = ssl.create_default_context(cafile=str(ca_file))
        # Caddy takes its own port for what is 443 outside.
        outside = f":{ports['https']}" if request.param is nginx else ""
        yield Front(ports["http"], ports["https"], outside, trust, panel)


@contextmanager
def running(command: list[str], place: Path, ports: Mapping[str, int]) -> Iterator[None]:
    with (place / "output").open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(place)},
        )
    try:
        for port in ports.values():
            wait_for_port(port, process, place / "output")
        yield
    finally:
        process.terminate()
        process.wait(60)


def wait_for_port(port: int, process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return


def test_api_and_panel_answer_over_tls(front: Front) -> None:
    answer, body = front.ask("GET", "/api/v1/settings/", front.account)
    assert (answer.status, body) == (200, b'{"settings": []}')
    answer, body = front.ask("GET", "/login")
    assert answer.status == 200
    assert b"<form" in body


def test_a_change_is_waited_for(front: Front) -> None:
    """Through the proxy, too, with the header that asks for it."""
    value = '{"server_hostname": "127.0.0.1", "server_port": 9, "security": "none"}'
    headers = {**front.account, "Content-Type": "application/json", "Prefer": "wait=30"}
    path = "/api/v1/settings/postfix_relayhost/?probe=no"
    answer, body = front.ask("POST", path, headers, body=value)
    assert answer.status == 200
    assert b'"applied"' in body


def test_the_panels_cookies_are_for_tls_and_this_host_alone(front: Front) -> None:
    answer, _ = front.ask("GET", "/login")
    cookies = answer.headers.get_all("Set-Cookie")
    assert cookies
    for cookie in cookies:
        assert cookie.startswith("__Host-")
        assert "secure" in cookie.lower().split("; ")
    assert "max-age=" in answer.headers["Strict-Transport-Security"]


def test_the_clients_own_address_counts(front: Front) -> None:
    """And not one that the client makes up."""
    create = ["token", "create", "admin", "--network", f"{CLIENT}/32"]
    token = {"Authorization": f"Bearer {front.panel.command(*create).strip()}"}
    made_up = {**token, "X-Forwarded-For": CLIENT, "X-Forwarded-Proto": "http"}
    assert front.ask("GET", "/api/v1/settings/", token)[0].status == 200
    assert front.ask("GET", "/api/v1/settings/", token, client=STRANGER)[0].status in (401, 403)
    assert front.ask("GET", "/api/v1/settings/", made_up, client=STRANGER)[0].status in (401, 403)


def test_a_redirect_leads_on_over_tls_and_keeps_the_method(front: Front) -> None:
    """Without the slash at the end, and without TLS."""
    answer, _ = front.ask("GET", "/api/v1/settings", front.account)
    assert answer.status == 308
    whole = f"https://localhost:{front.https_port}/api/v1/settings/"
    assert urljoin(whole, answer.headers["Location"]) == whole
    answer, _ = front.ask("POST", "/api/v1/settings/", tls=False)
    assert answer.status == 308
    assert answer.headers["Location"] == f"https://localhost{front.outside_port}/api/v1/settings/"


@pytest.mark.parametrize("front", [nginx], indirect=True, ids=["nginx"])
def test_a_storm_of_requests_is_refused_with_429(front: Front) -> None:
    """Where the proxy's configuration says so; Caddy has no such limit of its own."""

    def ask(_: int) -> set[int]:
        """Ask without making a connection for each, which a slow machine takes its time for."""
        connection = http.client.HTTPSConnection(
            *("localhost", front.https_port),
            timeout=90,
            source_address=(STRANGER, 0),
            context=front.trust,
        )
        statuses = set()
        with closing(connection):
            for _ in range(400):
                connection.request("GET", "/healthz")
                with connection.getresponse() as answer:
                    answer.read()
                statuses.add(answer.status)
                if 429 in statuses:
                    break
        return statuses

    with ThreadPoolExecutor(4) as executor:
        assert set().union(*executor.map(ask, range(4))) == {200, 429}
