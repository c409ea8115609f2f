"""Finds the part of the truth that is printed on some pages of the PDF."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from statistics import median

from blocks import Block, normal

# So many words in a row are the same place.
ANCHOR = 5
# A run of fewer words at the edge of a page can be a coincidence.
RUN_MIN = 4
# So many words of the truth between two runs are not on the page.
FAR = 40


def words_of(text: str) -> list[str]:
    return [re.sub(r"\W", "", word).casefold() for word in normal(text).split()]


def on_pages(blocks: list[Block], pages: list[str]) -> list[Block]:
    """The blocks whose words are on the pages. The first and the last are cut where the pages begin and end."""
    words = [re.sub(r"\W", "", normal(word)).casefold() for block in blocks for word in block.words()]
    start, end = place(words, words_of(pages[0]))[0], place(words, words_of(pages[-1]))[1]
    kept, at = [], 0
    for block in blocks:
        count = len(block.words())
        if at < end and at + count > start:
            kept.append(block.cut(start - at, end - at))
        elif at + count == start and block.kind == "heading" and set(words[at:start]) <= set(words_of(pages[0])[:FAR]):
            # The title of a chapter is too short to be found.
            kept.append(block)
        at += count
    return [block for block in kept if block.plain().strip()]


def place(words: list[str], page: list[str]) -> tuple[int, int]:
    """Where the words of a page begin and end."""
    seen: dict[tuple[str, ...], int] = {}
    for at in range(len(words) - ANCHOR + 1):
        key = tuple(words[at : at + ANCHOR])
        seen[key] = -1 if key in seen else at
    places = [seen.get(tuple(page[at : at + ANCHOR]), -1) - at for at in range(len(page) - ANCHOR + 1)]
    shifts = [shift for at, shift in enumerate(places) if shift + at >= 0]
    if not shifts:
        raise ValueError("the page is not in the truth")
    middle, reach = int(median(shifts)), len(page) // 2 + 100
    low = max(0, middle - reach)
    window = words[low : middle + len(page) + reach]
    matches = [match for match in SequenceMatcher(None, page, window, autojunk=False).get_matching_blocks() if match.size >= RUN_MIN]
    if not matches:
        raise ValueError("the page is not in the truth")
    # A run at the edge that is far from the next one is the same phrase at another place.
    while len(matches) > 1 and is_far(matches[0], matches[1]):
        matches.pop(0)
    while len(matches) > 1 and is_far(matches[-2], matches[-1]):
        matches.pop()
    return low + matches[0].b, low + matches[-1].b + matches[-1].size


def is_far(match, following) -> bool:
    on_page, in_truth = following.a - match.a - match.size, following.b - match.b - match.size
    return in_truth - on_page > FAR
