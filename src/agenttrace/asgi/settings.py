"""What an app can be told: limits, timeouts, cross-origin rules. Values, checked when they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

from agenttrace.asgi.cache import MAX_TTL
from agenttrace.errors import ConfigurationError

__all__ = ["Settings"]

_LEAST = {
    "threads": 1,
    "max_header_bytes": 1_024,
    "max_query_bytes": 256,
    "max_body_bytes": 0,
    "max_ingest_bytes": 1_024,
    "max_sockets": 0,
    "max_workspace_sockets": 0,
}


def _no_rates() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one app.

    Raises ConfigurationError for a value that cannot be used.

    >>> Settings().store_timeout
    10.0
    """

    #: Requests a view and caller, such as {"default": "60/minute", "run_logs": "10/second"}.
    rates: Mapping[str, str] = field(default_factory=_no_rates)
    #: Seconds for which an Ask AI answer may be given again, 0 (never) to 1,800.
    cache_ttl: float = 60
    #: Origins that browsers may call from; ("*",) means any. Without any there is no CORS.
    cors_origins: tuple[str, ...] = ()
    #: Whether answers are compressed for those who accept it.
    gzip: bool = True
    #: How many questions the store is asked at a time.
    threads: int = 4
    #: Seconds after which a question to the store is given up: 503.
    store_timeout: float = 10.0
    #: What a request's headers may take, together: 431 above it.
    max_header_bytes: int = 16_384
    #: What a request's query string may take: 414 above it.
    max_query_bytes: int = 8_192
    #: What a request's body may take: 413 above it.
    max_body_bytes: int = 65_536
    #: The same where runs are sent in.
    max_ingest_bytes: int = 16 << 20
    #: How many WebSockets may be open, and how many of them those of one workspace.
    max_sockets: int = 200
    max_workspace_sockets: int = 100
    #: Seconds between two looks for new events of a session that is followed.
    socket_interval: float = 0.25

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise ConfigurationError(f"{name}: must be an int of {least} or more, got {value!r}")
        for name in ("store_timeout", "socket_interval"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 3_600:
                raise ConfigurationError(f"{name}: must be more than 0 and at most 3600 seconds, got {value!r}")
        ttl = self.cache_ttl
        if not isinstance(ttl, int | float) or isinstance(ttl, bool) or not 0 <= ttl <= MAX_TTL:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"cache_ttl: must be 0 to {MAX_TTL} seconds, got {ttl!r}")
        if isinstance(self.cors_origins, str):
            raise ConfigurationError("cors_origins: must be several, as a list or tuple, got a text")
        object.__setattr__(self, "cors_origins", tuple(self.cors_origins))

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of all settings."""
        return tuple(known.name for known in fields(cls))
