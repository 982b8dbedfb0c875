"""No packet leaves this machine: names and addresses other than loopback are refused where Python connects."""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import Any

__all__ = ["QUIET", "only_loopback"]

#: What libraries read to be told not to report home, and who would take them elsewhere.
QUIET = {
    "ANONYMIZED_TELEMETRY": "false",
    "DO_NOT_TRACK": "1",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_TELEMETRY": "False",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "NO_PROXY": "127.0.0.1,localhost",
    "OPIK_SENTRY_ENABLE": "false",
}


class Elsewhere(OSError):
    """A connection to another machine was refused."""


def only_loopback() -> None:
    """Refuse other addresses from now on, in this process, where Python's sockets are used."""
    os.environ.update(QUIET)
    resolve, connect = socket.getaddrinfo, socket.socket.connect

    def resolved(host: Any, *arguments: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and not local(name):
            raise Elsewhere(f"refused to look up {name}")
        return resolve(host, *arguments, **more)

    def connected(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not local(address[0]):
            raise Elsewhere(f"refused to connect to {address[0]}")
        connect(self, address)

    socket.getaddrinfo = resolved
    socket.socket.connect = connected  # type: ignore[method-assign]


def local(host: str) -> bool:
    """Return whether this is the machine itself."""
    if host in ("localhost", ""):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
