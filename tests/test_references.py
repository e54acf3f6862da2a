"""References lead somewhere: to sections, examples and rows of the specs, to files, to headings of our pages.

The forms: "inventory.md 6.7", "orders.md 5.1, 5.4-5.6; shopify.md 7", "orders-addendum.md I",
"architecture.md 8.2" (older migrations say "design 8.2"), INV-16, T-BRK-03, "row 118" in what belongs to the
local shop, F5 in shopify.md, paths such as docs/flows.md, and links of Markdown.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SPEC = ROOT / "docs/spec"
PAGES = {
    "inventory": SPEC / "inventory.md",
    "orders": SPEC / "orders.md",
    "orders-addendum": SPEC / "orders-addendum.md",
    "addendum": SPEC / "orders-addendum.md",
    "shopify": SPEC / "shopify.md",
    "architecture": ROOT / "docs/architecture.md",
    "design": ROOT / "docs/architecture.md",
}
FOLDERS = ("include", "plugins", "dags", "tests", "tools", "docs", "docker", "config", "requirements")
SUFFIXES = {".py", ".sql", ".graphql", ".md", ".yaml", ".sh", ".toml", ".in", ".txt", ".mako", ".html"}
CODE = re.compile(r"^(include|plugins|dags|tests|tools|docs|docker|config)/[\w./-]+\.\w+$")

SECTION = r"(?:\d+(?:\.\d+)*|[A-T](?:\.\d+)?(?![\w-]))"
NAMED = re.compile(
    r"\b(?P<page>(?:inventory|orders|shopify)(?=\.md)|orders-addendum|addendum|architecture|[Dd]esign)(?:\.md)?"
    r"`?(?:\]\([^)]*\))?(?: sections?| §)? ?"
    rf"(?<=[ `§])(?P<sections>{SECTION}(?:(?:, | and |-|–| to ){SECTION})*)"
)
EXAMPLE = re.compile(r"\b(?:INV-\d{2}|T-[A-Z]{3}-\d{2}b?)\b")
ROW = re.compile(r"\brows? (\d+)\b|\btest_row_(\d+)_")
FAULT = re.compile(r"\bF\d{1,2}\b")
LINK = re.compile(r"\]\(([^)\s]+)\)")
QUOTED = re.compile(r"`([^`\s]+)`")


def files() -> list[Path]:
    """Every text of the repository that may refer to another, this test apart."""
    inside = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    return sorted(
        {*inside, *ROOT.glob("*.md"), *ROOT.glob("*.in"), ROOT / "pyproject.toml"} - {Path(__file__)}
    )


def flat(path: Path) -> str:
    """The text in one line, without the marks of comments: references are broken where lines end."""
    return re.sub(r"\n[ \t]*(?:#+|--|\*|>)?[ \t]*", " ", path.read_text())


@cache
def sections(page: Path) -> frozenset[str]:
    """The numbers or letters of a page's headings, and of the numbered points below each."""
    found, heading = set(), ""
    for line in page.read_text().splitlines():
        if match := re.match(r"#+ (\d+(?:\.\d+)*|[A-T])(?=[. ])|\*\*([A-T]\.\d+)(?=[. *])", line):
            heading = match[1] or match[2]
            found.add(heading)
        elif match := re.match(r"(\d+)\. ", line):
            found.add(f"{heading}.{match[1]}")
        elif match := re.match(r"### 11\.\d .*\(scope (3\.\d)\)", line):
            found.add(match[1])
    return frozenset(found)


@cache
def examples() -> frozenset[str]:
    """The examples that a spec defines: the first words of a row or of a paragraph."""
    text = "".join(page.read_text() for page in set(PAGES.values()))
    return frozenset(re.findall(r"(?m)^(?:\| *|\*\*|### )(INV-\d{2}|T-[A-Z]{3}-\d{2}b?)\b", text))


@cache
def rows_of_shopify() -> frozenset[str]:
    return frozenset(re.findall(r"(?m)^\| (F?\d+) \|", PAGES["shopify"].read_text()))


@cache
def headings(page: Path) -> frozenset[str]:
    """The anchors that a page offers."""
    text = page.read_text()
    titles = re.findall(r"(?m)^#+ (.+)$", text)
    slugs = {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}
    return frozenset(slugs | set(re.findall(r'<a id="([^"]+)">', text)))


def sections_named(text: str) -> Iterator[tuple[str, str]]:
    """Yield the page and each section that a text refers to; both ends of a range."""
    for match in NAMED.finditer(text):
        for section in re.findall(SECTION, match["sections"]):
            yield match["page"].lower(), section


def test_the_pages_have_what_is_looked_for():
    assert {"6.7", "3.5", "10"} <= sections(PAGES["inventory"]) | sections(PAGES["orders"])
    assert {"A", "B.3", "I", "T"} <= sections(PAGES["addendum"])
    assert {"8.4.10", "3.7"} <= sections(PAGES["shopify"])
    assert {"INV-16", "T-BRK-03", "T-FUL-08", "T-PSC-09b"} <= examples()
    assert {"118", "F1", "F32"} <= rows_of_shopify()
    assert list(sections_named("see inventory.md 5.4-5.6, 6; addendum D.2")) == [
        ("inventory", "5.4"), ("inventory", "5.6"), ("inventory", "6"), ("addendum", "D.2"),
    ]  # fmt: skip


def test_there_are_references():
    assert sum(1 for path in files() for _ in sections_named(flat(path))) > 300


@pytest.mark.parametrize("folder", [*FOLDERS, "."])
def test_sections_and_examples_exist(folder):
    missing = []
    for path in files():
        name = str(path.relative_to(ROOT))
        if (name.split("/")[0] if "/" in name else ".") != folder:
            continue
        text = flat(path)
        missing += [
            f"{name}: {page} {section}"
            for page, section in sections_named(text)
            if section not in sections(PAGES[page])
        ]
        missing += [f"{name}: {one}" for one in EXAMPLE.findall(text) if one not in examples()]

    assert missing == [], "no such section or example; say it in docs/spec, or mend the reference"


def test_a_section_is_named_with_its_page():
    nameless = [
        f"{path.relative_to(ROOT)}: {found}"
        for path in files()
        if path.parent != SPEC
        for found in re.findall(r"\bspec(?: section)? \d+\.\d+|fakeshop-scope", flat(path))
    ]

    assert nameless == [], "say inventory.md, orders.md, …"


@pytest.mark.parametrize("page", sorted({*PAGES.values()}), ids=lambda page: page.name)
def test_a_page_refers_to_sections_of_its_own(page):
    text = NAMED.sub("", flat(page))  # what names another page is checked above
    own = re.findall(r"(?:§|\bsections? )(\d+(?:\.\d+)*)", text)

    assert [section for section in own if section not in sections(page)] == []


def test_letters_in_orders_lead_into_the_addendum():
    letters = re.findall(r"\b[A-T]\.\d+\b", flat(PAGES["orders"]))

    assert letters
    assert [one for one in letters if one not in sections(PAGES["addendum"])] == []


def test_rows_of_the_local_shop_exist():
    about_the_shop = [path for path in files() if "fakeshop" in path.parts and path.suffix == ".py"]
    missing = [
        f"{path.relative_to(ROOT)}: row {number}"
        for path in about_the_shop
        for match in ROW.finditer(flat(path))
        if (number := (match[1] or match[2]).lstrip("0")) not in rows_of_shopify()
    ]
    missing += [one for one in FAULT.findall(PAGES["shopify"].read_text()) if one not in rows_of_shopify()]

    assert missing == []


def test_paths_exist():
    missing = []
    for path in files():
        if path.suffix != ".md":
            continue
        for quoted in QUOTED.findall(path.read_text()):
            if CODE.match(quoted) and "…" not in quoted and not (ROOT / quoted).exists():
                missing.append(f"{path.relative_to(ROOT)}: {quoted}")

    assert missing == [], "moved or renamed: say the new name"


def test_docs_named_in_code_exist():
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in files()
        for name in re.findall(r"(?<![\w./-])docs/[\w./-]+\.\w+", path.read_text())
        if not (ROOT / name).exists()
    ]

    assert missing == []


def test_links_between_pages_exist():
    missing = []
    for path in files():
        if path.suffix != ".md":
            continue
        for link in LINK.findall(path.read_text()):
            if re.match(r"\w+:", link):
                continue
            name, _, anchor = link.partition("#")
            target = (path.parent / name).resolve() if name else path
            if not target.exists() or (anchor and anchor not in headings(target)):
                missing.append(f"{path.relative_to(ROOT)}: {link}")

    assert missing == []


def test_modules_that_the_architecture_page_points_at_exist():
    page = PAGES["architecture"]
    named = [
        one for one in QUOTED.findall(page.read_text()) if re.fullmatch(r"[\w/-]+/[\w-]*(\.py|\.sql)?", one)
    ]
    places = (ROOT, ROOT / "include/oms", ROOT / "include", ROOT / "plugins")

    assert [one for one in named if not any((place / one).exists() for place in places)] == []
