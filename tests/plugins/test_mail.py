"""Mails by Airflow's SMTP notifier: whatever goes wrong with one is an OSError, which stops no other mail."""

import json
import socket
import threading
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from oms.mail import Mail, MailNotTaken, refusal_of
from oms_airflow import mail
from sandbox import processes
from tests.oms.feeds.conftest import Inbox, inbox  # noqa: F401 - a fixture


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch):
    """Make a port that of the mail server."""

    def use(port: int, tries: int = 0) -> None:
        extra = {"disable_ssl": True, "disable_tls": True, "from_email": "oms@example.com"}
        extra |= {"retry_limit": tries}
        found = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_OMS_SMTP", json.dumps(found))
        monkeypatch.setattr(mail, "get_current_context", dict)

    return use


class HangsUp(Inbox):
    """Takes a mail and hangs up before it says so."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        await super().handle_DATA(server, session, envelope)
        server.transport.close()
        return "250 never heard"


def to(address: str) -> Mail:
    return Mail((address,), "[OMS] feed ÄÖ: no file", "Nichts kam – 箱", "<1@oms.invalid>")


def test_a_mail_is_sent_as_it_is(server, inbox: Inbox):
    server(inbox.port)

    assert mail.send(to("pos@example.com")) is True

    (came,) = inbox.mails
    assert (came["To"], came["Subject"]) == ("pos@example.com", "[OMS] feed ÄÖ: no file")
    assert "Nichts kam – 箱" in came.get_body().get_content()


def test_an_address_that_cannot_be_sent_to_is_an_os_error(server, inbox: Inbox):
    server(inbox.port)

    with pytest.raises(OSError, match=r"zoë@example\.com"):
        mail.send(to("zoë@example.com"))


def test_a_server_that_hangs_up_is_an_os_error(server):
    port = processes.free_port(0)
    with socket.create_server(("127.0.0.1", port)) as listening:
        listening.settimeout(5)

        def hang_up() -> None:
            for _ in range(3):
                try:
                    listening.accept()[0].close()
                except TimeoutError:
                    return

        threading.Thread(target=hang_up, daemon=True).start()
        server(port)
        with pytest.raises(OSError, match=r"pos@example\.com"):
            mail.send(to("pos@example.com"))


def test_a_mail_without_an_answer_may_have_arrived_and_is_not_tried_again(server):
    kept = HangsUp(port=processes.free_port(0))
    listening = Controller(kept, hostname="127.0.0.1", port=kept.port)
    listening.start()
    server(kept.port, tries=2)
    try:
        with pytest.raises(SMTPServerDisconnected) as raised:
            mail.send(to("pos@example.com"))
    finally:
        listening.stop()

    assert refusal_of(raised.value) is None
    assert len(kept.mails) == 1


def test_a_refusal_and_a_server_that_is_down_say_that_nothing_was_sent(server, inbox: Inbox):
    server(inbox.port)
    inbox.refuses = True
    with pytest.raises(OSError, match="554") as raised:
        mail.send(to("pos@example.com"))
    assert refusal_of(raised.value).is_final

    server(processes.free_port(0))
    with pytest.raises(MailNotTaken) as raised:
        mail.send(to("pos@example.com"))
    assert raised.value.is_server
