"""Compares the Markdown of documents with their sources: compare.py FOLDER. `crates/pdf/benches/text.rs` calls it.

FOLDER has our answers, one JSON file a document. Other programs' answers are kept there, because those programs are pinned.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pypdfium2

import answer
import metrics
import peers
import truth
from align import on_pages
from blocks import Block, normal

HERE = Path(__file__).parent
DOCUMENTS = HERE.parents[3] / "vendor/text"


def share(sums: Counter, part: str, whole: str, scale: float = 1) -> float | None:
    return scale * sums[part] / sums[whole] if sums[whole] else None


def f1(sums: Counter, name: str) -> float | None:
    both = sums[f"{name}_truth"] + sums[f"{name}_answer"]
    return 2 * sums[f"{name}_same"] / both if sums[f"{name}_truth"] else None


COLUMNS = {
    "overall": lambda sums: overall(sums),
    "text": lambda sums: share(sums, "text", "documents"),
    "TEDS": lambda sums: share(sums, "teds", "table_truth"),
    "heading F1": lambda sums: f1(sums, "heading"),
    "heading precision": lambda sums: share(sums, "heading_same", "heading_answer"),
    "heading recall": lambda sums: share(sums, "heading_same", "heading_truth"),
    "heading levels": lambda sums: share(sums, "heading_levels", "heading_steps"),
    "tables found": lambda sums: share(sums, "table_found", "table_truth"),
    "false tables": lambda sums: sums["table_false"],
    "heads and feet per 100 pages": lambda sums: share(sums, "heads", "pages", 100),
    "items F1": lambda sums: f1(sums, "item"),
    "item depths": lambda sums: share(sums, "item_levels", "item_steps"),
    "code lines F1": lambda sums: f1(sums, "code"),
    "links F1": lambda sums: f1(sums, "link"),
    "inline code F1": lambda sums: f1(sums, "span_code"),
    "bold F1": lambda sums: f1(sums, "span_bold"),
    "italic F1": lambda sums: f1(sums, "span_italic"),
    "paragraphs cut per 100": lambda sums: share(sums, "cut", "paragraphs", 100),
    "paragraphs joined per 100": lambda sums: share(sums, "joined", "paragraphs", 100),
    "broken words per 1,000": lambda sums: share(sums, "broken", "words", 1000),
    "pages a second": lambda sums: share(sums, "pages", "seconds"),
}
BRIEF = ["text", "TEDS", "heading F1", "tables found", "false tables", "heads and feet per 100 pages", "items F1", "code lines F1", "paragraphs cut per 100", "broken words per 1,000"]


def overall(sums: Counter) -> float | None:
    parts = [COLUMNS[name](sums) for name in ("text", "TEDS", "heading F1")]
    known = [part for part in parts if part is not None]
    return sum(known) / len(known) if known else None


def shown(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value > 1 else f"{value:.3f}"


def printed_table(title: str, rows: dict[str, Counter], columns: list[str]) -> None:
    print(f"\n| {title} | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name, sums in rows.items():
        print(f"| {name} | " + " | ".join(shown(COLUMNS[column](sums)) for column in columns) + " |")


def peer_answer(name: str, document: dict, folder: Path) -> peers.Answer:
    kept = folder / name / f"{document['name']}.json"
    first, last = document["pages"]
    if kept.exists():
        found = json.loads(kept.read_text())
        if found["of"] == [document["pdf"], first, last]:
            return found["pages"], found["seconds"]
    pages, seconds = peers.PEERS[name](DOCUMENTS / document["package"] / document["pdf"], first, last)
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps({"of": [document["pdf"], first, last], "pages": pages, "seconds": seconds}))
    return pages, seconds


def truth_of(document: dict) -> tuple[list[Block], set[str]]:
    folder = DOCUMENTS / document.get("source_package", document["package"])
    blocks = truth.read(folder, document["source"], document.get("root", ""))
    pdf = pypdfium2.PdfDocument(DOCUMENTS / document["package"] / document["pdf"])
    first, last = document["pages"]
    texts = [pdf[index].get_textpage().get_text_range() for index in (first - 1, last - 1)]
    # Addresses are printed in some documents. In LaTeX, names and addresses of authors are in the preamble.
    known = [normal(block.plain()) for block in blocks] + [run.href for block in blocks for run in block.runs]
    sources = [document["source"]] if isinstance(document["source"], str) else document["source"]
    known += [normal(path.read_text(errors="replace")) for name in sources if name.endswith(".tex") for path in folder.glob(name)]
    vocabulary = {word.casefold() for word in metrics.WORD.findall(" ".join(known))}
    return on_pages(blocks, texts), vocabulary


def main() -> None:
    folder = Path(sys.argv[1])
    documents = tomllib.loads((HERE / "documents.toml").read_text())["document"]
    sums: dict[str, dict[str, Counter]] = {"Coldbrew": {}}
    broken: set[str] = set()
    for document in documents:
        name = document["name"]
        wanted, vocabulary = truth_of(document)
        (folder / f"{name}.truth.txt").write_text("\n".join(f"[{b.kind}{b.level or ''}] {b.plain()}" for b in wanted))
        ours = json.loads((folder / f"{name}.json").read_text())
        answers = {"Coldbrew": (ours["pages"], ours["seconds"])}
        for peer in peers.PEERS:
            if peer in broken:
                continue
            try:
                answers[peer] = peer_answer(peer, document, folder)
            except Exception as error:  # The peer's own.
                broken.add(peer)
                sums.pop(peer, None)
                print(f"{peer} is left out, because it does not read {name}: {error}")
        for engine, (pages, seconds) in answers.items():
            compared = metrics.compare(wanted, [answer.read(page) for page in pages], vocabulary)
            compared["seconds"] = seconds
            sums.setdefault(engine, {})[name] = compared
    for engine, per_document in sums.items():
        printed_table(engine, per_document, BRIEF)
    totals = {engine: sum(per_document.values(), Counter()) for engine, per_document in sums.items()}
    pages = totals["Coldbrew"]["pages"]
    print(f"\n{len(documents)} documents, {pages} pages")
    print("\n| | " + " | ".join(totals) + " |")
    print("|---" * (len(totals) + 1) + "|")
    for column, value in COLUMNS.items():
        print(f"| {column} | " + " | ".join(shown(value(total)) for total in totals.values()) + " |")


main()
