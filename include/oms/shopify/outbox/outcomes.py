"""How one call or proof of a message has ended."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """What a call or a proof tells.

    status: the one that the message gets (RENEWED: ended, the same goes on under a new key). counts: a
    failure, after which the next try waits longer, and at last for a person. pause: seconds before the next
    try where the shop or the proof says so. person: nobody tries by itself any more. stop: nothing more is
    sent in this run. refused: the shop refuses us, perhaps only this kind of message.
    """

    status: str
    shopify_id: str | None = None
    code: str | None = None
    text: str | None = None
    counts: bool = False
    pause: float = 0.0
    person: bool = False
    stop: Exception | None = None
    refused: Exception | None = None
