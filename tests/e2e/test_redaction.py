"""Secrets reach no disk: not the journal before the flush, not the store after it, whatever they were hidden in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agenttrace import AgentTrace, current

A = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzA1b"

#: A secret that is known by its form -> the part of it that must not be left.
BY_FORM = {
    f"sk-proj-{A}": A,
    f"ghp_{A}": A,
    "AKIAIOSFODNN7EXAMPLE": "AKIAIOSFODNN7EXAMPLE",
    f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{A}": A,
    f"Authorization: Bearer {A}": A,
    "https://ann:open-sesame-1@example.org/x": "open-sesame-1",
    "4111 1111 1111 1111": "4111 1111 1111 1111",
    f"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\n{A}\n-----END PRIVATE KEY-----": "MIIEvQIBADANBgkqh",
}
#: A value that is a secret by the name of its key only.
PLAIN = "correct horse battery staple"


def everything(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each file below a folder, whole."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()


def leaks(folder: Path, *secrets: str) -> list[tuple[str, str]]:
    """Return in which files which of the secrets stand, in any of the ways in which JSON may write them."""
    spellings = {secret: {secret, json.dumps(secret)[1:-1], secret.replace("/", "\\/")} for secret in secrets}
    return [
        (name, secret)
        for name, data in everything(folder)
        for secret, ways in spellings.items()
        if any(way.encode() in data for way in ways)
    ]


@pytest.fixture
def held(tmp_path: Path) -> Iterator[AgentTrace]:
    """Give an AgentTrace whose writer, after its first round, waits for a flush: records stay in the journal."""
    with AgentTrace(store=tmp_path / "traces.db", flush_interval=3600) as trace:
        trace.register_agent("somebody")
        assert trace.flush(20)
        yield trace
        assert trace.stats().internal_errors == 0


def check(trace: AgentTrace, folder: Path, *secrets: str, left: str) -> None:
    """Assert that no file has a secret, before and after the flush, and that the text around them is on the disk."""
    assert leaks(folder, *secrets) == []
    assert any(name.startswith("traces.db.journal/") for name, _ in leaks(folder, left)), "it is in the journal"
    assert trace.flush(20)
    assert leaks(folder, *secrets) == []
    assert any(name in ("traces.db", "traces.db-wal") for name, _ in leaks(folder, left)), "it is in the store"
    assert "REDACTED" in str([(run.content, run.error, run.attributes, run.name) for run in trace.query.runs()])
    assert trace.shutdown(20)
    assert leaks(folder, *secrets) == []


def by_argument(trace: AgentTrace, secret: str) -> None:
    @trace.tool_call
    def tool(text: str, *more: Any, **named: Any) -> None:
        pass

    tool(f"canary {secret}", [secret], deep={"er": ({"list": [f"x {secret}"]},)})


def by_output(trace: AgentTrace, secret: str) -> None:
    @trace.tool_call
    def tool() -> Any:
        return {"canary": f"it is {secret}", "more": [secret, {secret: 1}], "json": json.dumps({"a": secret})}

    tool()


def by_error(trace: AgentTrace, secret: str) -> None:
    @trace.tool_call
    def tool(canary: int) -> None:
        try:
            raise ValueError(f"cause {secret}")
        except ValueError as error:
            raise RuntimeError(f"canary failed with {secret}") from error

    with pytest.raises(RuntimeError):
        tool(1)


def by_attribute(trace: AgentTrace, secret: str) -> None:
    with trace.scope(attributes={"canary": secret, "list": [secret]}), trace.master("turn") as span:
        span.set("own", {"inner": secret})
        span.add_event("canary", {"detail": secret})


def by_prompt(trace: AgentTrace, secret: str) -> None:
    history = [{"role": "user", "content": f"canary {secret}"}]
    with trace.prompt("engage", model="m", system_prompt=secret, history=history, full_prompt=secret) as prompt:
        prompt.response = f"you said {secret}"


def by_thinking(trace: AgentTrace, secret: str) -> None:
    with trace.scope(session_id="s"), trace.master("turn", input=f"canary {secret}") as span:
        span.thinking(f"canary: {secret}")
        span.message(secret, role="user")
        span.message({"text": secret})


def by_name(trace: AgentTrace, secret: str) -> None:
    with trace.span("step", f"canary {secret}"):
        current().update_name(f"canary again {secret}")
    trace.register_agent("canary", secret)


def by_stream(trace: AgentTrace, secret: str) -> None:
    @trace.prompt("stream")
    def stream() -> Iterator[str]:
        yield "canary "
        yield secret

    list(stream())


WAYS = [by_argument, by_output, by_error, by_attribute, by_prompt, by_thinking, by_stream, by_name]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_secrets_known_by_their_form(tmp_path: Path, held: AgentTrace, way: Any) -> None:
    """Wherever they were."""
    for secret in BY_FORM:
        way(held, secret)
    check(held, tmp_path, *BY_FORM.values(), left="canary")


def test_secrets_known_by_the_name_of_their_key(tmp_path: Path, held: AgentTrace) -> None:
    """Parameters, keys of dicts, attributes, fields of objects, assignments in text; a count of tokens is no secret."""

    class Settings:
        def __init__(self) -> None:
            self.__dict__.update(api_key=PLAIN, region="north")

    @held.tool_call
    def log_in(user: str, password: str, **more: Any) -> Any:
        return {"session": {"authToken": PLAIN, "X-Api-Key": PLAIN}, "canary": 1}

    log_in("ann", PLAIN, client_secret=PLAIN, settings=Settings(), nested=[{"Cookie": PLAIN}])
    with held.scope(attributes={"db_password": PLAIN, "input_tokens": 812}), held.master("turn") as span:
        span.set("refresh_token", PLAIN)
        span.output = f'{{"password": "{PLAIN}"}}'
        span.thinking(f'the config says password = "{PLAIN}"')
    check(held, tmp_path, PLAIN, left="canary")


def test_secrets_of_a_callable_of_ones_own(tmp_path: Path) -> None:
    """`redact=` is applied to every text as well."""

    def redact(key: str | None, text: str) -> str:
        return text.replace("employee-4711", "[REDACTED:employee]")

    with AgentTrace(store=tmp_path / "traces.db", flush_interval=3600, redact=redact) as trace:
        trace.register_agent("somebody")
        assert trace.flush(20)
        for way in WAYS:
            way(trace, "of employee-4711 it is")
        check(trace, tmp_path, "employee-4711", left="canary")


def test_switched_off_the_harness_finds_them(tmp_path: Path) -> None:
    """Each of the ways does write the secret where nothing redacts it."""
    for way in (*WAYS, by_name):
        folder = tmp_path / way.__name__
        with AgentTrace(store=folder / "traces.db", redact=False) as trace:
            way(trace, "open sesame 4711")
            assert trace.flush(20)
            assert leaks(folder, "open sesame 4711")
