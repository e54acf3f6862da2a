"""Writes the files of a new job from the templates beside this module."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oms.catalog import JOBS
from oms.catalog.categories import TOGETHER
from oms.errors import NeedsPerson

PROJECT = Path(__file__).parents[3]
TEMPLATES = Path(__file__).parent / "templates"
SHAPES = ("import", "export", "window_pull", "bulk_pull", "act", "outbox", "mail", "task")
WITH_DOCUMENT = ("window_pull", "bulk_pull")
WITHOUT_SQL = ("task", "window_pull")
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")
ROOM = re.compile(r"[a-z][a-z0-9_]*")

TEST = """

def test_{name}():
    pytest.fail("fill in {example}: arrange, act once, assert on rows or on what the other side received")
"""


class NotNew(NeedsPerson, ValueError):
    """The job cannot be begun; the message says why. Nothing is written."""


@dataclass(frozen=True)
class New:
    """What is said of a new job."""

    shape: str
    dag_id: str
    category: str
    room: str
    alone: str | None = None
    examples: Sequence[str] = ()

    @property
    def words(self) -> str:
        """The name as people say it: import purchase orders."""
        return self.dag_id.replace("_", " ")

    @property
    def subject(self) -> str:
        """The name without its verb: purchase_orders."""
        return self.dag_id.partition("_")[2]

    @property
    def module(self) -> Path:
        """Where the function stands; of an import, the rules of its rows."""
        room = Path("include/oms") / self.room
        return (
            room / "files" / f"{self.subject}.py" if self.shape == "import" else room / f"{self.subject}.py"
        )

    @property
    def next_step(self) -> str:
        """What a person does now."""
        return (
            f"fill in tests/oms/{self.room}/test_{self.dag_id}.py, see it fail for the right reason, then "
            f"fill in {self.module} and the texts of include/oms/catalog/{self.dag_id}.py"
        )


def write(new: New) -> list[str]:
    """Write everything of a new job; return the paths. Raises NotNew before anything is written."""
    files = _files(new)
    _refuse(new, files)
    changed = []
    if not (PROJECT / "include/oms" / new.room).exists():
        changed += _open_room(new)
    for path, text in files.items():
        target = PROJECT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    if any(one.category == new.category for one in TOGETHER) and not new.alone:
        changed.append(_take_place(new))
    return [*map(str, files), *changed]


def _files(new: New) -> dict[Path, str]:
    """The texts of all new files by their paths in the project."""
    made = {
        Path(f"include/oms/catalog/{new.dag_id}.py"): _filled(new, "entry.py"),
        new.module: _filled(new, "function.py"),
        Path(f"tests/oms/{new.room}/test_{new.dag_id}.py"): _test(new),
    }
    if new.shape not in WITHOUT_SQL:
        made[new.module.with_suffix(".sql")] = _filled(new, "statements.sql")
    if new.shape in WITH_DOCUMENT:
        made[Path(f"include/oms/shopify/documents/{new.dag_id}.graphql")] = _filled(new, "document.graphql")
    for folder in (*new.module.parents, Path(f"tests/oms/{new.room}")):
        init = folder / "__init__.py"
        is_ours = folder.is_relative_to("include/oms") or folder.is_relative_to("tests")
        if is_ours and not (PROJECT / init).exists():
            made[init] = "" if folder.is_relative_to("tests") else f'"""{_sentence(new.room)}."""\n'
    return made


def _test(new: New) -> str:
    """The generated test: a failing one for each example, until somebody has filled it in."""
    examples = new.examples or [f"the rules of {new.words}"]
    tests = [TEST.format(name=re.sub(r"\W+", "_", one).lower(), example=one) for one in examples]
    return f'"""{_sentence(new.words)}: fill in."""\n\nimport pytest\n' + "".join(tests)


def _filled(new: New, part: str) -> str:
    """A template with the names of the job."""
    values = {
        "dag_id": new.dag_id,
        "constant": new.dag_id.upper(),
        "config_id": new.dag_id.upper(),
        "name": new.words.title(),
        "words": new.words,
        "camel": new.words.title().replace(" ", ""),
        "subject": new.subject,
        "subject_words": new.subject.replace("_", " "),
        "domain": new.room.upper(),
        "room": new.room,
        "category": new.category,
        "alone": f"    runs_alone={new.alone!r},\n" if new.alone else "",
    }
    text = (TEMPLATES / f"{new.shape}.{part}.txt").read_text(encoding="utf-8")
    return re.sub(r"\[\[(\w+)\]\]\n?", lambda found: _value(found, values), text)


def _value(found: re.Match[str], values: dict[str, str]) -> str:
    """A line that a value has to itself ends as the value does."""
    value = values[found[1]]
    return value if found[1] == "alone" else value + found[0].partition("]]")[2]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].replace("_", " ")


def _refuse(new: New, files: dict[Path, str]) -> None:
    if not NAME.fullmatch(new.dag_id):
        raise NotNew(
            f"{new.dag_id!r} is no DAG id: a verb and an object in lower case, import_purchase_orders"
        )
    if not ROOM.fullmatch(new.room):
        raise NotNew(f"{new.room!r} is no room: a folder's name in lower case, such as purchasing")
    specs = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "docs/spec").glob("*.md"))
    if unknown := [one for one in new.examples if not re.search(rf"\b{re.escape(one)}\b", specs)]:
        raise NotNew(f"no page of docs/spec has the example {unknown[0]}: write it there first")
    if new.dag_id in JOBS:
        raise NotNew(f"there is a job {new.dag_id} already")
    if there := [str(path) for path in files if (PROJECT / path).exists()]:
        raise NotNew(f"{', '.join(there)}: there already; take another name, or remove it")


def _take_place(new: New) -> str:
    """Put the job at the end of its category's order, for a person to move."""
    path = PROJECT / "include/oms/catalog/categories.py"
    text = path.read_text(encoding="utf-8")
    (together,) = [one for one in TOGETHER if one.category == new.category]
    last = f'"{together.order[-1]}",'
    begin = text.index("order=(", text.index(f'category="{new.category}"'))
    at = text.index(last, begin) + len(last)
    newline = "\n            " if len(together.order) > 1 else " "
    text = f'{text[:at]}{newline}"{new.dag_id}"{"," if len(together.order) > 1 else ""}{text[at:]}'
    path.write_text(text, encoding="utf-8")
    return f"{path.relative_to(PROJECT)} (its place in the order: move it)"


def _open_room(new: New) -> list[str]:
    """Give a new room its line among the rooms, high up: it may know all below."""
    contracts, page = PROJECT / "pyproject.toml", PROJECT / "docs/architecture.md"
    text = contracts.read_text(encoding="utf-8")
    contracts.write_text(text.replace("drift | ", f"drift | {new.room} | ", 1), encoding="utf-8")
    row = f"| `{new.room}` | {new.subject.replace('_', ' ')} | |\n"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("| `drift` |", f"{row}| `drift` |", 1), encoding="utf-8")
    return [
        "pyproject.toml (the line of the room)",
        "docs/architecture.md (the row of the room: say what it does)",
    ]
