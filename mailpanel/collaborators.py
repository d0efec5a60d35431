"""The services, as attributes of the request: all that they and the web share."""

from __future__ import annotations

from typing import Any

from mailpanel.seal import Sealer
from mailpanel.services.accounts import Accounts
from mailpanel.services.adoption import Adoption
from mailpanel.services.api_log_in import ApiLogIn
from mailpanel.services.audit import AuditLog
from mailpanel.services.authentication import Authentication
from mailpanel.services.broken_rows import BrokenRows
from mailpanel.services.changes import Changes
from mailpanel.services.clearing import Clearings
from mailpanel.services.codes import BAD_CODES, DAY, TOO_MANY_CODES, Codes
from mailpanel.services.database import Database
from mailpanel.services.errands import Errands
from mailpanel.services.half_way import Tickets
from mailpanel.services.history import History
from mailpanel.services.hosts import Hosts
from mailpanel.services.leaked import Leaked
from mailpanel.services.proofs import BAD_PASSWORDS, TOO_MANY_PASSWORDS, Proofs
from mailpanel.services.refusals import Refusals
from mailpanel.services.second_factors import SecondFactors
from mailpanel.services.sessions import Sessions
from mailpanel.services.throttle import Throttle
from mailpanel.services.tokens import Tokens
from mailpanel.services.wake import make_waker
from mailpanel.settings import SETTINGS
from mailpanel.vault import Vault

__all__ = ["includeme"]


def _database(request: Any) -> Database:
    database: Database = request.registry.database
    return database


def _changes(request: Any) -> Changes:
    deployment = request.registry.deployment
    return Changes(
        request.database,
        sealer=Sealer(deployment.public_key_file),
        waker=make_waker(request.database, deployment.wake_socket),
        settings=SETTINGS,
        check_interval=deployment.check_interval,
    )


def _errands(request: Any) -> Errands:
    deployment = request.registry.deployment
    return Errands(
        request.database,
        Sealer(deployment.public_key_file),
        make_waker(request.database, deployment.wake_socket),
        SETTINGS,
        deployment.check_interval,
    )


def _adoption(request: Any) -> Adoption:
    deployment = request.registry.deployment
    return Adoption(
        request.database,
        Sealer(deployment.public_key_file),
        make_waker(request.database, deployment.wake_socket),
        SETTINGS,
    )


def _clearings(request: Any) -> Clearings:
    interval = request.registry.deployment.check_interval
    return Clearings(request.database, request.errands, interval)


def _authentication(request: Any) -> Authentication:
    return Authentication(request.database)


def _throttle(request: Any) -> Throttle:
    return Throttle(request.database)


def _proofs(request: Any) -> Proofs:
    throttle = Throttle(
        request.database, limit=BAD_PASSWORDS, purpose="log-in ", refusal=TOO_MANY_PASSWORDS
    )
    return Proofs(request.database, throttle)


def _refusals(request: Any) -> Refusals:
    return Refusals(request.database)


def _sessions(request: Any) -> Sessions:
    return Sessions(
        request.database,
        request.proofs,
        request.codes,
        Tickets(_vault(request), request.proofs),
        require_second_factor=request.registry.deployment.require_second_factor,
        accounts=request.accounts,
    )


def _codes(request: Any) -> Codes:
    throttle = Throttle(
        request.database, limit=BAD_CODES, window=DAY, purpose="code ", refusal=TOO_MANY_CODES
    )
    return Codes(request.database, _vault(request), request.proofs, throttle)


def _second_factors(request: Any) -> SecondFactors:
    return SecondFactors(request.database, _vault(request))


def _vault(request: Any) -> Vault:
    return Vault(request.registry.deployment.web_key_file)


def _history(request: Any) -> History:
    return History(request.database, SETTINGS)


def _accounts(request: Any) -> Accounts:
    registry = request.registry
    words = registry.deployment.guessed_words
    return Accounts(request.database, words=words, is_leaked=registry.leaked.has)


def _tokens(request: Any) -> Tokens:
    return Tokens(request.database)


def _api_log_in(request: Any) -> ApiLogIn:
    return ApiLogIn(
        request.proofs,
        request.codes,
        request.tokens,
        require_second_factor=request.registry.deployment.require_second_factor,
    )


def _audit_log(request: Any) -> AuditLog:
    return AuditLog(request.database)


def _broken_rows(request: Any) -> BrokenRows:
    return BrokenRows(request.database, SETTINGS)


def _hosts(request: Any) -> Hosts:
    interval = request.registry.deployment.check_interval
    return Hosts(request.database, check_interval=interval)


def includeme(config: Any) -> None:
    """Open the database's pool, which connects nowhere yet, and name the services."""
    config.registry.database = Database(config.registry.deployment.database_url)
    config.registry.leaked = Leaked(config.registry.deployment.leaked_passwords)
    for name, factory in {
        "database": _database,
        "changes": _changes,
        "errands": _errands,
        "adoption": _adoption,
        "clearings": _clearings,
        "authentication": _authentication,
        "throttle": _throttle,
        "refusals": _refusals,
        "proofs": _proofs,
        "codes": _codes,
        "second_factors": _second_factors,
        "sessions": _sessions,
        "hosts": _hosts,
        "broken_rows": _broken_rows,
        "history": _history,
        "accounts": _accounts,
        "tokens": _tokens,
        "api_log_in": _api_log_in,
        "audit_log": _audit_log,
    }.items():
        config.add_request_method(factory, name, reify=True)
