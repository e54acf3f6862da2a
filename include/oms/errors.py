"""What an error means for the run that meets it: every exception class of `oms` is one of these three.

A family (`ShopifyError`, `ImportFault`) stands above them, so that a caller can catch a topic; it is never
raised itself. Airflow's side reads only these classes (`oms_airflow.retries`), never those of a topic.
"""

from datetime import timedelta


class NeedsPerson(Exception):
    """Another try of the same ends the same: it is never retried; the message tells a person what to do."""


class ComesBack(Exception):
    """The same may work later by itself: it is tried again."""

    retry_after: timedelta | None = None
    """After so long; None: after the growing pauses of a task."""


class NothingToDo(Exception):
    """There is nothing to do, and that is all right: the task is skipped."""
