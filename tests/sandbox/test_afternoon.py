"""The files of the demo's afternoon are what their senders write, and mean what the demo adds up."""

from collections import Counter

import pytest

from oms import catalog
from oms.imports.contracts import read_header
from oms.imports.file_types import file_type
from sandbox import demo_data
from sandbox.afternoon_data import Afternoon, SentFile

SENT = Afternoon(demo_data.morning())


@pytest.mark.parametrize("file", SENT.files, ids=lambda file: file.what)
def test_a_file_has_the_columns_of_its_job_and_rows_to_take_and_to_refuse(file: SentFile):
    job = catalog.JOBS[file.dag_id]
    contract = file_type(job.configs[0].file_type).contract

    header = read_header(file.lines[0], ",", contract)

    assert header.extra == ()
    assert {line.count(",") for line in file.lines} == {len(header.names) - 1}
    assert 0 < len(file.refused) < file.rows


def test_the_afternoon_ends_with_the_morning_and_what_was_sent_since():
    morning, evening = SENT.counts.levels(SENT.counts.today), SENT.levels()
    stores = Counter(one.facility for file in SENT.files for one in file.changes)

    assert morning.keys() == evening.keys()
    assert {"WAREHOUSE", "KYOTO", "SENDAI", "KOBE"} <= stores.keys()
    assert min(SENT.positions().values()) >= 0
    online = {sku: evening[sku, "Online"] - morning[sku, "Online"] for sku, _ in morning}
    assert [online[f"SEED-{letter}"] for letter in "ABCDE"] == [-2, -10, 4, 5, 5]
    assert all(evening[level] == morning[level] for level in morning if level[1] != "Online")
