"""From a PostgreSQL URL to what libpq connects with: the same, and sensible limits where the URL names none."""

from __future__ import annotations

import os
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from agenttrace.errors import ConfigurationError

__all__ = ["conninfo_of"]

_DEFAULTS: dict[str, Any] = {
    "application_name": "agenttrace",
    "connect_timeout": 10,
    # A host that is gone without a word is noticed after some 30 seconds.
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
# In milliseconds. The lock that writers take turns with must not stay with one that hangs; plans of prepared statements
# are made once, since making them takes longer than using them, so they may date from when the tables were empty: each
# statement has its index, and is to use it however small a table is, in joins as well. Compiling a plan never pays.
_SETTINGS = {
    "statement_timeout": 60_000,
    "lock_timeout": 15_000,
    "idle_in_transaction_session_timeout": 30_000,
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}


def conninfo_of(url: str) -> str:
    """Return the connection string; what the URL or libpq's environment say goes before the defaults.

    Raises ConfigurationError, without the URL's words, where libpq cannot read it.
    """
    try:
        given = dict(conninfo_to_dict(url))
    except psycopg.Error:
        raise ConfigurationError(
            "store: this postgresql:// URL cannot be read; it looks like postgresql://user:password@host:5432/database,"
            " with %XX for special characters in user and password, and libpq's parameters behind a question mark"
        ) from None
    if "," in str(given.get("host", "")):  # of several servers the one that may be written to, after a failover as well
        given.setdefault("target_session_attrs", "read-write")
    ours = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    theirs = given.get("options") or os.environ.get("PGOPTIONS", "")
    options = f"{ours} {theirs}".strip()
    fixed = {"client_encoding": "UTF8", "options": options}
    return make_conninfo("", **{**_DEFAULTS, **given, **fixed})
