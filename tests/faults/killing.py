"""Processes that a test kills (`kill -9`) at a crash point.

They are forks of one that has imported what they work with: starting afresh takes each of them a second.
"""

import functools
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from typing import Any

import pytest

SECONDS = 60
IMPORTED_BEFORE = ["tests.faults.killing", "tests.faults.jobs", "tests.oms.imports.conftest"]


def killed_at(point: str, function: Callable[..., Any], *arguments: Any) -> None:
    """Run `function(*arguments)` in a process of its own, which must be killed at the point."""
    code, said = in_a_process(function, *arguments, crash_at=point)
    assert code == -signal.SIGKILL, f"{point} was not reached: {said[-2000:]}"


def in_a_process(function: Callable[..., Any], *arguments: Any, crash_at: str = "") -> tuple[int, str]:
    """Run `function(*arguments)` in a process of its own; its exit code and what it printed."""
    with tempfile.NamedTemporaryFile("r") as output:
        process = _forks().Process(target=_run, args=(output.name, crash_at, function, arguments))
        process.start()
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"{function} is not done in {SECONDS} s: {output.read()[-2000:]}")
        return process.exitcode, output.read()


@functools.cache
def _forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED_BEFORE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        forkserver.ensure_running()
    return context


def _run(output: str, crash_at: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    descriptor = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.environ["OMS_CRASH_AT"] = crash_at
    function(*arguments)
