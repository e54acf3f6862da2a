"""Errors as RFC 9457 documents, and bodies of a limited size."""

import logging
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from oms.api.errors import Problem

log = logging.getLogger(__name__)


def answer(problem: Problem) -> Response:
    """The HTTP response to a problem."""
    return Response(
        orjson.dumps(problem.body()),
        problem.status,
        headers=problem.headers,
        media_type="application/problem+json",
    )


def answers_with_problems(app: FastAPI) -> None:
    """Let every error of an app, expected or not, be a problem document."""

    @app.exception_handler(Problem)
    async def expected(_request: Request, problem: Problem) -> Response:
        return answer(problem)

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> Response:
        code = f"ERR_HTTP_{error.status_code}"
        return answer(Problem(error.status_code, code, str(error.detail), headers=dict(error.headers or {})))

    @app.exception_handler(Exception)
    async def unexpected(_request: Request, _error: Exception) -> Response:
        detail = "the call could not be answered; the log of the server says why"
        return answer(Problem(500, "ERR_INTERNAL", detail))


def require_json(request: Request) -> None:
    """Raises Problem 415 unless the body is said to be JSON in UTF-8, not packed."""
    kind, _, options = request.headers.get("content-type", "").partition(";")
    charset = options.lower().replace(" ", "").replace('"', "").removeprefix("charset=")
    if kind.strip().lower() != "application/json" or charset not in ("", "utf-8"):
        raise Problem(415, "ERR_CONTENT_TYPE", "the body must be application/json in UTF-8")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Problem(415, "ERR_CONTENT_ENCODING", "the body must not be packed")


async def body_up_to(request: Request, most: int) -> bytes:
    """The whole body. Raises Problem 413 as soon as it is longer than `most` bytes."""
    too_long = Problem(413, "ERR_TOO_LARGE", f"the body is longer than {most} bytes")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise too_long
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > most:
            raise too_long
        pieces.append(piece)
    return b"".join(pieces)


def as_json(content: Any, status: int = 200) -> Response:
    """A response with JSON."""
    return Response(orjson.dumps(content), status, media_type="application/json")
