"""Run a command as a unit of systemd's would be run, where systemd is not: by what it uses itself.

    /usr/bin/python3 sandbox.py UNIT PLACES COMMAND...

PLACES is a JSON object: what stands for each path that the unit names, and so the only ones
that are there (``[]`` for none). Namespaces, capabilities and system calls are the unit's own; what
needs systemd or BPF is not imitated: IPAddress*, SocketBind*, PrivateIPC, Device*, and the limits.
The numbers and what each word means: systemd.exec(5), prctl(2), unshare(2).
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import pwd
import re
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import seccomp  # of Debian's python3-seccomp, for Debian's own Python

CLONE_NEWNS = 0x20000
CLONE_NEW = (0x80, CLONE_NEWNS, 0x2000000, 0x4000000, 0x8000000, 1 << 28, 1 << 29, 1 << 30)
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
TEMPORARY = ("/tmp", "/var/tmp")
LIBC = ctypes.CDLL(None, use_errno=True)

Unit = dict[str, list[str]]


def read_unit(path: Path) -> Unit:
    """Return the lines of each option of [Service], in their order."""
    found: Unit = {}
    for line in path.read_text().partition("[Service]")[2].partition("[Install]")[0].splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def words(unit: Unit, option: str) -> list[str]:
    """Return the words of an option that may stand on several lines."""
    return " ".join(unit.get(option, [])).split()


def ok(result: int) -> None:
    """Raise what the C library says."""
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def mount_points() -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split()[4].encode().decode("unicode_escape") for line in lines]


def close_files(unit: Unit, places: dict[str, list[str]]) -> None:
    """ProtectSystem=strict, and what is opened and closed again, in a namespace of its own."""

    def standing_for(option: str) -> list[str]:
        found = [places[word.removeprefix("-")] for word in words(unit, option)]
        return [each for names in found for each in names]

    ok(LIBC.unshare(CLONE_NEWNS))
    mount("--make-rprivate", "/")
    empty_tmp(places["tmp"])
    writable = standing_for("ReadWritePaths")
    if "RuntimeDirectory" in unit:
        writable += places["/run/mailpanel"]
    for each in [*writable, *standing_for("ReadOnlyPaths")]:
        mount("--bind", each, each)
    # The kernel's own stay as they are.
    for point in mount_points():
        if point not in (*writable, *TEMPORARY) and not re.match(r"/(dev|proc|sys)(/|$)", point):
            mount("-o", "remount,bind,ro", point)
    for each in standing_for("InaccessiblePaths"):
        hide(each)
    if "ProtectProc" in unit:
        options = "nosuid,nodev,noexec,hidepid=invisible,subset=pid"
        mount("-t", "proc", "-o", options, "proc", "/proc")


def empty_tmp(kept: list[str]) -> None:
    """PrivateTmp, but for what the host is made of."""
    opened = {name: os.open(name, os.O_PATH | os.O_DIRECTORY) for name in kept}
    for name in TEMPORARY:
        mount("-t", "tmpfs", "-o", "nosuid,nodev,mode=1777", "tmpfs", name)
    for name, descriptor in opened.items():
        Path(name).mkdir(parents=True)
        for parent in Path(name).parents:
            if parent.is_relative_to("/tmp") and str(parent) not in TEMPORARY:
                parent.chmod(0o755)
        mount("--no-canonicalize", "--bind", f"/proc/{os.getpid()}/fd/{descriptor}", name)


def hide(name: str) -> None:
    """InaccessiblePaths."""
    if Path(name).is_dir():
        mount("-t", "tmpfs", "-o", "ro,mode=000", "tmpfs", name)
    else:
        mount("--bind", "/dev/null", name)


def give_up_capabilities(unit: Unit) -> None:
    """CapabilityBoundingSet; what is not in it is gone for good with the next exec."""
    names = [word.lower() for word in words(unit, "CapabilityBoundingSet")]
    listed = subprocess.run(["capsh", "--decode=1ffffffffff"], capture_output=True, check=True)
    order = listed.stdout.decode().strip().partition("=")[2].split(",")
    for number, name in enumerate(order):
        if name not in names:
            ok(LIBC.prctl(PR_CAPBSET_DROP, number, 0, 0, 0))


def become(user: str) -> None:
    """User, for good."""
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)


def system_calls(lines: list[str]) -> set[str]:
    """Return what SystemCallFilter leaves: its first line allows, each later one adds or takes."""
    allowed = expanded("@default")
    for line in lines:
        named = {call for word in line.removeprefix("~").split() for call in expanded(word)}
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


def expanded(name: str) -> set[str]:
    """Return the system calls of a set of systemd's."""
    if not name.startswith("@"):
        return {name}
    told = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], capture_output=True, check=True, text=True
    )
    lines = [line.strip() for line in told.stdout.splitlines()[1:]]
    return {call for line in lines if line and line[0] != "#" for call in expanded(line)}


def filter_calls(unit: Unit) -> None:
    """SystemCallFilter, RestrictAddressFamilies, and the options that systemd makes filters of."""
    ok(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    filters = seccomp.SyscallFilter(seccomp.ALLOW)
    families = {getattr(socket, word) for word in words(unit, "RestrictAddressFamilies")}
    for family in set(range(64)) - families:
        unknown = seccomp.ERRNO(errno.EAFNOSUPPORT)
        filters.add_rule(unknown, "socket", seccomp.Arg(0, seccomp.EQ, family))
    for call, place, bits in forbidden():
        rule = seccomp.Arg(place, seccomp.MASKED_EQ, bits, bits)
        filters.add_rule(seccomp.ERRNO(errno.EPERM), call, rule)
    filters.load()

    allowed = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for call in sorted(system_calls(unit["SystemCallFilter"])):
        # Calls that only other architectures have are not known here.
        with suppress(RuntimeError, ValueError, OSError):
            allowed.add_rule(seccomp.ALLOW, call)
    allowed.load()


def forbidden() -> Iterator[tuple[str, int, int]]:
    """Yield the calls that are refused where an argument has certain bits."""
    # MemoryDenyWriteExecute
    yield "mmap", 2, mmap.PROT_WRITE | mmap.PROT_EXEC
    yield "mprotect", 2, mmap.PROT_EXEC
    yield "pkey_mprotect", 2, mmap.PROT_EXEC
    # RestrictNamespaces
    for flag in CLONE_NEW:
        yield "clone", 0, flag
        yield "unshare", 0, flag
    yield "setns", 0, 0
    # RestrictSUIDSGID
    for call, place in (("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("mkdir", 1), ("mkdirat", 2)):
        yield call, place, stat.S_ISUID
        yield call, place, stat.S_ISGID
    # RestrictRealtime
    yield "sched_setscheduler", 0, 0


def main(unit_file: str, places: str, *command: str) -> None:
    """Restrict this process and become *command*."""
    unit = read_unit(Path(unit_file))
    close_files(unit, json.loads(places))
    if "UMask" in unit:
        os.umask(int(unit["UMask"][0], 8))
    give_up_capabilities(unit)
    if "User" in unit:
        become(unit["User"][0])
    filter_calls(unit)
    os.execvp(command[0], command)  # noqa: S606 (what this script is for)


if __name__ == "__main__":
    main(*sys.argv[1:])
