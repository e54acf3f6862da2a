"""What a person is told."""

import pytest

from oms.texts import first_of


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, ""), (1, "0"), (3, "0; 1; 2"), (4, "0; 1; 2 and 1 more"), (9, "0; 1; 2 and 6 more")],
)
def test_of_many_things_the_first_are_said_and_the_others_counted(count: int, told: str):
    assert first_of([str(number) for number in range(count)], 3) == told
