"""The errors that the five sources document, as requests and what they are answered."""

from __future__ import annotations

from typing import Any

from tests.asgi.asgi_world import (
    ACTION_LOGS,
    ANALYTICS,
    ANN,
    ASK_LOGS,
    BLUE,
    CONTACT,
    EVENTS,
    HOME,
    NOBODY,
    PROMPTS,
    RESET,
    RUN_LOGS,
    SESSION_KEY,
    TALK,
)

ONE_EVENT = f"{EVENTS}/aev_1"
CONTACT_LOGS = "/api/public/run-logs?ai_contact_id="

#: The source of each error, the request, the caller, the status and the body: all of it, or its code.
Case = tuple[str, str, str, int, Any]


def coded(code: str, message: str) -> dict[str, str]:
    """Return the body of the views whose source documents a code, or no body at all."""
    return {"code": code, "message": message}


NO_KEY = coded("unauthorized", "an API key is needed, and this is none that is valid")
NO_SCOPE = coded("forbidden", "the key lacks the scope read")
INVALID, UNAUTHORIZED = {"message": "Invalid request"}, {"message": "Unauthorized"}
FORBIDDEN, NO_SESSION = {"message": "Forbidden"}, {"message": "Session not found"}

RUN_LOG_ERRORS: list[Case] = [
    ("GET", f"{CONTACT_LOGS}x", "owner", 400, coded("invalid_request", "ai_contact_id: must be a UUID, got 'x'")),
    ("GET", "/api/public/run-logs", "owner", 400, coded("invalid_request", "ai_contact_id: is missing")),
    ("GET", f"{RUN_LOGS}&page=0", "owner", 400, coded("invalid_request", "page: must be 1 or more, got 0")),
    ("GET", f"{RUN_LOGS}&page=x", "owner", 400, coded("invalid_request", "page: must be an integer, got 'x'")),
    ("GET", f"{RUN_LOGS}&page=1&page=2", "owner", 400, coded("invalid_request", "page: must be given once")),
    (
        "GET",
        f"{RUN_LOGS}&page_size=0",
        "owner",
        400,
        coded("invalid_request", "page_size: must be between 1 and 100, got 0"),
    ),
    (
        "GET",
        f"{RUN_LOGS}&page_size=101",
        "owner",
        400,
        coded("invalid_request", "page_size: must be between 1 and 100, got 101"),
    ),
    ("GET", RUN_LOGS, "none", 401, NO_KEY),
    ("GET", RUN_LOGS, "bad", 401, NO_KEY),
    ("GET", RUN_LOGS, "no_read", 403, NO_SCOPE),
    (
        "GET",
        f"{CONTACT_LOGS}{NOBODY}",
        "owner",
        404,
        coded("contact_not_found", f"no AI contact {NOBODY} in this workspace; was it recorded or registered?"),
    ),
    (
        "GET",
        RUN_LOGS,
        "other_workspace",
        404,
        coded("contact_not_found", f"no AI contact {CONTACT} in this workspace; was it recorded or registered?"),
    ),
]

_DAYS = "start_date=2026-01-02&end_date=2026-01-01"
_YEARS = "start_date=2025-01-01&end_date=2026-01-01"
ASK_AI_ERRORS: list[Case] = [
    ("GET", f"{ASK_LOGS}?start_date=today&end_date=2026-01-01", "owner", 400, "invalid_request"),
    ("GET", f"{ASK_LOGS}?start_date=2026-02-29&end_date=2026-03-01", "owner", 400, "invalid_request"),
    ("GET", f"{ASK_LOGS}?{_DAYS}", "owner", 400, "invalid_request"),
    ("GET", f"{ASK_LOGS}?{_YEARS}", "owner", 400, "invalid_request"),
    ("GET", f"{ASK_LOGS}?page=0", "owner", 400, coded("invalid_request", "page: must be 1 or more, got 0")),
    ("GET", f"{ASK_LOGS}?limit=0", "owner", 400, coded("invalid_request", "limit: must be 1 or more, got 0")),
    ("GET", ASK_LOGS, "none", 401, NO_KEY),
    ("GET", ASK_LOGS, "no_read", 403, NO_SCOPE),
    ("GET", f"{ANALYTICS}?{_DAYS}", "owner", 400, "invalid_request"),
    ("GET", f"{ANALYTICS}?{_YEARS}", "owner", 400, "invalid_request"),
    ("GET", ANALYTICS, "none", 401, NO_KEY),
    ("GET", ANALYTICS, "no_read", 403, NO_SCOPE),
]

ACTION_LOG_ERRORS: list[Case] = [
    ("GET", "/ai/logs", "session_owner", 400, INVALID),
    ("GET", "/ai/logs?sessionId=x", "session_owner", 400, INVALID),
    ("GET", f"/ai/logs?sessionId={SESSION_KEY}", "session_owner", 400, INVALID),
    ("GET", f"{ACTION_LOGS}&limit=0", "session_owner", 400, INVALID),
    ("GET", f"{ACTION_LOGS}&limit=201", "session_owner", 400, INVALID),
    ("GET", f"{ACTION_LOGS}&limit=x", "session_owner", 400, INVALID),
    ("GET", ACTION_LOGS, "none", 401, UNAUTHORIZED),
    ("GET", ACTION_LOGS, "expired", 401, UNAUTHORIZED),
    ("GET", ACTION_LOGS, "stranger", 403, FORBIDDEN),
    ("GET", ACTION_LOGS, "no_read", 403, FORBIDDEN),
    ("GET", f"/ai/logs?sessionId={NOBODY}", "session_owner", 404, NO_SESSION),
    ("GET", ACTION_LOGS, "other_workspace", 404, NO_SESSION),
    ("DELETE", "/ai/sessions", "session_owner", 400, INVALID),
    ("DELETE", f"/ai/sessions?teamId={BLUE}", "session_owner", 400, INVALID),
    ("DELETE", f"/ai/sessions?userId={ANN}", "session_owner", 400, INVALID),
    ("DELETE", f"/ai/sessions?teamId=blue&userId={ANN}", "session_owner", 400, INVALID),
    ("DELETE", f"/ai/sessions?teamId={BLUE}&userId=ann", "session_owner", 400, INVALID),
    ("DELETE", RESET, "none", 401, UNAUTHORIZED),
    ("DELETE", RESET, "expired", 401, UNAUTHORIZED),
    ("DELETE", RESET, "teammate", 403, FORBIDDEN),
    ("DELETE", f"/ai/sessions?teamId={NOBODY}&userId={ANN}", "session_owner", 403, FORBIDDEN),
]

_NO_AGENT = coded("agent_not_found", "no agent agt_none in this workspace; was it recorded or registered?")
AGENT_EVENT_ERRORS: list[Case] = [
    ("GET", EVENTS.replace("agt_", "bot_"), "owner", 400, "invalid_request"),
    ("GET", EVENTS.replace("ase_", "ses_"), "owner", 400, "invalid_request"),
    ("GET", EVENTS.replace(SESSION_KEY, "ase_%C3%A4"), "owner", 400, "invalid_request"),
    ("GET", f"{EVENTS}?limit=0", "owner", 400, coded("invalid_request", "limit: must be between 1 and 100, got 0")),
    ("GET", f"{EVENTS}?limit=101", "owner", 400, coded("invalid_request", "limit: must be between 1 and 100, got 101")),
    (
        "GET",
        f"{EVENTS}?page_key=e30=",
        "owner",
        400,
        coded("invalid_request", "page_key: is none that an earlier page gave"),
    ),
    ("GET", EVENTS, "none", 401, NO_KEY),
    ("GET", EVENTS, "revoked", 401, NO_KEY),
    ("GET", EVENTS, "stranger", 403, coded("forbidden", "the session is another user's")),
    ("GET", EVENTS, "no_read", 403, NO_SCOPE),
    ("GET", EVENTS.replace("agt_support", "agt_none"), "owner", 404, _NO_AGENT),
    (
        "GET",
        EVENTS.replace(SESSION_KEY, "ase_none"),
        "owner",
        404,
        coded("session_not_found", "no session ase_none of agent agt_support in this workspace"),
    ),
    ("GET", f"{EVENTS}/evt_1", "owner", 400, "invalid_request"),
    ("GET", ONE_EVENT, "none", 401, NO_KEY),
    ("GET", ONE_EVENT, "stranger", 403, coded("forbidden", "the session is another user's")),
    ("GET", ONE_EVENT.replace("agt_support", "agt_none"), "owner", 404, _NO_AGENT),
    ("GET", ONE_EVENT.replace(SESSION_KEY, "ase_none"), "owner", 404, "session_not_found"),
    ("GET", ONE_EVENT, "owner", 404, "event_not_found"),
]

_NO_WORKSPACE = coded("not_found", "there is no such workspace")
PROMPT_LOG_ERRORS: list[Case] = [
    (
        "GET",
        f"{PROMPTS}?conversation_id={TALK}&call_sid=CA1",
        "admin",
        400,
        coded("invalid_request", "call_sid: cannot be combined with conversation_id; leave out one of them"),
    ),
    ("GET", PROMPTS, "none", 401, NO_KEY),
    ("GET", PROMPTS, "session_owner", 403, coded("forbidden", "prompt logs are for admins and owners")),
    ("GET", PROMPTS, "su", 403, coded("forbidden", "prompt logs are for admins and owners")),
    ("GET", PROMPTS, "no_read", 403, NO_SCOPE),
    ("GET", PROMPTS, "other_workspace", 404, _NO_WORKSPACE),
    ("GET", PROMPTS.replace(HOME, NOBODY), "admin", 404, _NO_WORKSPACE),
    (
        "GET",
        f"{PROMPTS}?conversation_id={NOBODY}",
        "admin",
        404,
        coded("conversation_not_found", f"no conversation {NOBODY} in this workspace"),
    ),
]

CASES = RUN_LOG_ERRORS + ASK_AI_ERRORS + ACTION_LOG_ERRORS + AGENT_EVENT_ERRORS + PROMPT_LOG_ERRORS

#: One good request a view, and a caller who may make it.
GOOD: dict[str, tuple[str, str, str]] = {
    "run_logs": ("GET", RUN_LOGS, "owner"),
    "ask_ai_logs": ("GET", ASK_LOGS, "owner"),
    "ask_ai_analytics": ("GET", ANALYTICS, "owner"),
    "action_logs": ("GET", ACTION_LOGS, "owner"),
    "reset_session": ("DELETE", RESET, "session_owner"),
    "agent_events": ("GET", EVENTS, "owner"),
    "agent_event": ("GET", ONE_EVENT, "owner"),
    "prompt_logs": ("GET", PROMPTS, "owner"),
}
