"""`python -m sandbox.watchdog FOLDER`: starts what the sandbox's state wants, and again when it ends.

It is the parent of all of them: nobody else is told an exit code. It also ends a scheduler that has lost a
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
    """Looks after the parts that the state wants."""

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
        state = self.run.sandbox.read_state()
        known = {one.name: one for one in state.started}
        for name in state.wanted:
            started = known.get(name)
            process = started and started.process()
            if process is None:
                self._start(name, started)
            elif name == SCHEDULER and (lost := self._lost_workers(process)):
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

    def _start(self, name: str, ended: Started | None) -> None:
        now = self.clock()
        due, waited = self.waits.get(name, (0.0, 0.0))
        if now < due:
            return
        wait = min(2 * waited or 1, LONGEST_WAIT) if now < due + 2 * LONGEST_WAIT else 1
        if ended is not None:
            self.waits[name] = (now + wait, wait)
            self._clear(ended)
        again = " again" if ended else ""
        try:
            stack.PARTS[name](self.run)
        except (processes.ProcessFailed, OSError) as error:  # such as no memory left: nobody starts us again
            log.exception("%s is not up%s; the next try is in %.0f s", name, again, wait)
            self.waits[name] = (now + wait, wait)
            if ended is None:
                self._note(name, str(error))
        else:
            log.warning("%s is started%s", name, again)

    def _clear(self, ended: Started) -> None:
        """Say how it ended; end its children, which hold its port and its lock."""
        how = self.reasons.pop(ended.name, None) or ended.ending()
        log.warning("%s (pid %s) has ended: %s; log: %s", ended.name, ended.pid, how, ended.log)
        self._note(ended.name, how)
        if ended.name == SCHEDULER:
            self.workers = set()
        processes.kill_group(ended, self.run.sandbox.mark)

    def _note(self, name: str, how: str) -> None:
        with self.run.sandbox.changing_state() as state:
            state.ended[name] = [*state.ended.get(name, []), how][-KEPT:]


def _is_worker(child: psutil.Process) -> bool:
    try:
        return " ".join(child.cmdline()).startswith(WORKER_TITLE)
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def main() -> None:
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    watchdog = Watchdog(stack.run_of(Sandbox(Path(sys.argv[1]))))
    while True:
        watchdog.look()
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
