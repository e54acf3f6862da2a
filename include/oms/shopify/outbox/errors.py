"""How a run of the outbox can end other than well; whatever it did is stored."""


class MessagesSetAside(Exception):
    """Messages were refused, or nobody can prove what became of them: a person has to decide."""


class MessagesLeft(Exception):
    """Messages are not answered for yet; the next run goes on with them."""


class NoMailServer(Exception):
    """There is no connection to a mail server; the mails wait for one."""


class Undecided(Exception):
    """Reading back does not tell whether a message has arrived; raised by the look of a kind."""


class DecisionRefused(ValueError):
    """A person's word on a message is not taken: there is no such message, or nothing to decide of it."""


class CopiedDatabase(Exception):
    """This database is a restored or copied one: another may have sent its messages already."""
