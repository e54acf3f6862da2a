"""Whether a task that failed is tried again: decided by what its error means (`oms.errors`), in two rules."""

from airflow.sdk import Context, RetryDecision, RetryPolicy

from oms.errors import ComesBack, NeedsPerson


class ByConsequence(RetryPolicy):
    """Anything else, such as a server that hangs up, is tried again as often as the task says."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Called where the task ran, with its error."""
        if isinstance(exception, NeedsPerson):
            return RetryDecision.fail("another try would end the same: a person must act first")
        if isinstance(exception, ComesBack):
            return RetryDecision.retry(exception.retry_after, "it may work later by itself")
        return RetryDecision.default()


RETRIES = ByConsequence()
