"""The documented APIs over HTTP, as an ASGI app. Needs the extra `asgi`."""

from __future__ import annotations

from agenttrace.asgi.anonymous import is_loopback
from agenttrace.asgi.app import create_app
from agenttrace.asgi.auth import ApiKeys
from agenttrace.asgi.principal import Principal
from agenttrace.asgi.settings import Settings

__all__ = ["ApiKeys", "Principal", "Settings", "create_app", "is_loopback"]
