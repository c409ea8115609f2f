//! PP-DocLayout models (PicoDet): the page is scaled to a square, and the output is boxes with class and score.

use super::network::{Input, Network, Output};
use super::{Detector, DetectorError, Layout, Pixels};
use crate::figures::{Bounds, Candidate};

/// The side of the model's input.
const SIDE: usize = 480;
/// The page is drawn this many times larger and averaged down, so that small print becomes an even grey.
const OVERSAMPLING: usize = 2;
/// The mean and deviation of the model's input, for red, green and blue.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];
/// The model's classes `image` and `chart`.
const FIGURES: [u16; 2] = [1, 18];
/// The model's class `table`.
const TABLE: u16 = 8;
/// A figure is dropped if a box of another class has a higher score and an intersection over union above this.
const IOU_MAX: f32 = 0.5;

/// A detector with a PP-DocLayout model.
pub(super) struct PpDoclayout {
    pub network: Box<dyn Network>,
    pub score_min: f32,
}

/// A row of the model's output.
struct Found {
    class: u16,
    candidate: Candidate,
}

impl Detector for PpDoclayout {
    fn canvas(&self, _aspect: f32) -> (i32, i32) {
        let side = (SIDE * OVERSAMPLING) as i32;
        (side, side)
    }

    fn detect(&mut self, page: &Pixels) -> Result<Layout, DetectorError> {
        let image = Input { name: "image".to_owned(), shape: vec![1, 3, SIDE, SIDE], values: normalised(page) };
        let scale = Input { name: "scale_factor".to_owned(), shape: vec![1, 2], values: vec![1.0, 1.0] };
        let outputs = self.network.run(vec![image, scale])?;
        let boxes = outputs.first().filter(|output| output.shape.last() == Some(&6));
        let boxes = boxes.ok_or_else(|| DetectorError("the model's output has no boxes".to_owned()))?;
        Ok(layout(&rows(boxes, self.score_min)))
    }
}

/// Averages the pixels down to the model's size, by channel. The loop has no division because it runs for each page.
fn normalised(page: &Pixels) -> Vec<f32> {
    let mut values = vec![0.0; 3 * SIDE * SIDE];
    let scale = DEVIATION.map(|deviation| 1.0 / (255.0 * 4.0 * deviation));
    let offset: [f32; 3] = std::array::from_fn(|channel| -MEAN[channel] / DEVIATION[channel]);
    let row_bytes = page.width * 3;
    for (y, rows) in page.rgb.chunks_exact(OVERSAMPLING * row_bytes).take(SIDE).enumerate() {
        let (upper, lower) = rows.split_at(row_bytes);
        let squares = upper.chunks_exact(OVERSAMPLING * 3).zip(lower.chunks_exact(OVERSAMPLING * 3));
        for (x, (upper, lower)) in squares.take(SIDE).enumerate() {
            for channel in 0..3 {
                let levels = [upper[channel], upper[channel + 3], lower[channel], lower[channel + 3]];
                let sum: u16 = levels.into_iter().map(u16::from).sum();
                values[(channel * SIDE + y) * SIDE + x] = f32::from(sum) * scale[channel] + offset[channel];
            }
        }
    }
    values
}

/// The boxes with at least this score. A row of the output is `class, score, left, top, right, bottom`, in pixels of the input.
fn rows(boxes: &Output, score_min: f32) -> Vec<Found> {
    let side = SIDE as f32;
    let rows = boxes.values.chunks_exact(6).filter(|row| row[1] >= score_min);
    rows.map(|row| Found {
        class: row[0] as u16,
        candidate: Candidate {
            bounds: Bounds::new(row[2] / side, row[3] / side, row[4] / side, row[5] / side),
            score: row[1],
        },
    })
    .collect()
}

fn layout(found: &[Found]) -> Layout {
    let (figures, others): (Vec<&Found>, Vec<&Found>) = found.iter().partition(|item| FIGURES.contains(&item.class));
    let is_something_else = |figure: &Candidate| {
        let mut higher = others.iter().filter(|other| other.candidate.score > figure.score);
        higher.any(|other| other.candidate.bounds.iou(&figure.bounds) > IOU_MAX)
    };
    let figures = figures.into_iter().map(|item| item.candidate).filter(|figure| !is_something_else(figure)).collect();
    Layout { figures, has_others: !others.is_empty(), has_tables: others.iter().any(|other| other.class == TABLE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(class: u16, score: f32, bounds: Bounds) -> Found {
        Found { class, candidate: Candidate { bounds, score } }
    }

    #[test]
    fn box_with_higher_score_as_table_is_no_figure() {
        let (area, other) = (Bounds::new(0.1, 0.1, 0.5, 0.5), Bounds::new(0.6, 0.6, 0.9, 0.9));
        let (image, table) = (found(1, 0.5, area), found(8, 0.6, area));
        let chart = found(18, 0.4, other);
        let figures = vec![Candidate { bounds: other, score: 0.4 }];
        assert_eq!(layout(&[image, table, chart]), Layout { figures, has_others: true, has_tables: true });
        let (image, table) = (found(1, 0.7, area), found(8, 0.6, area));
        assert_eq!(layout(&[image, table]).figures, [Candidate { bounds: area, score: 0.7 }]);
        assert!(!layout(&[found(1, 0.7, area)]).has_others);
    }

    #[test]
    fn each_input_value_is_the_mean_of_four_pixels() {
        let side = SIDE * OVERSAMPLING;
        let level = |x: usize, y: usize, channel: usize| ((x * 31 + y * 17 + channel * 101) % 256) as u8;
        let rgb = (0..side * side * 3).map(|at| level(at / 3 % side, at / 3 / side, at % 3)).collect();
        let values = normalised(&Pixels { width: side, height: side, rgb });
        for (x, y, channel) in [(0, 0, 0), (479, 0, 1), (0, 479, 2), (479, 479, 0), (123, 321, 1), (321, 123, 2)] {
            let square = [(0, 0), (1, 0), (0, 1), (1, 1)];
            let sum: f32 = square.map(|(dx, dy)| f32::from(level(2 * x + dx, 2 * y + dy, channel))).iter().sum();
            let wanted = (sum / (4.0 * 255.0) - MEAN[channel]) / DEVIATION[channel];
            let found = values[(channel * SIDE + y) * SIDE + x];
            assert!((found - wanted).abs() < 1e-5, "{found} instead of {wanted} at {x}, {y} of {channel}");
        }
    }

    #[test]
    fn white_page_has_equal_input_values() {
        let side = SIDE * OVERSAMPLING;
        let values = normalised(&Pixels { width: side, height: side, rgb: vec![255; side * side * 3] });
        assert!((values[0] - (1.0 - MEAN[0]) / DEVIATION[0]).abs() < 1e-5);
        assert!(values.iter().take(SIDE * SIDE).all(|value| *value == values[0]));
    }
}
