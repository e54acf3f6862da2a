"""The files of a drift report: tables for a spreadsheet, by level and by location, and a chart by cause."""

from collections.abc import Sequence
from html import escape
from typing import Any

from oms.drift.found import Drift
from oms.exports import csv_bytes
from oms.remote import folder_of, write_whole

COLUMNS = (
    "sku",
    "product_id",
    "location_name",
    "shopify_location_id",
    "shopify_inventory_item_id",
    "cause",
    "detail",
    "our_figure",
    "shop_figure",
    "difference",
    "available",
    "committed",
    "reserved",
    "on_hand",
    "book",
    "told",
    "on_its_way",
    "shop_updated_at",
)
PLACE = ["location_name", "shopify_location_id"]
BAR, WIDTH = 26, 420


def write(sftp: Any, folder: str, drift: Drift, lines: Sequence[tuple[Any, ...]]) -> dict[str, str]:
    """Write tables and chart into the folder (made if missing); return the paths that a report keeps.

    Each file appears under its name when it is complete; a repetition replaces it.
    """
    name = f"{folder_of(sftp, folder).rstrip('/')}/drift_{drift.shop_id}_{drift.report_id}"
    write_whole(sftp, f"{name}.csv", [csv_bytes(COLUMNS, lines)])
    write_whole(sftp, f"{name}_by_location.csv", [by_location(lines)])
    write_whole(sftp, f"{name}.svg", [chart(drift).encode()])
    return {"csv_file": f"{name}.csv", "chart_file": f"{name}.svg"}


def by_location(lines: Sequence[tuple[Any, ...]]) -> bytes:
    """How many levels differ at each location and by how many units, then how many of each cause (CSV)."""
    import pandas as pd  # two seconds, which only this task has to pay

    if not lines:
        return csv_bytes((*PLACE, "levels", "units"), [])
    frame = pd.DataFrame(lines, columns=list(COLUMNS))
    frame["units"] = pd.to_numeric(frame["difference"]).abs().fillna(0).astype("int64")
    places = frame.groupby(PLACE, dropna=False)
    table = places.agg(levels=("cause", "size"), units=("units", "sum"))
    causes = frame.groupby([*PLACE, "cause"], dropna=False).size().unstack(fill_value=0)
    table = table.join(causes).sort_values(["units", "levels"], ascending=False).reset_index()
    return csv_bytes(list(table), table.itertuples(index=False))


def chart(drift: Drift) -> str:
    """Levels by cause as bars (SVG)."""
    most = max(drift.causes.values(), default=1)
    total = sum(drift.causes.values())
    title = f"Shop {drift.shop_id}, report {drift.report_id}: {total:,} of {drift.our_levels:,} levels differ"
    rows = [f'<text x="10" y="22" font-size="15">{escape(title)}</text>']
    for number, (cause, count) in enumerate(drift.causes.items()):
        top = 40 + number * BAR
        width = max(1, round(count / most * WIDTH))
        rows += [
            f'<text x="200" y="{top + 14}" text-anchor="end">{escape(cause)}</text>',
            f'<rect x="210" y="{top}" width="{width}" height="{BAR - 8}" fill="#4472a8"/>',
            f'<text x="{216 + width}" y="{top + 14}">{count:,} ({drift.units[cause]:,} units)</text>',
        ]
    height = 50 + len(drift.causes) * BAR
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="800" height="{height}" '
        f'font-family="sans-serif" font-size="12">\n' + "\n".join(rows) + "\n</svg>\n"
    )
