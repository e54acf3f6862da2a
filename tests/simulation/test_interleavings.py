"""Random interleavings of everything keep the invariants (architecture.md 8.1-8.5; INV-56 a-e).

In `make test` the same few plays are drawn every time. `make soak` (OMS_PROPERTY_EXAMPLES) draws many anew;
what it finds is kept in .soak and played first from then on, and becomes a fixed play of test_found.py. With
OMS_PROPERTY_SHRINK=1 a play that fails is played in ever shorter forms before it is told, which takes minutes
in silence: it looks like a play that stands still, and hypothesis takes the time limit for one more failure.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase

from tests.simulation.actions import Action
from tests.simulation.drawing import happenings
from tests.simulation.play import World, play

EXAMPLES = int(os.environ.get("OMS_PROPERTY_EXAMPLES", "0"))
FEW = 15
FOUND = Path(__file__).parents[2] / ".soak"
SHRINKS = os.environ.get("OMS_PROPERTY_SHRINK") == "1"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0 if EXAMPLES else 1500)]


@st.composite
def plays(draw: st.DrawFn) -> tuple[World, list[Action]]:
    """Draw a world and what happens in it."""
    figures = st.tuples(*[st.integers(0, 12)] * 6)
    few, kit = st.integers(1, 3), draw(st.booleans())
    world = World(
        modes=draw(st.sampled_from((("DELTA", "RECENT"), ("DELTA", "DELTA"), ("RECENT", "DELTA")))),
        guarded=draw(st.booleans()),
        basis=draw(st.sampled_from(("ATP", "QOH", "QOH", "COMPUTED_ATP"))),
        other_shop=draw(st.sampled_from((False, False, True))),
        shown=draw(figures),
        stock=draw(figures),
        opened=draw(st.sampled_from((True, True, False))),
        max_drop=draw(st.sampled_from((None, None, 50, 90))),
        kit=draw(st.tuples(few, st.integers(1, 2))) if kit else None,
        box=draw(st.one_of(st.none(), st.tuples(st.integers(1, 2), few))) if kit else None,
    )
    shops = ("demo", "demo", "other") if world.other_shop else ("demo",)
    return world, draw(happenings(shops))


@settings(
    max_examples=EXAMPLES or FEW,
    derandomize=not EXAMPLES,
    database=DirectoryBasedExampleDatabase(FOUND) if EXAMPLES else None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.reuse, Phase.generate, *([Phase.shrink] if SHRINKS else [])),
)
@given(drawn=plays())
def test_inv_56_any_interleaving_keeps_the_invariants(begin: Callable[[World], Any], drawn) -> None:
    world, happening = drawn
    play(begin, world, *happening)
