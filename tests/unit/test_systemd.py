"""deploy/systemd: what systemd-analyze says of the units, and that every exception is meant."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mailpanel.deployment import OPTIONS

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
# The exposure at most: from 0, nothing can happen, to 10.
EXPOSURE = {"web": 1.1, "apply": 2.8}
# What each is not protected from. Each has its reason in the unit, or there is nothing to
# do about it: it needs sockets and the network, and both share the host's files.
NETWORK = {
    "PrivateNetwork",
    "RestrictAddressFamilies_AF_INET_INET6",
    "RestrictAddressFamilies_AF_UNIX",
}
# The clock's device that ProtectClock itself allows to be read, and the root directory.
ANYBODY = {"DeviceAllow", "RootDirectoryOrRootImage"}
EXCEPTIONS = {
    "web": {*NETWORK, *ANYBODY, "IPAddressDeny"},
    "apply": {
        *NETWORK,
        *ANYBODY,
        "IPAddressDeny",
        "RestrictAddressFamilies_AF_NETLINK",
        "UserOrDynamicUser",
        "UMask",
        "PrivateUsers",
        "ProtectHome",
        "ProtectProc",
        "ProcSubset",
        "CapabilityBoundingSet_CAP_CHOWN_FSETID_SETFCAP",
        "CapabilityBoundingSet_CAP_DAC_FOWNER_IPC_OWNER",
        "CapabilityBoundingSet_CAP_KILL",
        "CapabilityBoundingSet_CAP_SET_UID_GID_PCAP",
        "SystemCallFilter_privileged",
    },
}


def analyzed(name: str, *options: str) -> str:
    """Return what systemd-analyze says of a unit; no systemd has to run for it."""
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", *options]
    unit = str(UNITS / f"mailpanel-{name}.service")
    done = subprocess.run([*command, unit], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


@pytest.mark.parametrize("name", EXPOSURE)
def test_the_exposure_is_no_larger(name: str) -> None:
    """The figure that docs/systemd.md tells, too."""
    (figure,) = re.findall(r"Overall exposure level .*: ([0-9.]+) ", analyzed(name))
    assert float(figure) <= EXPOSURE[name]
    page = (UNITS.parents[1] / "docs" / "systemd.md").read_text(encoding="utf-8")
    assert f"| `mailpanel-{name}.service` | {EXPOSURE[name]} |" in page


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_every_exception_is_meant(name: str) -> None:
    """A restriction that a unit loses fails here, and so does one that it gains unsaid."""
    rows: list[dict[str, Any]] = json.loads(analyzed(name, "--json=short"))
    exposed = {row["json_field"] for row in rows if row["set"] is False}
    assert exposed == EXCEPTIONS[name]


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("web", "user"),
        ("web", "state_directory"),
        ("web", "postfix_config_directory"),
        ("web", "msmtp_config_file"),
        ("apply", "state_directory"),
    ],
)
def test_what_a_unit_names_is_the_default_of_the_option(name: str, attribute: str) -> None:
    """Whoever sets the option says it in a drop-in too, as the page tells."""
    (option,) = [each for each in OPTIONS if each.attribute == attribute]
    text = (UNITS / f"mailpanel-{name}.service").read_text(encoding="utf-8")
    assert re.search(rf"[= -]{re.escape(option.default)}(/database)?\s", text)
