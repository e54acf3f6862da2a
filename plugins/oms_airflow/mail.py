"""Sends mails through Airflow's SMTP notifier and the connection `oms_smtp`."""

from html import escape

from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowException

from oms.mail import Mail, MailNotTaken
from oms_airflow.connections import MissingConnection, connection

OMS_SMTP = "oms_smtp"


def send(mail: Mail) -> bool:
    """Send a mail from the running task; False if nobody has set the connection.

    Raises MailNotTaken where no connection came about, else OSError. The text may quote a sender's file: it
    is escaped, and no template is made of it.
    """
    try:
        connection(OMS_SMTP)
    except MissingConnection:
        return False
    notifier = SmtpNotifier(
        to=list(mail.to),
        subject=mail.subject,
        html_content=f"<pre>{escape(mail.text)}</pre>",
        custom_headers={"Message-ID": mail.message_id},
        smtp_conn_id=OMS_SMTP,
    )
    try:
        notifier.hook.get_conn()
    except (AirflowException, OSError) as error:
        raise MailNotTaken(f"no mail to {', '.join(mail.to)}: {error}", is_server=True) from error
    try:
        notifier.notify(get_current_context())
    except (AirflowException, UnicodeError) as error:  # a server that hangs up; an address beyond ASCII
        raise OSError(f"no mail to {', '.join(mail.to)}: {error}") from error
    return True
