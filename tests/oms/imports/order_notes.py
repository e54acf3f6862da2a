"""A file type of the tests whose rows are about orders: no facility stands in them."""

from dataclasses import dataclass

from psycopg import sql as composed

from oms.imports import staging
from oms.imports.contracts import Column, FileContract
from oms.imports.file_types import FileType
from oms.imports.jobs import OwnSettings
from oms.imports.outcome import Counts
from oms.imports.staging import Judged, count_groups, filled, landed_table, resolved_table

CONTRACT = FileContract(
    columns=(
        Column(name="orderId", field="order_id", type="text", required=True, meaning="The order."),
        Column(name="note", field="note", type="text", meaning="What to keep of it."),
    ),
    one_of=(),
)
JUDGE = """
    create unlogged table {resolved} as
    select line_number, order_id, null::text as group_key, null::text as error_column,
           case when order_id is null and {strict} then 'ERR_REQUIRED' end as error_code,
           'the value is blank' as error_message
      from {landed}"""


@dataclass(frozen=True, kw_only=True)
class NoteSettings(OwnSettings):
    strict: bool = True
    """Rows without an order are bad."""


def judge(conn, log_id, content, settings, *, again):
    strict = composed.Literal(NoteSettings.of(settings).strict)
    filled(conn, JUDGE, {}, landed=landed_table(log_id), resolved=resolved_table(log_id), strict=strict)
    return Judged(*count_groups(conn, log_id, "order_id"), positional=True)


def apply(conn, part, settings):
    (rows,) = filled(
        conn,
        "select count(*) from {rows} where error_code is null",
        {},
        rows=resolved_table(part.log_id),
    ).fetchone()
    return Counts(applied=rows)


TYPE = FileType(
    contract=CONTRACT,
    settings=NoteSettings,
    scope="order_id",
    judge=judge,
    set_rejects_aside=staging.set_faults_aside,
    apply=apply,
)
