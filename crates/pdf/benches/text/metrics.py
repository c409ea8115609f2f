"""Compares an answer with the truth. Each function returns sums, so that documents add up."""

from __future__ import annotations

import re
import textwrap
from collections import Counter

from rapidfuzz import fuzz
from rapidfuzz.distance import Indel, Levenshtein

from blocks import Block, Cell, normal, same_signs, unnumbered

Sums = Counter
# Texts at least this similar are the same heading, item or paragraph.
SAME = 90
WORD = re.compile(r"[^\W\d_]{2,}")


def compare(truth: list[Block], pages: list[list[Block]], vocabulary: set[str]) -> Sums:
    """`vocabulary` has the words of the whole source, in lower case."""
    answer = [block for page in pages for block in page]
    sums = Sums(documents=1, pages=len(pages))
    for part in (
        text_order(truth, answer),
        headings(truth, answer),
        tables(truth, answer),
        running_heads(truth, pages),
        items(truth, answer),
        code(truth, answer),
        spans(truth, answer),
        paragraphs(truth, pages),
        words(answer, vocabulary),
    ):
        sums.update(part)
    return sums


def whole(blocks: list[Block]) -> str:
    return normal(" ".join(block.plain() for block in blocks))


def text_order(truth: list[Block], answer: list[Block]) -> Sums:
    return Sums(text=Indel.normalized_similarity(whole(truth), whole(answer)))


def matched(truth: list[str], answer: list[str]) -> list[tuple[int, int]]:
    """The longest sequence of pairs of similar texts in the order of both."""
    same = [[fuzz.ratio(a, b) >= SAME for b in answer] for a in truth]
    best = [[0] * (len(answer) + 1) for _ in range(len(truth) + 1)]
    for a in range(len(truth) - 1, -1, -1):
        for b in range(len(answer) - 1, -1, -1):
            best[a][b] = max(best[a + 1][b], best[a][b + 1], best[a + 1][b + 1] + 1 if same[a][b] else 0)
    pairs, a, b = [], 0, 0
    while a < len(truth) and b < len(answer):
        if same[a][b] and best[a][b] == best[a + 1][b + 1] + 1:
            pairs.append((a, b))
            a, b = a + 1, b + 1
        elif best[a + 1][b] >= best[a][b + 1]:
            a += 1
        else:
            b += 1
    return pairs


def in_order(kind: str, name: str, truth: list[Block], answer: list[Block], key) -> Sums:
    wanted, given = ([block for block in blocks if block.kind == kind and key(block)] for blocks in (truth, answer))
    pairs = matched([key(block) for block in wanted], [key(block) for block in given])
    sign = lambda number: (number > 0) - (number < 0)  # noqa: E731
    steps = [(wanted[a].level - wanted[c].level, given[b].level - given[d].level) for (a, b), (c, d) in zip(pairs, pairs[1:])]
    agree = sum(sign(a) == sign(b) for a, b in steps)
    return Sums({f"{name}_truth": len(wanted), f"{name}_answer": len(given), f"{name}_same": len(pairs), f"{name}_steps": len(steps), f"{name}_levels": agree})


def headings(truth: list[Block], answer: list[Block]) -> Sums:
    return in_order("heading", "heading", truth, answer, lambda block: unnumbered(block.text))


def items(truth: list[Block], answer: list[Block]) -> Sums:
    return in_order("item", "item", truth, answer, lambda block: normal(block.text)[:80].casefold())


def table_words(rows: list[list[Cell]]) -> Counter:
    return Counter(normal(" ".join(cell.text for row in rows for cell in row)).casefold().split())


def tables(truth: list[Block], answer: list[Block]) -> Sums:
    """Each table of the answer belongs to the table of the truth that has most of its words, at least half of them. One that is on two
    pages is two tables in the answer: their rows are joined."""
    wanted = [block.rows for block in truth if block.kind == "table"]
    bags = [table_words(rows) for rows in wanted]
    parts: dict[int, list[list[Cell]]] = {}
    false = 0
    for rows in (block.rows for block in answer if block.kind == "table"):
        bag = table_words(rows)
        shared = [(bag & other).total() for other in bags]
        # Of several that have all words, the one of its size, as far as it has no part yet.
        rank = lambda index: (shared[index], index not in parts, -abs(bags[index].total() - bag.total()))  # noqa: E731
        best = max(range(len(bags)), key=rank, default=None)
        if best is None or shared[best] * 2 < max(1, bag.total()):
            false += 1
            continue
        head = parts.get(best, [[]])[0]
        repeats = best in parts and [normal(cell.text) for cell in rows[0]] == [normal(cell.text) for cell in head]
        parts.setdefault(best, []).extend(rows[1:] if repeats else rows)
    return Sums(
        table_truth=len(wanted),
        table_found=len(parts),
        table_false=false,
        teds=sum(teds(wanted[index], rows) for index, rows in parts.items()),
    )


def teds(truth: list[list[Cell]], answer: list[list[Cell]]) -> float:
    """Tree edit distance similarity of two tables: rows are aligned in order, and in them their cells."""
    size = lambda rows: 1 + sum(1 + len(row) for row in rows)  # noqa: E731
    distance = edits(truth, answer, lambda row: 1 + len(row), lambda a, b: edits(a, b, lambda _: 1, cell_distance))
    return 1 - distance / max(size(truth), size(answer))


def edits(a: list, b: list, weight, change) -> float:
    before = [0.0]
    for item in b:
        before.append(before[-1] + weight(item))
    for left in a:
        now = [before[0] + weight(left)]
        for index, right in enumerate(b):
            now.append(min(before[index + 1] + weight(left), now[index] + weight(right), before[index] + change(left, right)))
        before = now
    return before[-1]


def cell_distance(a: Cell, b: Cell) -> float:
    if (a.columns, a.rows) != (b.columns, b.rows):
        return 1.0
    return Levenshtein.normalized_distance(normal(a.text), normal(b.text))


def running_heads(truth: list[Block], pages: list[list[Block]]) -> Sums:
    """Lines at the top and bottom of the pages' answers that repeat there but for their numbers, and are not in the truth."""
    known = {normal(block.plain()).casefold() for block in truth}
    known |= {unnumbered(block.plain()) for block in truth}
    seen: list[set[str]] = []
    for page in pages:
        edge = page if len(page) <= 4 else page[:2] + page[-2:]
        texts = [normal(block.plain()).casefold() for block in edge if block.kind != "table"]
        seen.append({re.sub(r"\d+|\b[ivxl]+\b", "#", text) for text in texts if text not in known and unnumbered(text) not in known and len(text) < 150})
    counts = Counter(text for page in seen for text in page)
    return Sums(heads=sum(count for text, count in counts.items() if count >= 3 or text == "#"))


def code_lines(blocks: list[Block]) -> Counter:
    lines = (line.rstrip() for block in blocks if block.kind == "code" for line in textwrap.dedent(same_signs(block.text)).split("\n"))
    return Counter(line for line in lines if line.strip())


def code(truth: list[Block], answer: list[Block]) -> Sums:
    return counted("code", code_lines(truth), code_lines(answer))


def counted(name: str, truth: Counter, answer: Counter) -> Sums:
    return Sums({f"{name}_truth": truth.total(), f"{name}_answer": answer.total(), f"{name}_same": (truth & answer).total()})


def spans(truth: list[Block], answer: list[Block]) -> Sums:
    sums = Sums()

    def of(blocks: list[Block], style: str) -> Counter:
        runs = [run for block in blocks if block.kind in ("paragraph", "item") for run in block.runs if style in run.styles]
        return Counter(word for run in runs for word in normal(run.text).split())

    def links(blocks: list[Block]) -> Counter:
        # One link can be several runs.
        found = ({run.href.rstrip("/") for run in block.runs if re.match(r"(https?|ftp|mailto):", run.href)} for block in blocks)
        return Counter(href for links in found for href in links)

    for style in ("code", "bold", "italic"):
        sums.update(counted(f"span_{style}", of(truth, style), of(answer, style)))
    sums.update(counted("link", links(truth), links(answer)))
    return sums


def paragraphs(truth: list[Block], pages: list[list[Block]]) -> Sums:
    """Paragraphs whose start and end are on one page but not in one block; and blocks that have several paragraphs."""
    edge = 5
    texts = [[normal(block.plain()) for block in page if block.kind in ("paragraph", "item")] for page in pages]
    everything = [" ".join(page) for page in texts]
    cut = joined = total = 0
    starts: set[tuple[int, int]] = set()
    for block in truth:
        words = normal(block.text).split()
        if block.kind not in ("paragraph", "item") or len(words) < 2 * edge:
            continue
        start, end = " ".join(words[:edge]), " ".join(words[-edge:])
        page = next((index for index, text in enumerate(everything) if start in text and end in text), None)
        if page is None:
            continue
        total += 1
        place = next((index for index, text in enumerate(texts[page]) if start in text), None)
        if place is None or end not in texts[page][place]:
            cut += 1
        elif (page, place) in starts:
            joined += 1
        if place is not None:
            starts.add((page, place))
    return Sums(paragraphs=total, cut=cut, joined=joined)


def words(answer: list[Block], vocabulary: set[str]) -> Sums:
    """Words that the source does not have: broken, or joined with another."""
    found = WORD.findall(" ".join(normal(block.plain()) for block in answer if block.kind != "code"))
    return Sums(words=len(found), broken=sum(word.casefold() not in vocabulary for word in found))
