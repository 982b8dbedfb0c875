"""Reading without authentication, for one's own machine: who comes from elsewhere is refused."""

from __future__ import annotations

import ipaddress
import logging
from typing import TYPE_CHECKING, Any

from agenttrace.asgi.errors import Refusal
from agenttrace.asgi.principal import Principal

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

__all__ = ["Anonymous", "is_loopback"]

_log = logging.getLogger("agenttrace.asgi")


class Anonymous:
    """Takes everybody on this machine for a reader who may see all of the default workspace.

    Raises Refusal, 403, where the client or the address that it reached is no loopback address, and where the request
    names a host that other machines' names may lead here by (DNS rebinding): what is allowed are loopback addresses,
    localhost, and names without a dot.
    """

    def __init__(self) -> None:
        _log.warning("auth=None: everybody on this machine may read everything in the default workspace")
        self._principal = Principal(workspace_id=None, role="owner", scopes=("read",))

    def __call__(self, connection: HTTPConnection) -> Principal:
        """Return the reader; raises Refusal."""
        ends: list[Any] = [connection.scope.get("client"), connection.scope.get("server")]
        if any(end is not None and _is_elsewhere(str(end[0])) for end in ends):
            raise Refusal(403, "forbidden", "without authentication only this machine is served")
        if not _is_local_name(connection.headers.get("host", "")):
            raise Refusal(403, "forbidden", "without authentication only localhost is served")
        return self._principal


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine: a loopback address, or localhost.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "example.com")]
    [True, True, True, False, False]
    """
    try:
        return _address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_elsewhere(host: str) -> bool:
    """Return whether the end of a connection is another machine's; Unix sockets and calls in process have none."""
    try:
        return not _address(host).is_loopback
    except ValueError:
        return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def _is_local_name(host: str) -> bool:
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    return is_loopback(name) or not (set(name) & set(".:"))
