"""Runs of the DAGs that look after the OMS, with a real database, SFTP server and shop."""

import json
from collections.abc import Callable
from pathlib import Path

from sandbox import sftp
from tests.dags.conftest import states
from tests.oms.feeds.conftest import Inbox, inbox  # noqa: F401 - a fixture
from tests.oms.sync.bench import Bench


def test_house_keeping_tells_what_it_removed(oms: Bench, run: Callable):
    oms.db.execute("create table oms_staging.file_4711 ()")

    done = run("house_keeping")

    assert (str(done.state), states(done)) == ("success", {"work": ["success"]})
    told = done.get_task_instance("work").xcom_pull(task_ids="work")
    assert told["staging tables left behind"] == 1


def test_a_drift_report_lands_on_the_export_server(
    oms: Bench, run: Callable, connections: Callable, sftp_server: sftp.Server, sftp_root: Path
):
    connections("ftp_exp_config", json.dumps(sftp_server.connection(by_key=True)))
    oms.open_shop("demo", {"A": 5})
    oms.move("A", 5)
    oms.push("HARD")
    oms.server.adjust("demo", "A", "Main", delta=4)

    done = run("reconcile_inventory")

    assert str(done.state) == "success"
    assert done.get_task_instance("work").xcom_pull(task_ids="work") == {"demo": {"OTHER_WRITER": 1}}
    names = sorted(path.name for path in (sftp_root / "inventory" / "drift").iterdir())
    assert names == ["drift_demo_1.csv", "drift_demo_1.svg", "drift_demo_1_by_location.csv"]
    assert oms.available("A") == 9


def test_a_repair_is_sent_by_the_same_run(
    oms: Bench, run: Callable, connections: Callable, sftp_server: sftp.Server, sftp_root: Path
):
    connections("ftp_exp_config", json.dumps(sftp_server.connection(by_key=True)))
    oms.open_shop("demo", {"A": 5})
    oms.move("A", 5)
    oms.push("HARD")
    oms.server.adjust("demo", "A", "Main", delta=4)

    assert str(run("reconcile_inventory", {"shopId": "demo", "repair": True}).state) == "success"

    assert oms.available("A") == 5


def test_a_missing_file_fails_the_run_once_and_is_mailed_by_airflow_s_notifier(
    oms: Bench,
    run: Callable,
    connections: Callable,
    inbox: Inbox,
):
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "oms@example.com"}
    connections(
        "oms_smtp",
        json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": inbox.port, "extra": extra}),
    )
    oms.db.execute(
        """insert into oms.feed (feed_id, feed_name, config_id, expected, contact, watched_from)
           values ('COUNT', 'Count <b>of {{ ds }}</b>', 'RESET_INVENTORY', '00:00', 'pos@example.com',
                   now() - interval '26 hours')"""
    )

    silent, quiet = run("check_feeds"), run("check_feeds")

    assert (str(silent.state), str(quiet.state)) == ("failed", "success")
    mail = inbox.mails[0]
    # 26 hours hold one midnight or two
    assert mail["Subject"] in ("[OMS] feed COUNT: no file", "[OMS] feed COUNT: no file (2)")
    assert (mail["From"], mail["To"]) == ("oms@example.com", "pos@example.com")
    assert mail["Message-ID"].startswith("<feed-alert-1-")
    text = mail.get_body().get_content()
    assert "Count &lt;b&gt;of {{ ds }}&lt;/b&gt;" in text, "neither HTML nor a template"
    told = oms.db.execute("select told_to from oms.feed_alert").fetchall()
    assert told
    assert {tuple(to) for (to,) in told} == {("pos@example.com",)}
