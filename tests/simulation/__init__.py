"""Plays: the real OMS and the local shop against an observer of both."""

import pytest

pytest.register_assert_rewrite(
    *(
        f"tests.simulation.{name}"
        for name in ("calling", "checks", "importing", "ordering", "play", "pushing")
    )
)
