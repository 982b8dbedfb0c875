"""Whom a trace is about: the users, contacts, sessions and conversations that its runs name. Pure.

A row of the `subject` table says that some run of a trace names, or has named, somebody. It is how all that a person
left is found again without an index over every run; whether a run still names them is looked up in the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from agenttrace.model.rows import RunRow

__all__ = ["CONTACT", "CONVERSATION", "SESSION", "USER", "Subject", "key_of", "subjects_of"]

USER = 1
CONTACT = 2
SESSION = 3
CONVERSATION = 4

_LONGEST = 64


class Subject(NamedTuple):
    """One row: in this workspace, this trace names this user, contact, session or conversation."""

    workspace_id: bytes
    kind: int
    key: str
    trace_id: bytes


def subjects_of(run: RunRow) -> list[Subject]:
    """Return whom a run names."""
    named = ((USER, run.user_id), (CONTACT, run.ai_contact_id), (SESSION, run.session_id))
    named = (*named, (CONVERSATION, run.conversation_id))
    return [Subject(run.workspace_id, kind, key_of(value), run.trace_id) for kind, value in named if value is not None]


def key_of(value: str | bytes) -> str:
    """Return what somebody is found by: a UUID's 32 hexadecimal digits, or the beginning of a text.

    >>> key_of(bytes(16)), key_of("someone")
    ('00000000000000000000000000000000', 'someone')
    """
    return value.hex() if isinstance(value, bytes) else value[:_LONGEST]
