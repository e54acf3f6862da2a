"""How a run of the outbox can end other than well; whatever it did is stored."""

from oms.errors import ComesBack, NeedsPerson
from oms.shopify.errors import WHEN_READY


class MessagesSetAside(NeedsPerson):
    """Messages were refused, or nobody can prove what became of them: a person has to decide."""


class MessagesLeft(ComesBack):
    """Messages are not answered for yet; the next run goes on with them."""

    retry_after = WHEN_READY


class NoMailServer(NeedsPerson):
    """There is no connection to a mail server; the mails wait for one."""


class Undecided(NeedsPerson):
    """Reading back does not tell whether a message has arrived; raised by the look of a kind."""


class DecisionRefused(NeedsPerson, ValueError):
    """A person's word on a message is not taken: there is no such message, or nothing to decide of it."""


class CopiedDatabase(NeedsPerson):
    """This database is a restored or copied one: another may have sent its messages already."""
