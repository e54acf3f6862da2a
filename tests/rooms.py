"""The table of rooms on the architecture page, which more than one test compares with the code."""

from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs/architecture.md"


def rows() -> list[list[str]]:
    """Its rows: room, what happens there, owns."""
    table = PAGE.read_text().partition("<!-- rooms:")[2].partition("\n\n")[0]
    cells = [line.strip("| ").split("|") for line in table.splitlines() if line.startswith("| `")]
    return [(row + [""] * 3)[:3] for row in cells]
