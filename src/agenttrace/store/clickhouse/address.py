"""Where a ClickHouse store is, as its URL says it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from agenttrace.errors import ConfigurationError
from agenttrace.location import shown
from agenttrace.store.clickhouse.schema import Place

__all__ = ["Address", "read_url"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_FLAGS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_SECONDS = ("connect_timeout", "send_receive_timeout")
_OPTIONS = ("cluster", "secure", "verify", "ca_cert", *_SECONDS)


@dataclass(frozen=True, slots=True)
class Address:
    """A server or cluster behind HTTP, or a folder in which the engine keeps its data in this process."""

    url: str  # to show: without the password
    place: Place
    folder: Path | None = None
    options: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)  # of the driver; holds the password


def read_url(url: str) -> Address:
    """Return what a URL says; raises ConfigurationError, whose words hold no password.

    `clickhouse://user:password@host:8123/database?cluster=name&secure=true`, or `chdb:///folder?database=name`, where a
    fourth slash makes the folder an absolute one. Without a name the database is `agenttrace`.

    >>> address = read_url("clickhouse://app:hunter2@db.example/traces?secure=true&cluster=main")
    >>> address.url, address.place.cluster
    ('clickhouse://app:***@db.example/traces?secure=true&cluster=main', 'main')
    """
    scheme = url.partition("://")[0].lower()
    return _folder(url) if scheme == "chdb" else _server(url)


def _folder(url: str) -> Address:
    path, _, query = url.partition("://")[2].partition("?")
    if not path.startswith("/") or path == "/":
        raise ConfigurationError(f"store: {url!r} needs three slashes and a folder, as in chdb:///folder")
    options = _read_options(query, ("database",))
    folder = Path(path[1:]).absolute()
    return Address(url, Place(_name("database", options.get("database", "agenttrace"))), folder)


def _server(url: str) -> Address:
    hint = "clickhouse://..."
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"store: {hint} is no URL: host or port cannot be read") from error
    if not host:
        raise ConfigurationError(f"store: {hint} names no host; use clickhouse://user@host/database")
    options = _read_options(parts.query, _OPTIONS)
    secure = _flag("secure", options.get("secure", "true" if port == 8443 else "false"))
    driver: dict[str, Any] = {
        "host": host,
        "port": port or (8443 if secure else 8123),
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password or ""),
        "interface": "https" if secure else "http",
    }
    if "verify" in options:
        driver["verify"] = _flag("verify", options["verify"])
    if "ca_cert" in options:
        driver["ca_cert"] = options["ca_cert"]
    driver |= {name: _seconds(name, options[name]) for name in _SECONDS if name in options}
    cluster = options.get("cluster")
    place = Place(
        _name("database", unquote(parts.path[1:]) or "agenttrace"),
        None if cluster is None else _name("cluster", cluster),
    )
    return Address(shown(url), place, None, driver)


def _read_options(query: str, known: tuple[str, ...]) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name in options:
        if name not in known:
            raise ConfigurationError(f"store: unknown option {name!r} in the URL; known are {', '.join(known)}")
    return options


def _name(option: str, value: str) -> str:
    if not _NAME.match(value):
        raise ConfigurationError(f"store: {option} {value!r} is no name of letters, digits, '_', '.' and '-'")
    return value


def _flag(option: str, value: str) -> bool:
    known = _FLAGS.get(value.lower())
    if known is None:
        raise ConfigurationError(f"store: {option} must be true or false, got {value!r}")
    return known


def _seconds(option: str, value: str) -> int:
    if not value.isdecimal() or not int(value):
        raise ConfigurationError(f"store: {option} must be a number of seconds, got {value!r}")
    return int(value)
