"""Why a look at the feeds ends failed."""

from oms.errors import ComesBack, NeedsPerson


class FeedsSilent(NeedsPerson):
    """Files did not come as expected and people were told: the run fails to be seen, no retry helps."""


class MailFailed(ComesBack):
    """Some mails could not be sent; the next attempt sends those again."""
