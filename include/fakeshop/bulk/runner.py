"""Running bulk operations in the background; they go on after a restart (shopify.md 2.2, 2.5)."""

import asyncio
import logging
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from graphql import GraphQLError, parse

from fakeshop.bulk.walker import Walker, compiled
from fakeshop.faults import Fault
from fakeshop.nodes.base import Context
from fakeshop.records import UNDER_WAY, App, BulkOperation, StagedUpload
from fakeshop.scopes import granted
from fakeshop.shop import Shop

if TYPE_CHECKING:
    from fakeshop.execution import Api
    from fakeshop.world import World

log = logging.getLogger(__name__)
BREATH_SECONDS = 0.02


class Stopped(Exception):
    """The operation ends early; carries its status and error code."""

    def __init__(self, status: str, code: str | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.code = code


class BulkRunner:
    """One background task for each operation."""

    def __init__(self, world: "World", api: Any) -> None:
        self.world = world
        self.api = api
        self.tasks: set[asyncio.Task[None]] = set()

    def resume(self) -> None:
        """Go on with what was running when the process ended."""
        for shop in self.world.shops.values():
            for operation in shop.all(BulkOperation).values():
                if operation.status in UNDER_WAY:
                    self.start(shop, operation)

    def start_new(self, shop: Shop) -> None:
        """Start the operations that were created since the last call."""
        while shop.new_bulk:
            self.start(shop, shop.new_bulk.pop(0))

    def start(self, shop: Shop, operation: BulkOperation) -> None:
        """Run an operation in the background."""
        task = asyncio.get_running_loop().create_task(self._run(shop, operation))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _run(self, shop: Shop, operation: BulkOperation) -> None:
        seconds = shop.settings.bulk_seconds
        await asyncio.sleep(seconds / 2)
        if self._gone(shop):
            return
        fault = self._fault(shop, operation)
        if operation.status == "CREATED":
            operation.status = "RUNNING"
            self._save(shop, operation)
        path = self.world.files / f"bulk-{operation.id}.jsonl"
        status, code = "COMPLETED", None
        try:
            await asyncio.sleep(seconds / 2)
            await (self._query if operation.type == "QUERY" else self._mutation)(shop, operation, path, fault)
        except Stopped as stopped:
            status, code = stopped.status, stopped.code
        except GraphQLError as error:
            log.warning("bulk operation %s failed: %s", operation.id, error.message)
            status = "FAILED"
            denied = (error.extensions or {}).get("code") == "ACCESS_DENIED"
            code = "ACCESS_DENIED" if denied else "INTERNAL_SERVER_ERROR"
        except Exception:
            # the task is the edge of the process: the operation must say that it failed
            log.exception("bulk operation %s failed", operation.id)
            status, code = "FAILED", "INTERNAL_SERVER_ERROR"
        if not self._gone(shop):
            self._finish(shop, operation, path, status, code)

    def _gone(self, shop: Shop) -> bool:
        """Say whether the shop was removed or replaced meanwhile."""
        return self.world.shops.get(shop.handle) is not shop

    def _fault(self, shop: Shop, operation: BulkOperation) -> Fault | None:
        name = "bulkOperationRunQuery" if operation.type == "QUERY" else "bulkOperationRunMutation"
        return self.world.faults.take(shop.handle, {name}, ("bulk_failure", "bulk_partial"))

    def _save(self, shop: Shop, operation: BulkOperation) -> None:
        shop.put(operation)
        shop.commit()

    def _finish(
        self, shop: Shop, operation: BulkOperation, path: Path, status: str, code: str | None
    ) -> None:
        operation.status, operation.error_code = status, code
        operation.completed = shop.clock.now()
        operation.partial = status != "COMPLETED"
        if path.exists() and path.stat().st_size:
            operation.file, operation.file_size = path.name, path.stat().st_size
        shop.announce("bulk_operations/finish", operation, str(operation.id))
        self._save(shop, operation)
        self.world.deliver(shop)

    def _context(self, shop: Shop, operation: BulkOperation, source: str) -> Context:
        app = shop.get(App, operation.app)
        return Context(shop, app, operation.version, granted(app.scopes), "", source=source, unpaged=True)

    # queries

    async def _query(self, shop: Shop, operation: BulkOperation, path: Path, fault: Fault | None) -> None:
        api: Api = self.api(operation.version)
        plan = compiled(api.schema, parse(operation.text, no_location=True))
        walker = Walker(self._context(shop, operation, "bulk"), grouped=operation.group_objects)
        breath = time.monotonic()
        operation.objects = 0
        with path.open("wb") as file:
            for line in walker.lines(plan):
                stop_if_told(operation, fault, operation.objects)
                file.write(line + b"\n")
                operation.objects += 1
                operation.roots = walker.roots
                if time.monotonic() - breath > BREATH_SECONDS:
                    await asyncio.sleep(0)
                    breath = time.monotonic()
        stop_if_told(operation, fault, operation.objects, at_end=True)

    # mutations

    async def _mutation(self, shop: Shop, operation: BulkOperation, path: Path, fault: Fault | None) -> None:
        api: Api = self.api(operation.version)
        upload = next(one for one in shop.all(StagedUpload).values() if one.key == operation.path)
        done = finished_lines(shop, operation)
        try:
            for number, line in numbered_lines(self.world.files / f"upload-{upload.id}"):
                if self._gone(shop):
                    return
                stop_if_told(operation, fault, number)
                if number in done:
                    continue
                self._row(api, shop, operation, number, line)
                await asyncio.sleep(0)
            stop_if_told(operation, fault, operation.objects, at_end=True)
        finally:
            write_rows(shop, operation, path, fault)

    def _row(self, api: "Api", shop: Shop, operation: BulkOperation, number: int, line: bytes) -> None:
        """Execute one line and keep its answer, in one transaction."""
        ctx = self._context(shop, operation, f"bulk/{operation.id}/{number}")
        ctx.unpaged, ctx.defer_commit = False, True
        answer = answer_to(api, ctx, operation.text, line) | {"__lineNumber": number}
        operation.objects = operation.roots = max(operation.objects, number + 1)
        row = (shop.number, operation.id, number, orjson.dumps(answer))
        shop.store.write("insert or replace into bulk_row values (?, ?, ?, ?)", [row])
        shop.put(operation)
        shop.commit()
        self.world.deliver(shop)


def answer_to(api: "Api", ctx: Context, text: str, line: bytes) -> dict[str, Any]:
    """Execute the mutation with the variables of one line (row 78)."""
    try:
        variables = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return {"errors": [{"message": f"The line is not valid JSON: {error}"}]}
    if not isinstance(variables, dict):
        return {"errors": [{"message": "The line must be a JSON object of variables"}]}
    planned = api.plan(text, variables, None)
    if isinstance(planned, list):
        return {"errors": planned}
    oversized = api.oversized(planned)
    if oversized is not None:
        return {"errors": [oversized]}
    answer = api.execute(ctx, planned)
    return {key: answer[key] for key in ("data", "errors") if key in answer}


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of an input file that are not blank, numbered from 0."""
    with path.open("rb") as file:
        for number, line in enumerate(file):
            if line.strip():
                yield number, line


def finished_lines(shop: Shop, operation: BulkOperation) -> set[int]:
    """Return the lines that were executed before a restart."""
    query = "select line from bulk_row where shop = ? and operation = ?"
    return {line for (line,) in shop.store.read(query, shop.number, operation.id)}


def write_rows(shop: Shop, operation: BulkOperation, path: Path, fault: Fault | None) -> None:
    """Write the answers: shuffled, slashes escaped, some lost if a fault says so."""
    query = "select body from bulk_row where shop = ? and operation = ? order by line"
    rows = [body for (body,) in shop.store.read(query, shop.number, operation.id)]
    if shop.settings.bulk_shuffle:
        random.Random(operation.id).shuffle(rows)
    if fault is not None and fault.kind == "bulk_partial":
        rows = rows[fault.rows :]
    path.write_bytes(b"".join(row.replace(b"/", b"\\/") + b"\n" for row in rows))
    shop.store.write("delete from bulk_row where shop = ? and operation = ?", [(shop.number, operation.id)])


def stop_if_told(operation: BulkOperation, fault: Fault | None, done: int, at_end: bool = False) -> None:
    """Raise Stopped when the operation was cancelled, or a fault ends it here."""
    if operation.status == "CANCELING":
        raise Stopped("CANCELED")
    if fault is not None and fault.kind == "bulk_failure" and (at_end or done >= fault.rows):
        raise Stopped("FAILED", str(fault.code or "INTERNAL_SERVER_ERROR"))
