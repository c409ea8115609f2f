//! Counts how many of the hand-marked figures are found: `cargo bench --package coldbrew-pdf --bench figures`.
//!
//! A figure is found if a box overlaps it with an intersection over union of at least 0.5. Each box finds at most one figure.

#![allow(clippy::expect_used)]

#[path = "../../../benches/corpus.rs"]
mod corpus;
#[path = "../../../benches/engine.rs"]
mod engine;

use coldbrew_pdf::Engine;
use coldbrew_pdf::figures::Bounds;
use serde::Deserialize;

const IOU_MIN: f32 = 0.5;

#[derive(Deserialize)]
struct Labels {
    page: Vec<Page>,
}

#[derive(Deserialize)]
struct Page {
    package: String,
    file: String,
    index: u32,
    figures: Vec<[f32; 4]>,
}

#[derive(Default)]
struct Tally {
    marked: usize,
    boxes: usize,
    matched: usize,
}

#[tokio::main]
async fn main() {
    let labels: Labels = toml::from_str(include_str!("figures.toml")).expect("the labels can be read");
    let engine = engine::engine(env!("CARGO_BIN_EXE_page-worker"));
    let mut tally = Tally::default();
    for page in &labels.page {
        compare(&engine, page, &mut tally).await;
    }
    let share = |of: usize| tally.matched as f32 / of as f32;
    println!(
        "{} pages, {} figures: recall {:.3}, precision {:.3} at IoU {IOU_MIN} ({} boxes)",
        labels.page.len(),
        tally.marked,
        share(tally.marked),
        share(tally.boxes),
        tally.boxes
    );
}

async fn compare(engine: &Engine, page: &Page, tally: &mut Tally) {
    let document = engine::open(engine, corpus::document(&page.package, &page.file)).await;
    let found = document.figures(page.index).await.expect("the page can be looked at");
    let mut boxes: Vec<Bounds> = found.images.into_iter().map(|image| image.figure.bounds).collect();
    tally.marked += page.figures.len();
    tally.boxes += boxes.len();
    for marked in &page.figures {
        let [left, top, right, bottom] = marked.map(|thousandths| thousandths / 1000.0);
        let marked = Bounds::new(left, top, right, bottom);
        let best = (0..boxes.len()).max_by(|a, b| boxes[*a].iou(&marked).total_cmp(&boxes[*b].iou(&marked)));
        match best.filter(|&index| boxes[index].iou(&marked) >= IOU_MIN) {
            Some(index) => {
                boxes.swap_remove(index);
                tally.matched += 1;
            }
            None => println!("missed: {} {} {marked:?}", page.file, page.index),
        }
    }
    for surplus in boxes {
        println!("no figure: {} {} {surplus:?}", page.file, page.index);
    }
}
