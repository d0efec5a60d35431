"""One wrong input, or more, for each rule of "Fields" and "Errors" in the contract.

``test_wrong_inputs.py`` sends them all. A rule without a row fails there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from panel import INTERVAL, MAILER, MASTER, RELAYHOST

__all__ = ["RULES", "SECRET", "STORED", "WRONG_INPUTS", "Wrong", "name_of"]

SECRET = "xyzzy-plugh-17"
NAMELESS = {"server_hostname": "relay.example.org", "server_port": 587}
GOOD = {**NAMELESS, "username": "someone", "password": SECRET}
ACCOUNT = {**GOOD, "password": "the-stored-one"}
DAYS = {"junk_days": 7, "trash_days": 14}
# What is the desired value of each setting before, where something is.
STORED: dict[str, Any] = {RELAYHOST: ACCOUNT, MAILER: ACCOUNT, INTERVAL: DAYS, MASTER: {}}
LARGEST = 65_536


@dataclass(frozen=True)
class Wrong:
    """A request that breaks *rule*; ``fields`` are those that its 422 names, in any order.

    ``stored`` says that the setting has the value in :data:`STORED` before. ``prepare``
    names a method of the panel to call before.
    """

    rule: str
    body: Any
    status: int = 422
    fields: tuple[str, ...] = ()
    method: str = "POST"
    url: str = RELAYHOST
    caller: str = "MasterAdmin"
    headers: dict[str, str] = field(default_factory=dict)
    stored: bool = False
    prepare: str = ""

    def rejected(self) -> list[str]:
        """Return the texts that no answer may hold; too short ones stand in sentences anyway."""
        texts = [SECRET, ACCOUNT["password"]]
        if isinstance(self.body, dict):
            texts += [each for each in self.body.values() if isinstance(each, str)]
        return [text for text in texts if len(text.strip()) > 4]

    @property
    def setting(self) -> str:
        """Return the URL of the setting that it is about."""
        url = self.url.partition("?")[0]
        return url if url in STORED else RELAYHOST


def fields(
    rule: str, *names: str, url: str = RELAYHOST, stored: bool = False, **values: Any
) -> Wrong:
    """Return a 422 for *names*, of the good value with *values* in it; ``...`` leaves one out."""
    good = {INTERVAL: DAYS, MASTER: {}}.get(url, GOOD)
    body = {name: value for name, value in {**good, **values}.items() if value is not ...}
    return Wrong(rule, body, fields=names, url=url, stored=stored)


def raw(rule: str, body: bytes) -> Wrong:
    """Return a 400 for a body that is not what the contract calls JSON."""
    return Wrong(rule, body, 400)


def credential(rule: str, header: str) -> Wrong:
    """Return a 401 for an ``Authorization`` header."""
    return Wrong(rule, GOOD, 401, headers={"Authorization": header}, caller="nobody")


HOSTNAMES = {
    "text": 17,
    "not empty": "",
    "IDNA 2008": "relay\u2603.example.org",
    "IDNA 2008, an A-label": "xn--relay-\u00fc.example.org",
    "no underscore": "relay_1.example.org",
    "letters and digits": "relay!.example.org",
    "no hyphen at an end": "-relay.example.org",
    "a label of 63": f"{'r' * 64}.example.org",
    "a name of 253": ".".join(["relay-label"] * 22),
    "no empty label": "relay..example.org",
    "no dot alone": ".",
    "an IPv4 literal": "192.0.2.256",
    "an IPv4 literal in canonical form": "192.0.2.010",
    "an IPv4 literal in decimal": "192.0.514",
    "an IPv6 literal": "2001:db8::10000",
    "an IPv6 literal, not mapped": "::ffff:192.0.2.17",
    "no zone": "fe80::1%eth0",
    "no port": "relay.example.org:587",
    "no brackets": "[relay.example.org]",
    "no $": "$myhostname",
    "no blanks inside": "relay. example.org",
    "no blanks around": " relay.example.org",
    "no line break": "relay.example.org\n",
    "no NUL": "relay.example.org\x00",
    "no lone surrogate": "relay\ud800.example.org",
    "no scheme": "smtp://relay.example.org",
}
PORTS = {
    "not 0": 0,
    "not above 65535": 65_536,
    "not negative": -587,
    "not true": True,
    "not text": "58700",
    "not a float": 587.0,
    "not null": None,
    "not a list": [587],
}
USERNAMES = {
    "text": 17,
    "not null": None,
    "not empty": "",
    "255 characters": "u" * 256,
    "no colon": "some:body",
    "no blank before": " somebody",
    "no blank after": "somebody\u3000",
    "no control character": "some\tbody",
    "no lone surrogate": "somebody\udfff",
}
PASSWORDS = {
    "text": 1717,
    "not true": True,
    "not null": None,
    "not empty": "",
    "1,024 characters": "\U0001f511" * 1_025,
    "no line break": f"{SECRET}\r\nRSET",
    "no NUL": f"{SECRET}\x00",
    "no C1 control character": f"{SECRET}\x85!",
    "no lone surrogate": f"{SECRET}\ud83d",
    "no blank before": f" {SECRET}",
    "no blank after": f"{SECRET}\u00a0",
}
KEPT = {
    "server_hostname": {"server_hostname": "other.example.org"},
    "server_port": {"server_port": 465},
    "username": {"username": "other"},
    "security": {"security": "starttls"},
}
SECURITIES = {"a known word": "ssl/tls", "not null": None, "text": 17}
NUMBERS_OF_DAYS = {
    "not 0": 0,
    "not above 3650": 3_651,
    "not negative": -7,
    "not true": True,
    "not text": "7",
    "not empty text": "",
    "not a float": 7.0,
    "not a list": [7],
}
# The mailer's schema has these from the relayhost's; what is its own is tried in full.
SHARED = {
    "server_hostname": ("no underscore", "no port", "no $", "no zone", "not empty"),
    "server_port": ("not 0", "not above 65535", "not true", "not text", "not a float"),
    "password": ("not null", "not empty", "no line break", "no NUL", "no blank after"),
}
NOT_NULL = {"0": 0, "false": False, "a number": 1, "text": "null", "an object": {}, "a list": []}
GENERATED = {"password": SECRET, "value": SECRET, "hash": f"{{ARGON2ID}}${SECRET}"}

MALFORMED = {
    "not JSON": b"server_hostname=relay",
    "cut off": b'{"password": "xyzzy-plugh-17"',
    "blanks alone": b"  ",
    "NaN": b'{"server_port": NaN}',
    "Infinity": b'{"server_port": -Infinity}',
    "a key twice": b'{"password": "xyzzy-plugh-17", "password": "xyzzy-plugh-18"}',
    "a key twice, inside": b'{"a": {"b": 1, "\\u0062": 1}}',
    "a list": b'["xyzzy-plugh-17"]',
    "null": b"null",
    "text": b'"xyzzy-plugh-17"',
    "invalid UTF-8": b'{"password": "xyzzy-plugh-17\xff"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": "{}".encode("utf-16"),
    "17 levels": b'{"a": ' + b"[" * 16 + b"]" * 16 + b"}",
    "64 KiB of brackets": b"[" * LARGEST,
}
CREDENTIALS = {
    "none": "",
    "an unknown token": "Bearer mp_0000000000000000000000000000000000000000000",
    "an unknown user": "Basic bm9ib2R5Om1wX3h4eA==",
    "no base64": "Basic %%%",
    "no colon": "Basic bm9ib2R5",
    "invalid UTF-8": "Basic /zpi",
    "a control character": "Basic YQA6Yg==",
    "no token": "Bearer",
    "two tokens": "Bearer aa bb",
    "another scheme": 'Digest username="MasterAdmin"',
    "no scheme": "xyzzy",
}

WRONG_INPUTS: list[Wrong] = [
    *(fields(f"hostname: {rule}", "server_hostname", server_hostname=value)
      for rule, value in HOSTNAMES.items()),
    fields("hostname: required", "server_hostname", server_hostname=...),
    *(fields(f"port: {rule}", "server_port", server_port=value) for rule, value in PORTS.items()),
    fields("port: required", "server_port", server_port=...),
    Wrong("port: not of 5,000 digits", b'{"server_port": %s, "server_hostname": "relay"}'
          % (b"9" * 5_000), fields=("server_port",)),
    Wrong("port: no exponent", b'{"server_port": 1e999, "server_hostname": "relay"}',
          fields=("server_port",)),
    *(fields(f"username: {rule}", "username", username=value)
      for rule, value in USERNAMES.items()),
    fields("username: required with a password", "username", username=...),
    *(fields(f"password: {rule}", "password", password=value)
      for rule, value in PASSWORDS.items()),
    fields("password: required with a username", "password", password=...),
    *(fields(f"password: kept only with the same {rule}", "password", password=..., stored=True,
             **change) for rule, change in KEPT.items()),
    *(fields(f"security: {rule}", "security", security=value)
      for rule, value in SECURITIES.items()),
    fields("security: none only without an account", "security", security="none"),
    *(fields(f"mailer: {rule}", "server_hostname", url=MAILER, server_hostname=HOSTNAMES[rule])
      for rule in SHARED["server_hostname"]),
    *(fields(f"mailer: port {rule}", "server_port", url=MAILER, server_port=PORTS[rule])
      for rule in SHARED["server_port"]),
    *(fields(f"mailer: username {rule}", "username", url=MAILER, username=value)
      for rule, value in USERNAMES.items()),
    *(fields(f"mailer: password {rule}", "password", url=MAILER, password=PASSWORDS[rule])
      for rule in SHARED["password"]),
    *(fields(f"mailer: {name} required", name, url=MAILER, **{name: ...}) for name in GOOD),
    fields("mailer: no account", "username", "password", url=MAILER, username=..., password=...),
    Wrong("mailer: no body", b"", fields=tuple(GOOD), url=MAILER),
    *(fields(f"mailer: password kept only with the same {rule}", "password", password=...,
             url=MAILER, stored=True, **change) for rule, change in KEPT.items()),
    *(fields(f"mailer: security {rule}", "security", url=MAILER, security=value)
      for rule, value in SECURITIES.items()),
    fields("mailer: security none", "security", url=MAILER, security="none"),
    fields("mailer: security none", "username", "password", "security", url=MAILER,
           username=..., password=..., security="none"),
    fields("mailer: unknown keys", "from", url=MAILER, **{"from": "xyzzy@example.org"}),
    *(fields(f"days: {rule}", name, url=INTERVAL, stored=stored, **{name: value})
      for name, stored in (("junk_days", False), ("trash_days", True))
      for rule, value in NUMBERS_OF_DAYS.items()),
    *(fields(f"days: {name} required", name, url=INTERVAL, stored=True, **{name: ...})
      for name in DAYS),
    Wrong("days: both required", b"", fields=tuple(DAYS), url=INTERVAL),
    Wrong("days: both required", {}, fields=tuple(DAYS), url=INTERVAL, stored=True),
    Wrong("days: no exponent", b'{"junk_days": 1e1, "trash_days": null}', fields=("junk_days",),
          url=INTERVAL),
    fields("days: all at once", "junk_days", "trash_days", "inbox_days", url=INTERVAL,
           junk_days=0, trash_days="x", inbox_days=7),
    fields("days: unknown keys", "inbox_days", url=INTERVAL, inbox_days=7),
    *(fields(f"master password: null is not {rule}", "null", url=MASTER, null=value)
      for rule, value in NOT_NULL.items()),
    *(fields(f"master password: no {name} of one's own", name, url=MASTER, stored=True,
             **{name: value}) for name, value in GENERATED.items()),
    fields("master password: all at once", "null", "password", url=MASTER, null=1,
           password=SECRET),
    Wrong("master password: an object", b"null", 400, url=MASTER),
    Wrong("master password: an object", b'"xyzzy-plugh-17"', 400, url=MASTER, stored=True),
    Wrong("master password: blanks are a body", b" ", 400, url=MASTER),
    Wrong("master password: 415", {"null": None}, 415, url=MASTER,
          headers={"Content-Type": "text/plain"}),
    Wrong("master password: 412", b"", 412, url=MASTER, headers={"If-Match": "*"}),
    Wrong("master password: 422, probe", b"", fields=("probe",), url=f"{MASTER}?probe=1"),
    fields("unknown keys", "colour", colour="xyzzy-blue"),
    Wrong("all wrong fields at once", {"server_port": "xyzzy", "password": f"{SECRET}\n",
                                       "colour": "xyzzy-blue"},
          fields=("server_hostname", "server_port", "username", "password", "colour")),
    Wrong("no body is the empty object", b"", fields=("server_hostname", "server_port")),
    *(raw(f"JSON: {rule}", body) for rule, body in MALFORMED.items()),
    Wrong("413", b'{"password": "' + b"x" * LARGEST + b'"}', 413),
    Wrong("415: another type", GOOD, 415, headers={"Content-Type": "text/plain"}),
    Wrong("415: a form", GOOD, 415,
          headers={"Content-Type": "application/x-www-form-urlencoded"}),
    Wrong("415: none", GOOD, 415, headers={"Content-Type": ""}),
    Wrong("415: another charset", GOOD, 415,
          headers={"Content-Type": "application/json; charset=latin-1"}),
    Wrong("415: another parameter", GOOD, 415,
          headers={"Content-Type": "application/json; version=2"}),
    Wrong("406", GOOD, 406, headers={"Accept": "text/html"}),
    Wrong("406: q=0", GOOD, 406, headers={"Accept": "application/json;q=0, */*"}),
    Wrong("406: problem+json is no answer", GOOD, 406,
          headers={"Accept": "application/problem+json"}),
    Wrong("400: a path that is not UTF-8", GOOD, 400, url="/api/v1/settings/%ff/"),
    Wrong("404: no such URL", GOOD, 404, url="/api/v1/xyzzy/"),
    Wrong("404: no such setting", GOOD, 404, url="/api/v1/settings/xyzzy/"),
    Wrong("404: no such host", b"", 404, method="GET", url="/api/v1/hosts/xyzzy/"),
    Wrong("404: no such host", b"", 404, method="DELETE", url="/api/v1/hosts/xy%00zzy/"),
    Wrong("405", GOOD, 405, method="PUT"),
    *(credential(f"401: {rule}", header) for rule, header in CREDENTIALS.items()),
    Wrong("403: the level", GOOD, 403, caller="MailUser"),
    Wrong("403: the level", GOOD, 403, caller="DomainAdmin"),
    Wrong("403: read-only", GOOD, 403, caller="read-only"),
    Wrong("403: another setting", GOOD, 403, caller="other-setting"),
    Wrong("412: another revision", GOOD, 412, headers={"If-Match": '"17"'}, stored=True),
    Wrong("412: weak", GOOD, 412, headers={"If-Match": 'W/"1"'}, stored=True),
    Wrong("412: malformed", GOOD, 412, headers={"If-Match": "1"}, stored=True),
    Wrong("412: malformed", GOOD, 412, headers={"If-Match": '*, "1"'}, stored=True),
    Wrong("412: nothing is set", GOOD, 412, headers={"If-Match": "*"}),
    Wrong("412: nothing to reset", b"", 412, method="DELETE", headers={"If-Match": "*"}),
    Wrong("422: probe", GOOD, fields=("probe",), url=f"{RELAYHOST}?probe=xyzzy"),
    Wrong("422: probe", GOOD, fields=("probe",), url=f"{RELAYHOST}?probe=no&probe=yes"),
    Wrong("422: probe", GOOD, fields=("probe",), url=f"{RELAYHOST}?probe=%ff"),
    Wrong("422: probe", b"", fields=("probe",), url=f"{RELAYHOST}?probe", method="DELETE"),
    Wrong("422: dry_run", GOOD, fields=("dry_run",), url=f"{RELAYHOST}?dry_run=yes"),
    Wrong("422: dry_run", b"", fields=("dry_run",), url=f"{RELAYHOST}?dry_run=yes",
          method="DELETE", stored=True),
    Wrong("429", GOOD, 429, caller="nobody", headers={"Authorization": "Bearer xyzzy"},
          prepare="throttle"),
    Wrong("503", GOOD, 503, prepare="lose_database"),
]  # fmt: skip

# What the contract says, one entry a rule; a row's own rule begins with one of them.
RULES = (
    "hostname: required", "hostname: text", "hostname: IDNA 2008", "hostname: no underscore",
    "hostname: an IPv4 literal", "hostname: an IPv6 literal", "hostname: no zone",
    "hostname: no port", "hostname: no brackets", "hostname: no $", "hostname: no blanks",
    "port: required", "port: not 0", "port: not above 65535", "port: not true", "port: not text",
    "port: not a float", "username: not null", "username: not empty", "username: 255 characters",
    "username: no colon", "username: no blank before", "username: no blank after",
    "username: no control character", "username: no lone surrogate",
    "username: required with a password", "password: required with a username",
    "password: not null", "password: not empty", "password: 1,024 characters",
    "password: no NUL", "password: no lone surrogate", "password: no blank before",
    "password: no blank after", *(f"password: kept only with the same {name}" for name in KEPT),
    "security: a known word", "security: none only without an account", "unknown keys",
    *(f"mailer: {name} required" for name in GOOD), "mailer: username 255 characters",
    "mailer: username no colon", "mailer: username not null",
    *(f"mailer: password kept only with the same {name}" for name in KEPT),
    "mailer: port not true", "mailer: port not text", "mailer: port not a float",
    "mailer: password not null", "mailer: password not empty", "mailer: no account",
    "mailer: security a known word", "mailer: security none", "mailer: unknown keys",
    *(f"days: {rule}" for rule in NUMBERS_OF_DAYS), "days: junk_days required",
    "days: trash_days required", "days: unknown keys", "master password: null is not a number",
    "master password: no password of one's own", "master password: an object",
    "all wrong fields at once", *(f"JSON: {name}" for name in MALFORMED), "413", "415", "406",
    "400: a path that is not UTF-8", "401: none", "401: an unknown user",
    "401: an unknown token", "403: the level", "403: read-only", "403: another setting",
    "404: no such setting", "404: no such host", "405", "412: another revision",
    "412: nothing is set", "422: probe", "422: dry_run", "429", "503",
)  # fmt: skip


def name_of(wrong: Wrong) -> str:
    """Return how pytest shows a row."""
    return json.dumps(wrong.rule).strip('"')
