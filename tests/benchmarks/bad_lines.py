"""How long bad lines take to be sorted, beside good lines of as many bytes.

    python -m tests.benchmarks.bad_lines [--megabytes N] [--repeat N]

CPU time of one process, best of the repetitions; both arms in turn. Lines that are no rows are at most
maxRejects of a file, so the rates of short ones count for little.
"""

import argparse
import time

from oms.imports.lines import LineSorter

PIECE = 2 << 20
GOOD = b"STORE_1,SKU,SKU-1234,57\n"
BAD: dict[str, tuple[bytes, str]] = {
    "blank lines": (b"\n", "utf-8"),
    "blanks": (b" \n", "utf-8"),
    "delimiters only": (b",,,\n", "utf-8"),
    "one column": (b"STORE_1;SKU;SKU-1234;57\n", "utf-8"),
    "quoted cells": (b'"STORE_1","SKU","SKU-1234","57"\n', "utf-8"),
    "quoted, CRLF": (b'"STORE_1","SKU","SKU-1234","57"\r\n', "utf-8"),
    "delimiter in quotes": (b'STORE_1,SKU,"SKU,1234",57\n', "utf-8"),
    "quote in quotes": (b'STORE_1,SKU,"SKU""1234",57\n', "utf-8"),
    "inch sign": (b'STORE_1,SKU,SKU 12",57\n', "utf-8"),
    "padded cells": (b"STORE_1, SKU, SKU-1234, 57\n", "utf-8"),
    "decimals": (b"STORE_1,SKU,SKU-1234,57.0\n", "utf-8"),
    "Shift-JIS": ("店1,SKU,帽子-1234,57\n".encode("cp932"), "cp932"),
    "line end in quotes": (b'STORE_1,SKU,"SKU\n1234",57\n', "utf-8"),
    "CRLF in quotes": (b'STORE_1,SKU,"SKU\r\n1234",57\r\n', "utf-8"),
    "misplaced quote": (b'STORE_1,SKU,"SKU"1234,57\n', "utf-8"),
    "short, one column": (b"a\n", "utf-8"),
    "short, quoted": (b'"a"\n', "utf-8"),
    "short cells, quoted": (b'"a","b","c","1"\n', "utf-8"),
}


def seconds(text: bytes, encoding: str) -> float:
    """CPU time of sorting these lines."""
    sorter = LineSorter(4, ",", encoding, 3)
    began = time.process_time()
    for at in range(0, len(text), PIECE):
        for _ in sorter.feed(text[at : at + PIECE]):
            pass
    for _ in sorter.finish():
        pass
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=4)
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    size = given.megabytes << 20
    texts = {name: (line * (size // len(line)), encoding) for name, (line, encoding) in BAD.items()}
    texts["open quote"] = (b'"' + b"\n" * size, "utf-8")
    good = GOOD * (size // len(GOOD))
    for name, (text, encoding) in texts.items():
        pairs = [(seconds(good, "utf-8"), seconds(text, encoding)) for _ in range(given.repeat)]
        plain, odd = min(one for one, _ in pairs), min(other for _, other in pairs)
        print(f"{name:20} {odd:6.3f} s, good lines {plain:6.3f} s: {odd / plain:5.1f} x")


if __name__ == "__main__":
    main()
