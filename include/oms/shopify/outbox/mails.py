"""Mails: nothing tells whether one without an answer was delivered, so it is never sent a second time."""

from collections.abc import Callable, Collection

from oms import crashpoints
from oms.mail import Mail, refusal_of
from oms.shopify.budget import Deadline
from oms.shopify.outbox.errors import NoMailServer
from oms.shopify.outbox.kinds import Kind, Message, Proof, register
from oms.shopify.outbox.outcomes import Outcome
from oms.shopify.outbox.sending import Sender, conclude, refuse_copies
from oms.work import Work

MAILED = crashpoints.register("outbox.mailed", "a mail is sent, its message does not say so yet")

MAIL = register(Kind(name="MAIL", proof=Proof.NONE))
"""Payload: to (list of addresses), subject, text."""


class MailCalls:
    """What a sender asks of a mail server."""

    def __init__(self, send_mail: Callable[[Mail], bool]) -> None:
        """send_mail: False where no server is set; raises OSError."""
        self._send_mail = send_mail

    def call(self, kind: Kind, message: Message) -> Outcome:
        """Send a mail, once."""
        given = message.payload
        mail = Mail(
            tuple(given["to"]), given["subject"], given["text"], f"<{message.message_id}@oms.invalid>"
        )
        try:
            sent = self._send_mail(mail)
        except OSError as error:
            return _failed(error)
        if not sent:
            words = "there is no connection oms_smtp"
            return Outcome("PLANNED", code="NO_SERVER", text=words, stop=NoMailServer(words))
        crashpoints.point(MAILED)
        return Outcome("DONE")

    def prove(self, kind: Kind, message: Message) -> Outcome:
        """Nothing proves it."""
        return Outcome("UNKNOWN", code="NO_PROOF", text="its sender died before the answer came", person=True)


def _failed(error: OSError) -> Outcome:
    refusal = refusal_of(error)
    if refusal is None:
        return Outcome("UNKNOWN", code="NO_ANSWER", text=str(error), person=True)
    if refusal.is_final:
        return Outcome("REJECTED", code="REFUSED", text=str(error))
    stop = refusal if refusal.is_server else None
    return Outcome("PLANNED", code="NOT_TAKEN", text=str(error), counts=True, stop=stop)


def send(work: Work, kinds: Collection[Kind] = (MAIL,), *, seconds: float = 600.0) -> dict[str, int]:
    """Send the mails of the outbox, one after the other; return how many messages have ended how.

    For the task of a job. Raises as the sending to a shop does; NoMailServer where none is set.
    """
    refuse_copies(work.conn)
    deadline = Deadline(seconds)
    calls = MailCalls(work.send_mail)
    sender = Sender(work.conn, calls, kinds, None, work.run_name, parallel=1, deadline=deadline)
    return conclude(sender, sender.run())
