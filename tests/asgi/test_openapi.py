"""The OpenAPI document: the prompt logs are as published, every route and every error is described."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.asgi.asgi_support import CONTACT, EVENTS, GOOD, RUN_LOGS, get

PUBLISHED = json.loads(
    (Path(__file__).parents[1] / "data" / "contracts" / "prompt-logs.openapi.json").read_text("utf-8")
)
PATH = "/v1/{workspace_id}/prompt-logs"

#: What our own words may say differently, and what is not in the published operation.
WORDS = {"description", "summary"}
ADDED = {"401", "413", "414", "429", "431", "500"}


def bare(document: Any) -> Any:
    """Return a document without descriptions; property names that happen to be called so stay."""
    if isinstance(document, list):
        return [bare(item) for item in document]
    if isinstance(document, dict):
        return {key: bare(value) for key, value in document.items() if key not in WORDS or isinstance(value, dict)}
    return document


@pytest.fixture(scope="module")
def served(shared_app: Any) -> Any:
    """Give the served document."""
    return json.loads(json.dumps(shared_app.openapi()))


def test_the_prompt_logs_operation_is_the_published_one(served: Any) -> None:
    """Parameters with types, limits, defaults and nullability, answers, id, tag; headers and six answers are ours."""
    ours, theirs = bare(served["paths"][PATH]["get"]), bare(PUBLISHED["paths"][PATH]["get"])
    assert ours["responses"].keys() - theirs["responses"].keys() == ADDED
    for status in ADDED:
        del ours["responses"][status]
    for answer in ours["responses"].values():
        answer.pop("headers", None)
    assert ours == theirs


def test_its_components_are_the_published_ones(served: Any) -> None:
    """Names, types, required and defaults."""
    ours = bare(served["components"])
    for name, schema in bare(PUBLISHED["components"]["schemas"]).items():
        assert ours["schemas"][name] == schema, name
    assert ours["securitySchemes"]["BearerAuth"].items() >= {"type": "http", "scheme": "bearer"}.items()
    assert {"BearerAuth": []} in served["security"]


def test_every_view_describes_its_errors(served: Any) -> None:
    """401, 429 and 500 everywhere but at the health checks, each with a body and the rate's headers."""
    for path, operations in served["paths"].items():
        for operation in operations.values():
            if path in ("/healthz", "/readyz"):
                assert operation["security"] == []
            if path in ("/healthz", "/readyz", "/v1/traces", "/v1/logs"):
                continue
            assert {"401", "429", "500"} <= operation["responses"].keys(), path
            assert "Retry-After" in operation["responses"]["429"]["headers"], path


@pytest.mark.parametrize("view", sorted(GOOD))
async def test_answers_fit_their_schema(shared_app: Any, served: Any, view: str) -> None:
    """What is served validates against what is said of it."""
    method, path = GOOD[view]
    if method == "DELETE":
        assert "content" not in served["paths"]["/ai/sessions"]["delete"]["responses"]["204"]
        return
    template = {EVENTS: "/v2/agents/{agent_key}/sessions/{session_key}/events"}.get(path, path.partition("?")[0])
    template = PATH if path.endswith("prompt-logs") else template
    content = served["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]
    schema = {**content["schema"], "components": served["components"]}
    jsonschema.Draft202012Validator(schema).validate((await get(shared_app, path)).json())


async def test_it_is_served_to_everybody(shared_app: Any) -> None:
    """It tells nothing of what is stored; there are no pages that load scripts from elsewhere."""
    found = await get(shared_app, "/openapi.json", None)
    assert (found.status_code, found.json()["openapi"][:3]) == (200, "3.1")
    assert [(await get(shared_app, path, None)).status_code for path in ("/docs", "/redoc")] == [404, 404]
    assert CONTACT not in found.text
    assert RUN_LOGS in found.json()["paths"]
