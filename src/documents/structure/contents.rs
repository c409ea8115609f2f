//! The printed table of contents: its pages, its entries, and the pages that they lead to.

use std::collections::{BTreeMap, HashMap};

use super::Guide;
use super::heads::Heads;
use super::levels::Counts;
use super::lines::PageLines;
use super::places::{self, LinePlace};
use super::titles::{Title, folded, roman};

/// A page with fewer entries is no contents page, unless it goes on one.
const ENTRIES_MIN: usize = 5;
/// In a table of contents, two entries outweigh three other lines, such as titles that go on.
const ENTRY_LINE: i64 = 3;
const OTHER_LINE: i64 = 2;
/// A list with fewer entries that were found on their pages guides nothing.
const FOUND_MIN: usize = 3;
/// Fewer entries that look alike are no level of their own.
const LOOK_MIN: usize = 2;

/// An entry of a table of contents, as it is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) title: String,
    /// The printed number of the page that it leads to.
    pub(super) label: String,
    pub(super) style: Style,
    /// The letters and digits of the whole line.
    pub(super) whole: String,
}

/// What an entry looks like. The stronger one comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Style {
    indent: usize,
    has_leader: bool,
    is_plain: bool,
}

/// What an entry looks like, and the level that its page gives its heading.
type Look = (Style, Option<u8>);

impl Entry {
    /// Sorts roman numbers before arabic ones.
    fn order(&self) -> i64 {
        let roman = || roman(&self.label.to_lowercase()).map_or(0, |number| i64::from(number) - 1_000);
        self.label.parse().unwrap_or_else(|_| roman())
    }
}

/// The entries of a page: those of the part of it where most lines are entries in the order of their pages.
pub(super) fn entries(markdown: &str) -> Vec<Entry> {
    let mut lines: Vec<Vec<Entry>> = Vec::new();
    let mut begun = String::new();
    for line in markdown.lines() {
        let indent = line.len() - line.trim_start().len();
        let (line, is_plain) = bare(line);
        if line.is_empty() {
            continue;
        }
        let found = split(&line);
        if found.is_empty() {
            // The title of an entry may go on in the next line, which has its page.
            begun = if Title::of(&line).number.is_some() { line.clone() } else { String::new() };
        }
        let entry = |(title, label, has_leader): (String, String, bool)| {
            let begun = std::mem::take(&mut begun);
            let is_begun = !begun.is_empty() && Title::of(&title).number.is_none();
            let title = if is_begun { format!("{begun} {title}") } else { title };
            let style = Style { indent: indent / 2, has_leader, is_plain };
            Entry { title, label, style, whole: folded(&line) }
        };
        lines.push(found.into_iter().map(entry).collect());
    }
    let entries: Vec<Entry> = lines[densest(&lines)].iter().flatten().cloned().collect();
    let in_order = entries.windows(2).filter(|pair| pair[0].order() <= pair[1].order()).count();
    let evident = entries.iter().filter(|entry| entry.style.has_leader || Title::of(&entry.title).number.is_some());
    let (evident, pairs) = (evident.count(), entries.len().saturating_sub(1));
    let is_evident = 3 * evident >= entries.len() && 10 * in_order >= 8 * pairs;
    let is_list = entries.len() >= ENTRIES_MIN && (is_evident || evident > 0 && 20 * in_order >= 19 * pairs);
    if is_list { entries } else { Vec::new() }
}

/// The range of lines with the most entries and the fewest other lines.
fn densest(lines: &[Vec<Entry>]) -> std::ops::Range<usize> {
    let (mut best, mut start, mut sum) = ((0, 0..0), 0, 0_i64);
    for (at, entries) in lines.iter().enumerate() {
        if sum <= 0 {
            (start, sum) = (at, 0);
        }
        sum += if entries.is_empty() { -OTHER_LINE } else { ENTRY_LINE };
        if sum > best.0 {
            best = (sum, start..at + 1);
        }
    }
    best.1
}

/// A line without the marks of Markdown, and whether it had none that make it stand out.
fn bare(line: &str) -> (String, bool) {
    let line = line.trim().trim_matches('|').trim();
    let marked = line.trim_start_matches(['#', '-', '*', '+', '>']).trim_start();
    let stands_out = line.starts_with('#') || line.contains("**");
    let mut text = String::with_capacity(marked.len());
    let mut chars = marked.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek().is_some_and(char::is_ascii_punctuation) => text.extend(chars.next()),
            '*' | '`' | '[' => {}
            // The address of a link.
            ']' if chars.peek() == Some(&'(') => while chars.next().is_some_and(|c| c != ')') {},
            '|' => text.push(' '),
            c => text.push(c),
        }
    }
    (text.trim().to_owned(), !stands_out)
}

/// The entries of a line: title, printed page number, and whether a leader joins them.
fn split(line: &str) -> Vec<(String, String, bool)> {
    let (mut found, mut title, mut has_leader) = (Vec::new(), Vec::<&str>::new(), false);
    let words: Vec<&str> = line.split_whitespace().collect();
    for (at, word) in words.iter().enumerate() {
        let leader = word.trim_matches(['.', '…', '·', '_', '-', '—', '․']);
        if leader.is_empty()
            && (!title.is_empty())
            && (word.len() > 1 || words.get(at + 1).is_some_and(|next| is_leader(next)) || has_leader)
        {
            has_leader = true;
            continue;
        }
        // Entries in a row: "2.4.1 Width 13, 2.4.2 Size 16".
        let in_a_row = word.strip_suffix(',').filter(|label| is_label(label) && !title.is_empty());
        let is_number = |next: &&str| next.contains('.') && next.starts_with(|c: char| c.is_ascii_alphanumeric());
        if let Some(label) = in_a_row.filter(|_| words.get(at + 1).is_some_and(is_number)) {
            found.push((std::mem::take(&mut title).join(" "), label.to_owned(), has_leader));
            has_leader = false;
            continue;
        }
        // A leader may touch the title or the number.
        let (before, number) = match word.rfind("..").or_else(|| word.rfind('…')) {
            Some(dots) => {
                let number = &word[dots..].trim_start_matches(['.', '…']);
                (word[..dots].trim_end_matches(['.', '…']), *number)
            }
            None => ("", *word),
        };
        let touches = number.len() < word.len();
        if is_label(number)
            && !(title.is_empty() && before.is_empty())
            && (has_leader || touches || at + 1 == words.len())
        {
            if !before.is_empty() {
                title.push(before);
            }
            let text = title.join(" ");
            let has_words = text.chars().filter(|c| c.is_alphabetic()).count() >= 2;
            if has_words || Title::of(&text).number.is_some_and(|number| number.parts.len() > 1) {
                found.push((text, number.to_owned(), has_leader || touches));
            }
            title.clear();
            has_leader = false;
            continue;
        }
        if touches && number.is_empty() && !before.is_empty() {
            title.push(before);
            has_leader = true;
            continue;
        }
        has_leader = false;
        title.push(word);
    }
    // Words after the last number: no entry, or one that goes on.
    if title.is_empty() { found } else { Vec::new() }
}

fn is_leader(word: &str) -> bool {
    word.chars().all(|c| matches!(c, '.' | '…' | '·' | '_'))
}

fn is_label(word: &str) -> bool {
    let is_arabic = !word.is_empty() && word.len() <= 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    is_arabic || word.len() <= 7 && roman(word).is_some()
}

/// The links of the contents pages.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// By the page's place in the document.
    links: BTreeMap<usize, Vec<Link>>,
}

/// An entry with the page that it leads to.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// The letters and digits of the whole line.
    pub(super) line: String,
    pub(super) title: String,
    /// In the file, from 0.
    pub(super) page: u32,
}

impl Lists {
    pub(super) fn links(&self, at: usize) -> &[Link] {
        self.links.get(&at).map_or(&[], Vec::as_slice)
    }
}

/// The titles that guide: the bookmarks, or the printed contents if they say more.
pub(super) fn guides(
    pages: &[PageLines],
    labels: &[Option<String>],
    bookmarks: &[Guide],
    heads: &Heads,
) -> (Vec<Guide>, Lists) {
    let mut page_of = HashMap::<&str, u32>::new();
    for (page, label) in pages.iter().zip(labels) {
        if let Some(label) = label {
            page_of.entry(label).or_insert(page.index);
        }
    }
    let (mut links, mut best) = (Lists::default(), (0, Vec::new()));
    for list in lists(pages, heads) {
        let target = |entry: &Entry| page_of.get(entry.label.as_str()).copied();
        let guide = |(_, entry): &(usize, &Entry)| Guide { title: entry.title.clone(), level: 1, page: target(entry) };
        let mut guides: Vec<Guide> = list.iter().map(guide).collect();
        let placed = places::of(pages, &guides, heads);
        let style = |place: &Option<LinePlace>| place.and_then(|place| pages[place.page].lines[place.line].style);
        let styles: Vec<Option<u8>> = placed.iter().map(style).collect();
        guides.iter_mut().zip(levels(&list, &styles)).for_each(|(guide, level)| guide.level = level);
        for ((at, entry), (guide, place)) in list.iter().zip(guides.iter().zip(&placed)) {
            let page = place.map(|place| pages[place.page].index).or(guide.page);
            let link = |page| Link { line: entry.whole.clone(), title: entry.title.clone(), page };
            links.links.entry(*at).or_default().extend(page.map(link));
        }
        let found = placed.iter().flatten().count();
        if found > best.0 {
            best = (found, guides);
        }
    }
    let in_order = with_levels_in_order(bookmarks);
    let use_bookmarks = best.0 < FOUND_MIN || 2 * in_order.len() > best.1.len();
    (if use_bookmarks { in_order } else { with_levels_in_order(&best.1) }, links)
}

/// The guides, none of them more than one level below the one before.
fn with_levels_in_order(guides: &[Guide]) -> Vec<Guide> {
    // The levels of the guides above, as they were and as they are now.
    let mut above: Vec<u8> = Vec::new();
    let mut leveled = |guide: &Guide| {
        above.retain(|level| *level < guide.level);
        above.push(guide.level);
        Guide { level: u8::try_from(above.len()).unwrap_or(u8::MAX), ..guide.clone() }
    };
    guides.iter().map(&mut leveled).collect()
}

/// The lists of entries on pages in a row. A list ends where the page numbers begin again.
fn lists<'a>(pages: &'a [PageLines], heads: &Heads) -> Vec<Vec<(usize, &'a Entry)>> {
    let mut lists: Vec<Vec<(usize, &Entry)>> = Vec::new();
    let mut last_page = None;
    for (at, page) in pages.iter().enumerate() {
        let is_head = |entry: &Entry| heads[at].iter().any(|head| page.lines[*head].title.whole == entry.whole);
        for (number, entry) in page.entries.iter().enumerate().filter(|(_, entry)| !is_head(entry)) {
            let goes_on = last_page.is_some_and(|last| at - last <= 1);
            let order = lists.last().and_then(|list| list.last()).map_or(i64::MAX, |(_, last)| last.order());
            let next = page.entries.get(number + 1).map_or(entry.order(), Entry::order);
            let begins_again = entry.order() < order && next < order;
            if !goes_on || begins_again {
                lists.push(Vec::new());
            }
            last_page = Some(at);
            lists.last_mut().into_iter().for_each(|list| list.push((at, entry)));
        }
    }
    lists.retain(|list| list.len() >= ENTRIES_MIN);
    lists
}

/// The level of each entry: by its number, or else by those of entries that look like it. `headings`: the level that its page gives the
/// heading of the entry.
fn levels(list: &[(usize, &Entry)], headings: &[Option<u8>]) -> Vec<u8> {
    let romans = list.iter().filter(|(_, entry)| is_part(&entry.title)).count();
    let depth = |entry: &Entry| match Title::of(&entry.title).number {
        None if romans > 1 && is_part(&entry.title) => Some(0),
        number => number.map(|number| number.depth),
    };
    let depths: Vec<Option<u8>> = list.iter().map(|(_, entry)| depth(entry)).collect();
    let has_parts = u8::from(depths.contains(&Some(0)));
    let is_numbered = depths.iter().flatten().count() * 4 >= list.len();
    let mut known = Counts::default();
    let mut looks = BTreeMap::<Look, usize>::new();
    for (((_, entry), heading), depth) in list.iter().zip(headings).zip(&depths) {
        if let (Some(heading), Some(depth)) = (heading, depth) {
            known.add(*heading, depth + has_parts);
        }
        *looks.entry((entry.style, *heading)).or_default() += 1;
    }
    let known = known.agreed();
    let deepest = known.keys().last().copied();
    // A look of few entries is an accident.
    looks.retain(|(_, heading), count| heading.is_some() && *count >= LOOK_MIN);
    let mut last = 0;
    let mut level = |entry: &Entry, heading: &Option<u8>, depth: &Option<u8>| {
        if let Some(depth) = depth {
            last = (depth + has_parts).max(1);
            return last;
        }
        let level = match heading {
            _ if !is_numbered => rank(&looks, (entry.style, *heading)),
            Some(heading) if known.contains_key(heading) => known[heading],
            _ if deepest.is_some() && *heading > deepest => last + 1,
            _ if entry.style.has_leader && entry.style.is_plain => last + 1,
            _ => 1,
        };
        level.max(1)
    };
    list.iter().zip(headings).zip(&depths).map(|(((_, entry), heading), depth)| level(entry, heading, depth)).collect()
}

/// The rank of a look among those of the list. Entries whose heading was not found rank as most of those that look like them.
fn rank(looks: &BTreeMap<Look, usize>, look: Look) -> u8 {
    let same = looks.iter().filter(|((style, _), _)| *style == look.0);
    let found = if looks.contains_key(&look) {
        Some(look)
    } else {
        same.max_by_key(|(_, count)| **count).map(|(look, _)| *look)
    };
    let before = looks.keys().filter(|other| **other < found.unwrap_or(look)).count();
    u8::try_from(before + 1).unwrap_or(u8::MAX)
}

/// Whether a title begins with a roman number in capitals, as that of a part.
fn is_part(title: &str) -> bool {
    let number = title.split_whitespace().next().filter(|word| word.chars().all(|c| c.is_ascii_uppercase()));
    number.is_some_and(|word| roman(&word.to_lowercase()).is_some())
}
