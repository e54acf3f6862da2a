"""`python -m sandbox up | down | status | clean | psql | demo`."""

import argparse
import contextlib
import os
import sys

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from sandbox import postgres, progress, stack
from sandbox.layout import Sandbox
from sandbox.processes import ProcessFailed


def up(sandbox: Sandbox) -> int:
    try:
        stack.up(sandbox)
    except stack.AlreadyUp as answer:
        progress.say(str(answer))
    progress.say()
    for line in stack.addresses(sandbox):
        progress.say(line)
    return 0


def down(sandbox: Sandbox) -> int:
    with progress.step("taking the sandbox down") as current:
        current.note = f"{stack.down(sandbox)} processes"
    return 0


def status(sandbox: Sandbox) -> int:
    """Exit code 0 when everything runs, 3 otherwise."""
    rows = stack.status(sandbox)
    progress.table(f"sandbox in {sandbox.folder}", ["part", "pid", "state", "log"], rows)
    return 0 if rows and all(state.startswith("running") for _, _, state, _ in rows) else 3


def clean(sandbox: Sandbox) -> int:
    stack.clean(sandbox)
    return 0


def demo(sandbox: Sandbox) -> int:
    from sandbox import demo as scenario

    return scenario.run(sandbox)


def psql(sandbox: Sandbox, arguments: list[str]) -> int:
    """Hand the terminal to psql on the OMS database; the sandbox is brought up if that does not answer."""
    if not stack.has_database(sandbox):
        with contextlib.suppress(stack.AlreadyUp):
            stack.up(sandbox)
    address = conninfo_to_dict(sandbox.read_environment()["OMS_DSN"])
    environment = os.environ | {"PGPASSWORD": str(address.pop("password", ""))}
    program = postgres.binary_dir() / "psql"
    os.execve(program, ["psql", make_conninfo(**address), *arguments], environment)


COMMANDS = {"up": up, "down": down, "status": status, "clean": clean, "demo": demo}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="The job manager on this machine.")
    parser.add_argument("command", choices=[*COMMANDS, "psql"])
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="options of psql")
    given = parser.parse_args()
    sandbox = Sandbox.default()
    try:
        return psql(sandbox, given.arguments) if given.command == "psql" else COMMANDS[given.command](sandbox)
    except KeyboardInterrupt:
        progress.say("\nstopped")
        return 130
    except (ProcessFailed, stack.AlreadyUp) as error:
        progress.say(f"\n{error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
