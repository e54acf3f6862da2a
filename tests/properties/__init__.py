"""Plays: the real OMS and the local shop against an observer of both."""

import pytest

pytest.register_assert_rewrite("tests.properties.play")
