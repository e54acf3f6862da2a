"""What people read about the jobs, made from the catalogue: the page of each, its form, the list of all.

`python -m oms.docs` writes dags/README.md, the table of jobs in README.md and config/pools.json; a test fails
when one is stale.
"""

import json
from pathlib import Path
from typing import Any

from oms.catalog import (
    CATEGORIES,
    JOBS,
    SIGNALS,
    CategoryJob,
    ImportJob,
    Job,
    Parameter,
    pools,
)
from oms.parameters import TEXTS

PROJECT = Path(__file__).parent.parent.parent
README = PROJECT / "dags" / "README.md"
FRONT_PAGE = PROJECT / "README.md"
POOLS = PROJECT / "config" / "pools.json"
BEGIN, END = "<!-- jobs: written by python -m oms.docs -->", "<!-- /jobs -->"

SAID = {"switch": ("Enabled", "Disabled"), "minutes": ("15 minutes",)}
"""Texts of the product documents that are taken, too, where a run is started by API or command line."""


def page_of(job: Job) -> str:
    """The text on a job's own page, for the person on call."""
    names = f"\n\nAlso known as: {', '.join(job.other_names)}." if job.other_names else ""
    folder = f"\n\n**Where:** `{job.import_path}` on the SFTP server." if isinstance(job, ImportJob) else ""
    order = (
        f"\n\n**Order:** {' → '.join(f'`{dag_id}`' for dag_id in job.jobs)}"
        if isinstance(job, CategoryJob)
        else ""
    )
    if isinstance(job, CategoryJob) and job.left_out:
        reasons = "\n".join(f"- `{dag_id}`: {reason}" for dag_id, reason in job.left_out)
        order += f"\n\n**Jobs of the category that it never runs:**\n\n{reasons}"
    return (
        f"{job.purpose}{names}{folder}{order}\n\n"
        f"**When it runs:** {job.when}\n\n"
        f"**Run it again?** {job.repeat}\n\n"
        f"**If it fails:** {job.on_failure}\n\n"
        f"**What to do then:** {job.what_to_do}\n{file_of(job) if isinstance(job, ImportJob) else ''}"
    )


def file_of(job: ImportJob) -> str:
    """What the files of a job look like: the columns that their contract knows."""
    from oms.imports.file_types import file_type  # it loads all that works on files

    (name,) = {config.file_type for config in job.configs}
    contract = file_type(name).contract
    groups = "".join(f", and {' or '.join(f'`{one}`' for one in group)}" for group in contract.one_of)
    lines = [
        "\n**What the file looks like:** CSV with a header line, plain or packed as `.gz`"
        f"{'; or JSON, named `.json`' if contract.from_json else ''}. The columns may stand in any order; "
        "case, blanks, `_` and `-` in their names do not count; other columns are left unread. The header "
        f"must have those marked *needed*{groups}.\n",
    ]
    for column in contract.columns:
        marks = [column.type, *(["*needed*"] if column.required else [])]
        marks += [f"also `{alias}`" for alias in column.aliases]
        lines.append(f"- `{column.name}` ({', '.join(marks)}), such as `{column.example}`: {column.meaning}")
    if contract.json_example is not None:
        example = json.dumps(contract.json_example, indent=2)
        lines.append(f"\nAs JSON, a list of these:\n\n```json\n{example}\n```")
    return "\n".join(lines) + "\n"


def schema_of(parameter: Parameter) -> dict[str, Any]:
    """The JSON schema of a parameter, with what the form shows of it.

    Its bounds are not among it: the form would make 100 of a 200 that was typed, without a word. The run's
    own check refuses it.
    """
    optional = "null" in parameter.types or (parameter.required and parameter.default is None)
    types = [*parameter.types] if "null" in parameter.types or not optional else [*parameter.types, "null"]
    schema: dict[str, Any] = {
        "type": types if len(types) > 1 else types[0],
        "description": description_of(parameter),
        "section": parameter.section,
    }
    if parameter.enum and "array" in parameter.types:
        schema |= {"items": {"type": "string", "enum": [*parameter.enum]}, "examples": [*parameter.enum]}
    elif parameter.enum:
        schema["enum"] = [*parameter.enum, *([None] if optional else [])]
    elif "array" in parameter.types:
        schema["items"] = {"type": "string"}
    elif parameter.example is not None and parameter.types[0] == "string":
        schema["examples"] = [parameter.example]
    if parameter.said_as:
        # Beside examples the form shows the field of the first type, not a text area for all of them.
        schema["type"] = [*parameter.types[:1], "string", *parameter.types[1:]]
        schema["examples"] = [*SAID[parameter.said_as]]
        schema["pattern"] = TEXTS[parameter.said_as].pattern
    return schema


def description_of(parameter: Parameter) -> str:
    """The explanation under the field, with the example and the other spellings."""
    parts = [parameter.description]
    if parameter.required and parameter.default is None:
        parts.append("A run must give it.")
    parts += _bounds(parameter)
    if parameter.example is not None and "boolean" not in parameter.types:
        parts.append(f"Example: {_shown(parameter.example)}")
    if parameter.aliases:
        parts.append(f"(also spelled {', '.join(parameter.aliases)})")
    return " ".join(parts)


def _bounds(parameter: Parameter) -> list[str]:
    """The sentence on what a figure may be, if it is bounded."""
    if parameter.maximum is not None:
        return [f"From {parameter.minimum or 0} to {parameter.maximum}."]
    return [] if parameter.minimum is None else [f"At least {parameter.minimum}."]


def jobs_table() -> str:
    """All jobs in one table, by category."""
    rows = ["| DAG | job | ids | what it does | schedule |", "|---|---|---|---|---|"]
    for job in _ordered():
        ids = "<br>".join(f"`{i}`" for i in (*filter(None, (job.enum_id,)), *job.aliases))
        purpose = job.purpose.split(". ")[0].rstrip(".") + "."
        rows.append(
            f"| [`{job.dag_id}`](#{job.dag_id}) | {job.name} | {ids} | {purpose} | {timetable_of(job)} |"
        )
    return "\n".join(rows)


def timetable_of(job: Job) -> str:
    """When a job runs, in a few words."""
    times = []
    if isinstance(job, ImportJob):
        times.append("when a file arrives")
    times += [f"after {SIGNALS[name].words}" for name in job.signals]
    if job.schedule:
        times.append(f"`{job.schedule}`")
    return ", ".join(times) or "by hand"


def readme() -> str:
    """The text of dags/README.md."""
    parts = [
        "# Jobs\n\n<!-- Written by `python -m oms.docs` from include/oms/catalog: change it there. -->\n\n"
        "Every job is a DAG of its own, and so is every category, which runs its jobs in their order. "
        "Schedules and parameter defaults of an installation are set in `include/oms/config/jobs.yaml`; "
        f"the ones below are the catalogue's.\n\n{jobs_table()}\n"
    ]
    parts += [_section(job) for job in _ordered()]
    return "\n".join(parts)


def _section(job: Job) -> str:
    lines = [f'\n<a id="{job.dag_id}"></a>\n\n## {job.name} (`{job.dag_id}`)\n', page_of(job)]
    lines.append("| parameter | type | default | example | meaning |\n|---|---|---|---|---|")
    for parameter in job.parameters:
        types = " or ".join(t for t in parameter.types if t != "null")
        needed = "**required**" if parameter.required else "optional"
        example = "" if parameter.example is None else f"`{_cell(_shown(parameter.example))}`"
        default = "" if parameter.default is None else f"`{_cell(_shown(parameter.default))}`"
        meaning = parameter.description
        if parameter.enum:
            meaning += f" One of {', '.join(f'`{_shown(value)}`' for value in parameter.enum)}."
        meaning += "".join(f" {bounds}" for bounds in _bounds(parameter))
        if parameter.said_as:
            meaning += f" As a text also {' or '.join(f'`{text}`' for text in SAID[parameter.said_as])}."
        if parameter.aliases:
            meaning += f" Also spelled {', '.join(f'`{alias}`' for alias in parameter.aliases)}."
        lines.append(f"| `{parameter.name}` | {types}, {needed} | {default} | {example} | {_cell(meaning)} |")
    return "\n".join(lines) + "\n"


def _shown(value: Any) -> str:
    return value.replace("\t", "tab") if isinstance(value, str) else json.dumps(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _ordered() -> list[Job]:
    return sorted(
        JOBS.values(), key=lambda job: (CATEGORIES.index(job.category), not isinstance(job, CategoryJob))
    )


def with_jobs_table(text: str) -> str:
    """The project's README with the table of all jobs between its two markers."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    table = jobs_table().replace("](#", "](dags/README.md#")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(readme(), encoding="utf-8")
    POOLS.write_text(pools.as_json(), encoding="utf-8")
    FRONT_PAGE.write_text(with_jobs_table(FRONT_PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote {README}, {POOLS} and the jobs of {FRONT_PAGE}")
