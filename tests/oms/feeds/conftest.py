"""A real SMTP server, feeds, and the look at them as a task would start it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from smtplib import SMTP
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from oms import catalog, database, parameters
from oms.feeds.checking import check
from oms.feeds.errors import FeedsSilent
from oms.mail import Mail
from oms.work import Work
from sandbox import processes
from tests.oms.imports.conftest import Floor, floor  # noqa: F401 - a fixture


@dataclass
class Inbox:
    """An SMTP server that keeps what it is given; `refuses` makes it answer 554."""

    mails: list[EmailMessage] = field(default_factory=list)
    refuses: bool = False
    port: int = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuses:
            return "554 no"
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 kept"

    def send(self, mail: Mail) -> bool:
        """Send a mail to this server as any program would."""
        message = EmailMessage()
        message["From"], message["To"] = "oms@example.com", ", ".join(mail.to)
        message["Subject"], message["Message-ID"] = mail.subject, mail.message_id
        message.set_content(mail.text)
        with SMTP("127.0.0.1", self.port, timeout=10) as client:
            client.send_message(message)
        return True

    @property
    def subjects(self) -> list[str]:
        return [mail["Subject"].removeprefix("[OMS] ") for mail in self.mails]


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    kept = Inbox(port=processes.free_port(0))
    server = Controller(kept, hostname="127.0.0.1", port=kept.port)
    server.start()
    yield kept
    server.stop()


def work_of(
    conn: Any, dsn: str, send_mail: Callable[[Mail], bool], open_sftp: Any = None, **conf: Any
) -> Work:
    """What the task of a run with these parameters is handed."""

    def none(_: str) -> Any:
        raise AssertionError("no shop is asked")

    def not_set(resource: str) -> Any:
        raise LookupError(f"the connection {resource.lower()} is not set")

    return Work(
        conn=conn,
        params=parameters.resolve(catalog.CHECK_FEEDS, conf),
        run_name="check_feeds/test",
        open_oms_db=lambda: database.connect(dsn, autocommit=True),
        open_sftp=open_sftp or not_set,
        open_shop=none,
        base_url="https://airflow.example.com",
        send_mail=send_mail,
    )


@dataclass
class Watch:
    """Feeds, and looks at them at chosen times."""

    floor: Floor
    inbox: Inbox

    def feed(
        self, feed_id: str = "COUNT", expected: str = "06:00", since: str = "2026-01-01", **columns: Any
    ):
        values = {
            "config_id": "RESET_INVENTORY",
            "contact": "pos@example.com",
            "time_zone": "UTC",
            "file_pattern": "*",
        } | columns
        names = ", ".join(values)
        marks = ", ".join(f"%({name})s" for name in values)
        self.floor.conn.execute(
            f"""insert into oms.feed (feed_id, feed_name, expected, watched_from, {names})
                values (%(feed_id)s, 'Morning count', %(expected)s, %(since)s, {marks})""",
            values | {"feed_id": feed_id, "expected": expected, "since": f"{since}T00:00Z"},
        )

    def came(self, name: str, at: str, content: str | None = None) -> None:
        """A file was imported, and came at that time."""
        from tests.oms.imports.conftest import RESET

        self.floor.reset(RESET + "STORE_1,SKU,A,7\n" if content is None else content, name)
        self.floor.conn.execute(
            """update oms.import_log set created_at = %s
                where log_id = (select max(log_id) from oms.import_log)""",
            (at,),
        )

    def look(self, at: str, open_sftp: Any = None, **conf: Any) -> str | None:
        """What the run fails with at this time; None: it is green."""
        work = work_of(self.floor.conn, self.floor.dsn, self.inbox.send, open_sftp, **conf)
        try:
            check(work, datetime.fromisoformat(at))
        except FeedsSilent as silent:
            return str(silent)
        return None


@pytest.fixture
def watch(floor: Floor, inbox: Inbox) -> Watch:
    return Watch(floor, inbox)
