"""The command that serves a store over HTTP. Uvicorn and the app are imported when it is asked for."""

from __future__ import annotations

import logging
import signal
from importlib.util import find_spec
from typing import Annotated, Any

import typer

from agenttrace.cli.source import store_url
from agenttrace.cli.text import clean
from agenttrace.errors import ConfigurationError

__all__ = ["serve"]

_NEEDED = ("fastapi", "uvicorn", "limits")

#: Seconds for which requests may go on once the server is told to end.
_GRACE = 10


def serve(
    store: Annotated[
        str | None,
        typer.Option(
            "--store", help="URL or SQLite file of the store. Default: AGENTTRACE_STORE, else agenttrace.db here."
        ),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    no_auth: Annotated[
        bool, typer.Option("--no-auth", help="Let everybody on this machine read the default workspace.")
    ] = False,
    cors_origin: Annotated[
        list[str] | None, typer.Option("--cors-origin", help="Origin that browsers may call from; may be repeated.")
    ] = None,
    rate: Annotated[str, typer.Option("--rate", help="Requests a key may make for each view.")] = "60/minute",
    cache_ttl: Annotated[
        float, typer.Option("--cache-ttl", min=0, max=1800, help="Seconds an Ask AI answer is kept, 0 to 1800.")
    ] = 60,
    root_path: Annotated[str, typer.Option("--root-path", help="The path that a proxy in front takes off.")] = "",
) -> None:
    """Serve the documented APIs over HTTP until Ctrl-C or SIGTERM; keys are made by `agenttrace keys create`."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigurationError(f"serving needs {', '.join(missing)}: pip install 'agenttrace-otel[asgi,cli]'")
    import uvicorn  # comes with the extra `asgi`

    from agenttrace.asgi import create_app, is_loopback
    from agenttrace.configure import AgentTrace

    if no_auth and not is_loopback(host):
        raise typer.BadParameter(
            f"{clean(host)} is not this machine alone; leave out --host or --no-auth", param_hint="--no-auth"
        )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings: dict[str, Any] = {"rates": {"default": rate}, "cache_ttl": cache_ttl, "cors_origins": cors_origin or ()}
    if no_auth:
        settings["auth"] = None
    # Uvicorn ends gracefully at SIGTERM, then sends it once more to whoever handled it before: here it is as Ctrl-C, so
    # that the journal is drained as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with AgentTrace(store_url(store)) as trace:
        try:
            app = create_app(trace, **settings)
        except ConfigurationError as problem:
            raise typer.BadParameter(clean(str(problem))) from problem
        try:
            # The app's own log has a line a request, without what it asked for.
            uvicorn.run(
                app,
                host=host,
                port=port,
                root_path=root_path,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE,
            )
        except SystemExit as ended:
            # Uvicorn has said why it cannot listen; its status for that is another one than this command's.
            raise typer.Exit(1 if ended.code else 0) from ended
