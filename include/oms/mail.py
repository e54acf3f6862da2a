"""A mail, for whoever sends it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mail:
    """A mail in plain text; message_id is the same if it is sent again, so that it is shown once."""

    to: tuple[str, ...]
    subject: str
    text: str
    message_id: str
