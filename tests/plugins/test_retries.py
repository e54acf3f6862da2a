"""Whether a failed task is tried again (`oms_airflow.retries`), and that every error says so."""

from datetime import timedelta

import pytest
from airflow.sdk import RetryAction

from oms import config
from oms.imports.errors import (
    AccountOpen,
    FileMissing,
    FileRefused,
    FileUnstable,
    NotHeld,
    OlderFileNotLanded,
    UndoRefused,
)
from oms.parameters import BadParameter
from oms.shopify.errors import Misconfigured, OutcomeUnknown, Rejected, SearchWarning, Throttled
from oms.sync.errors import ShopBusy, SyncMisconfigured, TooManyDrops
from oms_airflow.connections import MissingConnection
from oms_airflow.retries import RETRIES
from tests.oms.test_errors import CONSEQUENCES, errors_of

SHOP_PAUSE = timedelta(seconds=30)


@pytest.mark.parametrize(
    "error",
    [
        BadParameter("maxChunks", 0, "at least 1"),
        config.BadSettings("jobs.yaml"),
        MissingConnection("ftp_config"),
        Misconfigured("token"),
        SyncMisconfigured("a location is both"),
        TooManyDrops("80 % would go to 0"),
        FileRefused("ERR_HEADER", "no idValue"),
        FileMissing("stock.csv"),
        AccountOpen("stock.csv"),
        UndoRefused("a later reset is in the way"),
        NotHeld("log 77 is not held"),
        Rejected("the quantity is no number"),
        SearchWarning("the filter was ignored"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_needs_a_person_is_never_retried(error: Exception):
    assert RETRIES.evaluate(error, 1, 3).action is RetryAction.FAIL


@pytest.mark.parametrize(
    ("error", "pause"),
    [
        (Throttled("wait"), SHOP_PAUSE),
        (OutcomeUnknown("no answer"), SHOP_PAUSE),
        (ShopBusy("another run"), SHOP_PAUSE),
        (OlderFileNotLanded("older.csv"), None),
        (FileUnstable("stock.csv grew"), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_what_comes_back_is_tried_again_after_its_pause(error: Exception, pause: timedelta | None):
    """None: after the pauses of the task."""
    decision = RETRIES.evaluate(error, 1, 3)

    assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, pause)


def test_an_error_of_others_is_tried_again_as_the_task_says():
    assert RETRIES.evaluate(ConnectionResetError(), 1, 3).action is RetryAction.DEFAULT


@pytest.mark.parametrize("package", ["oms_airflow", "oms_web"])
def test_every_error_of_ours_beside_airflow_says_what_follows_from_it(package: str):
    for error in errors_of(package):
        assert len([one for one in CONSEQUENCES if issubclass(error, one)]) == 1, error
