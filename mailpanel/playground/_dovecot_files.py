"""The configuration of a private Dovecot, as an administrator might have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["DovecotFiles"]

# %-formatted: Dovecot's own text is full of braces.
MAIN = """\
## dovecot.conf of a private Dovecot. This file is an administrator's own: comments,
## odd spacing and all.
%(versions)s
protocols = imap lmtp  submission
listen=127.0.0.1

  # Where its sockets are, and what it remembers.
  base_dir = %(run)s
state_dir   =   %(state)s
"""

INCLUDES = """
# The order in the directory counts: 10- before 15-.
!include conf.d/*.conf
  !include_try local.conf
"""

LOGGING = """\
log_path = %(log)s
#auth_verbose = no
#mail_debug = no
"""

# Refused log-ins put a penalty on the address, and here all come from one:
# https://doc.dovecot.org/2.3/configuration_manual/authentication/auth_penalty/
NO_PENALTY = """
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
"""

AUTH_2_3 = """\
auth_mechanisms = plain login
#auth_default_realm =

passdb {
  driver = passwd-file
  args = username_format=%%u %(users)s
}
userdb {
    driver=passwd-file
    args = username_format=%%u %(users)s
}
"""

AUTH_2_4 = """\
auth_mechanisms = plain login
#auth_default_domain =

passdb passwd-file {
  passwd_file_path = %(users)s
}
userdb passwd-file {
    passwd_file_path=%(users)s
}
"""

MAIL = """\
# All mailboxes belong to one user of the system.
mail_uid = mail
mail_gid  = mail
first_valid_uid = %(uid)d
mail_home = %(mail)s/%(user)s
%(location)s

namespace %(namespace)s {
  # There must be exactly one with inbox=yes.
  inbox=yes
\tseparator = /
}
"""

MASTER = """\
service imap-login {
  inet_listener imap {
    port = %(imap_port)d
  }
  inet_listener imaps {
    port=0
  }
}
service submission-login {
  inet_listener submission {
    #port = 587
    port = %(submission_port)d
  }
%(submissions)s}
service lmtp {
  unix_listener lmtp {
    mode = 0600   # root's alone
  }
}
submission_relay_host = 127.0.0.1
submission_relay_port = %(relay_port)d
"""

SUBMISSIONS_2_4 = """\
  inet_listener submissions {
    port = 0
  }
"""

# Not offered: the log-ins are on loopback, and certificates are not what is tried here.
SSL = """\
ssl = no
"""

MAILBOXES = """\
namespace %(namespace)s {
  # RFC 6154; what is called how is up to each site.
  mailbox Drafts {
    special_use = \\Drafts
  }
  mailbox %(junk)s {
    special_use = \\Junk
  }

  mailbox   %(trash)s   {
\tspecial_use=\\Trash
  }
  mailbox Sent {
    special_use = \\Sent
  }
}
"""


@dataclass(frozen=True, slots=True)
class DovecotFiles:
    """What the configuration of a Dovecot of *version* ("2.3", "2.4.1") says.

    *folders* has the names of the folders that are \\Junk (``junk``) and \\Trash
    (``trash``), *namespace* that of the namespace with the inbox, and *extra* is text
    that the configuration ends with. *mail_format* is ``maildir`` or ``mdbox``.
    Submission hands on to *relay_port* of this machine. With *penalty* Dovecot delays
    log-ins after wrong passwords, as it does by default.
    """

    version: str
    places: Mapping[str, Path]
    imap_port: int
    submission_port: int
    uid: int
    folders: Mapping[str, str] = field(default_factory=dict)
    namespace: str = "inbox"
    mail_format: str = "maildir"
    relay_port: int = 25
    penalty: bool = False
    extra: str = ""

    def texts(self, *, conf_d: bool) -> dict[str, str]:
        """Return the files by their path below the configuration directory.

        Without *conf_d* all stands in dovecot.conf, which includes nothing.
        """
        values = self._values()
        parts = {
            "10-auth.conf": (AUTH_2_4 if self._is_2_4 else AUTH_2_3) % values,
            "10-logging.conf": LOGGING % values,
            "10-mail.conf": MAIL % values,
            "10-master.conf": MASTER % values,
            "10-ssl.conf": SSL,
            "15-mailboxes.conf": MAILBOXES % values,
        }
        if not self.penalty:
            parts["20-no-penalty.conf"] = NO_PENALTY.lstrip()
        if self.extra:
            parts["90-extra.conf"] = self.extra.rstrip("\n") + "\n"
        main = MAIN % values
        if conf_d:
            own = {f"conf.d/{name}": text for name, text in parts.items()}
            return {"dovecot.conf": main + INCLUDES, **own}
        return {"dovecot.conf": "\n".join([main, *parts.values()])}

    @property
    def _is_2_4(self) -> bool:
        major, minor = self.version.split(".")[:2]
        return (int(major), int(minor)) >= (2, 4)

    def _values(self) -> dict[str, object]:
        names = {"junk": "Junk", "trash": "Trash", **self.folders}
        versions = (
            f"dovecot_config_version = {self.version}\ndovecot_storage_version={self.version}\n"
        )
        return {
            **self.places,
            **{name: _quoted(folder) for name, folder in names.items()},
            "versions": versions if self._is_2_4 else "",
            "uid": self.uid,
            "user": "%{user}" if self._is_2_4 else "%u",
            "location": self._location(),
            "namespace": self.namespace,
            "imap_port": self.imap_port,
            "submission_port": self.submission_port,
            "relay_port": self.relay_port,
            "submissions": SUBMISSIONS_2_4 if self._is_2_4 else "",
        }

    def _location(self) -> str:
        path = {"maildir": "~/Maildir", "mdbox": "~/mdbox"}[self.mail_format]
        if self._is_2_4:
            return f"mail_driver = {self.mail_format}\nmail_path={path}"
        return f"mail_location = {self.mail_format}:{path}"


def _quoted(folder: str) -> str:
    return folder if folder.isalnum() else f'"{folder}"'
