"""`python -m sandbox.watchdog FOLDER`: starts Airflow's parts, and whatever of the sandbox has ended, again.

It is the parent of what it starts: nobody else is told an exit code. It also ends a scheduler that has lost a
worker of its LocalExecutor. A worker that is killed while it waits for a task leaves the queue locked: no
other worker ever takes a task from it, tasks stay queued, and Airflow's health checks are green.
"""

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from sandbox import processes, stack
from sandbox.layout import Sandbox
from sandbox.processes import Started

PAUSE = 1
"""Seconds between two looks."""
LONGEST_WAIT = 30
"""Seconds after which a part is started again, however often it has ended at once."""
KEPT = 5
SCHEDULER = "airflow scheduler"
WORKER_TITLE = "airflow worker -- LocalExecutor"

log = logging.getLogger(__name__)


class Watchdog:
    """Looks after the parts that the state names."""

    def __init__(self, run: stack.Run, clock: Callable[[], float] = time.monotonic) -> None:
        self.run = run
        self.clock = clock
        self.workers: set[psutil.Process] = set()
        self.reasons: dict[str, str] = {}
        """Why we have ended a part ourselves."""
        self.waits: dict[str, tuple[float, float]] = {}
        """When a part may be started again, and the seconds that it waited for that."""

    def look(self) -> None:
        """Look once at each part."""
        for started in self.run.sandbox.read_state().started:
            if started.name not in stack.PARTS:
                continue
            process = started.process()
            if process is None:
                self._again(started)
            elif started.name == SCHEDULER and (lost := self._lost_workers(process)):
                self.reasons[SCHEDULER] = f"its worker {lost.pop().pid} was killed, so it was ended by us"
                processes.kill_group(started, self.run.sandbox.mark)

    def _lost_workers(self, scheduler: psutil.Process) -> set[psutil.Process]:
        """Workers of the LocalExecutor that were there at the last look. They end with the scheduler only."""
        try:
            found = {child for child in scheduler.children() if child in self.workers or _is_worker(child)}
        except psutil.NoSuchProcess:
            return set()
        alive = set(processes.alive(found))
        lost, self.workers = self.workers - alive, alive
        return lost

    def _again(self, started: Started) -> None:
        now = self.clock()
        due, waited = self.waits.get(started.name, (0.0, 0.0))
        if now < due:
            return
        how = self.reasons.pop(started.name, None) or started.ending()
        log.warning("%s (pid %s) has ended: %s; log: %s", started.name, started.pid, how, started.log)
        with self.run.sandbox.changing_state() as state:
            state.ended[started.name] = [*state.ended.get(started.name, []), how][-KEPT:]
        wait = min(2 * waited or 1, LONGEST_WAIT) if now < due + 2 * LONGEST_WAIT else 1
        self.waits[started.name] = (now + wait, wait)
        if started.name == SCHEDULER:
            self.workers = set()
        processes.kill_group(
            started, self.run.sandbox.mark
        )  # children that outlived it hold its port, its lock
        try:
            stack.PARTS[started.name](self.run)
        except (processes.ProcessFailed, OSError):  # such as no memory or disk left: nobody starts us again
            log.exception("%s is not up again; the next try is in %.0f s", started.name, wait)
        else:
            log.warning("%s is started again", started.name)


def _is_worker(child: psutil.Process) -> bool:
    try:
        return " ".join(child.cmdline()).startswith(WORKER_TITLE)
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def main() -> None:
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    sandbox = Sandbox(Path(sys.argv[1]))
    run = stack.run_of(sandbox)
    for name in stack.COMPONENTS:
        stack.PARTS[f"airflow {name}"](run)
    watchdog = Watchdog(run)
    while True:
        watchdog.look()
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
