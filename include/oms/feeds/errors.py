"""Why a look at the feeds ends failed."""


class FeedsSilent(Exception):
    """Files did not come as expected and people were told: the run fails to be seen, no retry helps."""


class MailFailed(Exception):
    """Some mails could not be sent; the next attempt sends those again."""
