"""A mail, for whoever sends it, and what a failure to send says of it."""

import smtplib
import socket
from dataclasses import dataclass

from oms.errors import ComesBack


@dataclass(frozen=True)
class Mail:
    """A mail in plain text; message_id is the same if it is sent again, so that it is shown once."""

    to: tuple[str, ...]
    subject: str
    text: str
    message_id: str


class MailNotTaken(OSError, ComesBack):
    """The mail was certainly not sent. is_final: the same mail is refused again; else another time may do.

    is_server: no mail would have been taken.
    """

    def __init__(self, message: str, *, is_final: bool = False, is_server: bool = False) -> None:
        super().__init__(message)
        self.is_final = is_final
        self.is_server = is_server


def refusal_of(error: BaseException | None) -> MailNotTaken | None:
    """What an error of a sender, or the error behind it, says; None: the mail may have been delivered."""
    while error is not None:
        if isinstance(error, MailNotTaken):
            return error
        if isinstance(
            error, (smtplib.SMTPConnectError, smtplib.SMTPHeloError, smtplib.SMTPAuthenticationError)
        ):
            return MailNotTaken(str(error), is_server=True)
        if isinstance(error, smtplib.SMTPResponseException):
            return MailNotTaken(str(error), is_final=error.smtp_code >= 500)
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            codes = [code for code, _ in error.recipients.values()]
            return MailNotTaken(str(error), is_final=all(code >= 500 for code in codes))
        if isinstance(error, (smtplib.SMTPNotSupportedError, UnicodeError)):
            return MailNotTaken(str(error), is_final=True)
        if isinstance(error, (ConnectionRefusedError, socket.gaierror)):
            return MailNotTaken(str(error), is_server=True)
        error = error.__cause__
    return None
