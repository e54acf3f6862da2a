"""What can be wrong with the files of a setup."""

from dataclasses import dataclass

from oms.errors import NeedsPerson


@dataclass(frozen=True)
class Finding:
    """One fault of a file: where it is, what stands there, and what to do."""

    file: str
    line: int | None
    column: str | None
    value: str | None
    remedy: str

    def __str__(self) -> str:
        place = self.file
        if self.line is not None:
            place += f" line {self.line}"
        if self.column is not None:
            place += f", {self.column}"
        shown = "" if self.value is None else f" {self.value!r}"
        return f"{place}:{shown} {self.remedy}"


class SetupRefused(NeedsPerson):
    """The files are at fault and nothing was written; `findings` names every fault."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = findings
