"""Reading the ini; as root only what nobody else can have written."""

from __future__ import annotations

import configparser
import errno
import os
import stat
from pathlib import Path

from mailpanel.errors import DeploymentError

__all__ = ["read_ini", "trusted_path"]

MOST_LINKS = 40  # as Linux has it: path_resolution(7)


def read_ini(path: str | Path, trusted: bool = False) -> dict[str, str]:
    """Return the ``[app:main]`` section of the ini at *path*.

    With *trusted*, for a process that runs as root: the file, every directory above
    it and every symbolic link on the way must belong to root, and nobody else may
    write to them. Raises :class:`DeploymentError` where it cannot be read or trusted;
    its message never quotes the ini, which may hold a password.
    """
    path = Path(path).absolute()
    parser = configparser.ConfigParser(
        defaults={"here": str(path.parent), "__file__": str(path)}, default_section="DEFAULT"
    )
    try:
        parser.read_string(_trusted_text(path) if trusted else path.read_text(encoding="utf-8"))
        section = dict(parser["app:main"])
    except (FileNotFoundError, NotADirectoryError):
        raise DeploymentError(
            f"{path}: there is no such file; name one with --config or MAILPANEL_CONFIG"
        ) from None
    except OSError as error:
        raise DeploymentError(f"{path}: it cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DeploymentError(f"{path}: it is not UTF-8; save it as UTF-8") from None
    except KeyError:
        raise DeploymentError(
            f"{path}: it has no section [app:main]; add the line [app:main] before the options"
        ) from None
    except configparser.Error as error:
        raise DeploymentError(f"{path}: {_what_is_wrong(error)}") from None
    return {name: value for name, value in section.items() if name not in ("here", "__file__")}


def _what_is_wrong(error: configparser.Error) -> str:
    """Return where and what, with the remedy; the error's own words quote the line."""
    match error:
        case configparser.InterpolationError():
            return f"{error.option}: a % begins a name to be filled in; write % as %%"
        case configparser.MissingSectionHeaderError():
            return f"line {error.lineno}: this stands before the first [section]; move it below"
        case configparser.DuplicateOptionError() | configparser.DuplicateSectionError():
            return f"line {error.lineno}: this stands there already; remove one of the two"
        case configparser.ParsingError():
            return f"line {error.errors[0][0]}: write NAME = VALUE"
    return "its syntax is wrong"


def _trusted_text(path: Path) -> str:
    # What is looked at is what is read: another file in its place would go unseen otherwise.
    descriptor = os.open(trusted_path(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, encoding="utf-8") as stream:
        _require_roots(path, os.fstat(descriptor))
        return stream.read()


def trusted_path(path: Path) -> Path:
    """Return where the absolute *path* leads, without symbolic links or two dots.

    It is walked as the kernel does. Raises :class:`DeploymentError` for the first thing
    on the way that somebody other than root could change, :class:`OSError` where there
    is no way.
    """
    place, ahead, links = Path("/"), list(reversed(path.parts[1:])), 0
    _require_roots(place, place.lstat())
    while ahead:
        part = ahead.pop()
        if part == "..":
            place = place.parent
            continue
        status = (place / part).lstat()
        _require_roots(place / part, status)
        if not stat.S_ISLNK(status.st_mode):
            place /= part
            continue
        links += 1
        if links > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        target = (place / part).readlink()
        place = Path("/") if target.is_absolute() else place
        ahead += reversed([each for each in target.parts if each != "/"])
    return place


def _require_roots(place: Path, status: os.stat_result) -> None:
    is_link = stat.S_ISLNK(status.st_mode)
    if status.st_uid != 0:
        remedy = f"chown {'-h ' if is_link else ''}root {place}"
        raise DeploymentError(f"{place}: as root only what belongs to root is read: {remedy}")
    # In a sticky directory nobody can rename what is root's; a link has no mode of its own.
    is_sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    if status.st_mode & 0o022 and not is_link and not is_sticky:
        raise DeploymentError(f"{place}: others may write to it: chmod go-w {place}")
