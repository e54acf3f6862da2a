"""Which names a job takes: suffixes, junk, unfinished files, and how long a pattern may think."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.filenames import BadPattern, check_pattern, matcher, wanted, which

PATTERNS = [
    "*.csv", "*", "store_1*.CSV", "store_?.csv.gz", r"store_\d+\.csv", r"store_1\d?\.(csv|txt)", r"\w+\.csv",
    r"Best\w+\.CSV", r"[^_]+\.csv\.gz", r".*_x.*", r"store_(1|2)\.csv", r"a\.\w{3}",
]  # fmt: skip


def takes(pattern: str | None, name: str) -> bool:
    return wanted(name, file_name=None, pattern=pattern)


@pytest.mark.parametrize("pattern", ["*.csv", "*.CSV", r"\w+\.csv", r"\w+\.CSV"])
@pytest.mark.parametrize("name", ["a.csv", "a.CSV", "UPPER.Csv", "a.csv.gz", "a.CSV.GZ", "a.Csv.Gz"])
def test_a_suffix_is_the_same_in_capital_and_small_letters(pattern: str, name: str):
    assert takes(pattern, name)


@pytest.mark.parametrize(
    "pattern", ["*.Csv", r".+\.Csv", "*.csv.gz", "*.CSV.GZ", r".+\.csv\.gz", "stock.csv.Gz"]
)
@pytest.mark.parametrize("name", ["stock.CSV.GZ", "stock.csv.GZ", "stock.Csv.gz"])
def test_so_it_is_where_the_pattern_names_packed_files_or_mixes_letters(pattern: str, name: str):
    assert takes(pattern, name)


def test_a_pattern_for_packed_files_takes_no_others():
    assert not takes("*.csv.gz", "a.csv")
    assert not takes(r".+\.csv\.gz", "a.csv")


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        (r"\w+\.csv", "bestände.csv"),
        (r"[\w-]+\.csv", "在庫-1.csv"),
        (r"\w+_\d+\.csv", "在庫_１２.csv"),
        (r"[^]\W]+\.csv", "stock.csv"),
        (r"(\w{1,64}-){1,10}\w+\.csv", "größe-在庫-1.csv"),
        (r"[[:alpha:]\w]+\.csv", "größe.csv"),
    ],
)
def test_a_letter_of_a_pattern_is_one_of_any_script(pattern: str, name: str):
    """As in Python, whose engine ran the patterns before; RE2's own \\w knows English letters only."""
    assert takes(pattern, name)
    assert not takes(r"\W+\.csv", name)


def test_the_rest_of_a_name_is_taken_as_it_is_written():
    assert takes("inv_*.csv", "inv_1.CSV")
    assert not takes("inv_*.csv", "INV_1.csv")


@pytest.mark.parametrize(
    "name",
    ["._stock.csv", ".DS_Store", ".stock.csv.swp", "Thumbs.db", "thumbs.DB", "desktop.ini", "~$stock.csv"],
)
@pytest.mark.parametrize("pattern", [None, "*", "*.*", ".*"])
def test_what_an_operating_system_leaves_is_no_arrival(pattern: str | None, name: str):
    assert not takes(pattern, name)
    assert wanted(name, file_name=name, pattern=pattern), "unless it is asked for by name"


def test_a_pattern_that_would_backtrack_for_ever_answers_at_once():
    """In a process of its own: what hangs does so in C code, where no time-out of ours reaches it."""
    code = (
        "from oms.filenames import wanted\n"
        r"assert not wanted('a' * 40 + '!', file_name=None, pattern=r'(\w+\d*)+\.csv')"
        "\n"
        r"assert wanted('a' * 40 + '.csv', file_name=None, pattern=r'(\w+\d*)+\.csv')"
        "\n"
        "assert not wanted('a' * 255, file_name=None, pattern='*a' * 60 + 'b')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"(?=a)\w+", "(?="),
        (r"(?<!x)a.csv", "(?<"),
        (r"(a)\1", r"\1"),
        (r"(?P<n>a)(?P=n)", "(?P"),
        (r"a{1001}", "{1001}"),
        (r"a\.csv\Z", r"\Z"),
    ],
)
def test_a_pattern_that_no_linear_engine_runs_is_refused_with_the_reason(pattern: str, reason: str):
    with pytest.raises(BadPattern) as refused:
        check_pattern(pattern)
    assert "RE2 says: " in str(refused.value)
    assert reason in str(refused.value)


@given(
    st.lists(st.sampled_from(PATTERNS), unique=True),
    st.from_regex(r"\A(store_[0-9]{1,2}|Bestände|a)(_x)?\.(csv|CSV|Csv|txt)(\.gz|\.GZ)?\Z"),
)
def test_many_patterns_asked_at_once_say_what_each_says_alone(patterns: list[str], name: str):
    assert which(patterns)(name) == {one for one in patterns if matcher(one)(name)}
