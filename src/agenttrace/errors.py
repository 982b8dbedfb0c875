"""Every error that agenttrace raises to its users, in one tree.

    AgentTraceError
    ├── ConfigurationError        a setting or argument that cannot be used      (also ValueError)
    ├── InvalidQuery              a query argument outside its documented range  (also ValueError)
    ├── NotFound                  what was asked for does not exist              (also LookupError)
    │   ├── RunNotFound
    │   ├── EventNotFound
    │   ├── AgentNotFound
    │   ├── SessionNotFound
    │   ├── ContactNotFound
    │   ├── ConversationNotFound
    │   ├── KeyNotFound
    │   └── LetterNotFound
    ├── StoreError                the store did not do what it was asked
    │   ├── StoreUnavailable      out of reach or busy: the same call may work later
    │   ├── StoreRejected         these rows will never be accepted: retrying is useless
    │   └── StoreTooNew           written by a newer agenttrace
    └── InternalError             a defect inside agenttrace; raised only under `agenttrace.testing`

Recording never raises any of them into the traced program.
"""

from __future__ import annotations

from agenttrace.faults import AgentTraceError, ConfigurationError, InternalError, InvalidQuery

__all__ = [
    "AgentNotFound",
    "AgentTraceError",
    "ConfigurationError",
    "ContactNotFound",
    "ConversationNotFound",
    "EventNotFound",
    "InternalError",
    "InvalidQuery",
    "KeyNotFound",
    "LetterNotFound",
    "NotFound",
    "RunNotFound",
    "SessionNotFound",
    "StoreError",
    "StoreRejected",
    "StoreTooNew",
    "StoreUnavailable",
]


class NotFound(AgentTraceError, LookupError):
    """Name the id that does not exist in the caller's workspace."""


class RunNotFound(NotFound):
    """No run has this id in this workspace."""


class EventNotFound(NotFound):
    """No visible event has this id in this session."""


class AgentNotFound(NotFound):
    """No agent with this key was recorded or registered in this workspace."""


class SessionNotFound(NotFound):
    """No session with this key or id was recorded or registered in this workspace."""


class ContactNotFound(NotFound):
    """No AI contact with this id was recorded or registered in this workspace."""


class ConversationNotFound(NotFound):
    """No conversation with this id was recorded in this workspace."""


class KeyNotFound(NotFound):
    """No API key has this id in this workspace."""


class LetterNotFound(NotFound):
    """No dead letter has this id, in the store or in a file: it was retried or discarded."""


class StoreError(AgentTraceError):
    """The store did not do what it was asked; nothing of the batch was kept."""


class StoreUnavailable(StoreError):
    """The store is out of reach or busy; the same call may work later."""


class StoreRejected(StoreError):
    """The store refuses these rows for what they are; retrying is useless."""


class StoreTooNew(StoreError):
    """The store was written by a newer agenttrace; upgrade the library to use it."""
