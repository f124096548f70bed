"""The API under requests that nobody would think of, made from its own description."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from service.actions import people
from service.model import Account, Role
from tests.desk import Visitor, busy_desk

EXAMPLES = 12  # of each operation, that fit its description; and as many that do not
PASSWORD = "correct horse battery staple"
schemathesis.serializer.alias("application/toml", "text/plain")  # a watchlist

BOUNDED = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_is_a_fault_of_the_server(tmp_path: Path, mode: GenerationMode) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        people.add(room.app, Account(name="anna", role=Role.ADMIN), PASSWORD)
        visitor.sign_in("anna", PASSWORD)
        described = schemathesis.openapi.from_dict(visitor.get("/api/v1/openapi.json").json())
        asked = 0
        for found in described.get_all_operations():
            assert isinstance(found, Ok), "the description of the API is no OpenAPI"
            operation = found.ok()
            asked += 1

            @BOUNDED
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: Case[Any]) -> None:
                _ask(visitor, case)

            with suppress(Unsatisfiable):  # there is nothing to be wrong about where nothing is sent
                ask()
        assert asked > 50


def _ask(visitor: Visitor, case: Case[Any]) -> None:
    session = {"Cookie": f"session={visitor.client.cookies['session']}"}
    answer = case.call(base_url=visitor.url, headers=session)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and case.path.startswith("/api/"):
        assert answer.headers["content-type"] == ["application/problem+json"], answer.text
