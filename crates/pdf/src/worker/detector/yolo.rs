//! YOLO models: the page is fitted into the model's square and centred on grey.
//!
//! Models that suppress overlapping boxes themselves (YOLOv10, such as DocLayout-YOLO) output rows of `left, top, right, bottom, score,
//! class`. Others (YOLOv8) output `centre x, centre y, width, height` and a score of each class for every place.

use super::network::{Input, Network, Output};
use super::{Detector, DetectorError, Layout, Pixels};
use crate::figures::{Bounds, Candidate};

/// The side for models that take any size.
const SIDE_DEFAULT: usize = 1_024;
/// The grey around the page, as in the training of these models.
const GREY: f32 = 114.0 / 255.0;
/// Of boxes with a larger intersection over union, the one with the highest score is kept.
const IOU_MAX: f32 = 0.45;

/// The score of a box, and its corners.
type Scored = (f32, [f32; 4]);

/// A detector with a YOLO model.
pub(super) struct Yolo {
    network: Box<dyn Network>,
    score_min: f32,
    figure_classes: Vec<u16>,
    side: usize,
}

impl Yolo {
    /// A detector with this model. It fails if the model's input is not a picture.
    pub(super) fn new(
        network: Box<dyn Network>,
        score_min: f32,
        figure_classes: Vec<u16>,
    ) -> Result<Self, DetectorError> {
        let side = match network.input_shape() {
            [_, _, height, width] if height == width => usize::try_from(*height).ok().filter(|side| *side > 0),
            [_, _, ..] => None,
            _ => return Err(DetectorError("the model's input is not a picture".to_owned())),
        };
        Ok(Self { side: side.unwrap_or(SIDE_DEFAULT), network, score_min, figure_classes })
    }

    /// The boxes of figures by descending score, in pixels of the model's square, and whether there are other boxes.
    fn candidates(&self, output: &Output) -> Result<(Vec<Scored>, bool), DetectorError> {
        let rows: Vec<(u16, f32, [f32; 4])> = match output.shape.as_slice() {
            [1, _, 6] => output
                .values
                .chunks_exact(6)
                .map(|row| (row[5] as u16, row[4], [row[0], row[1], row[2], row[3]]))
                .collect(),
            [1, values, places] if *values > 4 => {
                (0..*places).map(|place| column(&output.values, place, *places)).collect()
            }
            shape => return Err(DetectorError(format!("an output of shape {shape:?} is that of no YOLO model"))),
        };
        let (figures, others): (Vec<_>, Vec<_>) = rows
            .into_iter()
            .filter(|(_, score, _)| *score >= self.score_min)
            .partition(|(class, ..)| self.figure_classes.contains(class));
        let mut figures: Vec<_> = figures.into_iter().map(|(_, score, corners)| (score, corners)).collect();
        figures.sort_by(|a, b| b.0.total_cmp(&a.0));
        Ok((figures, !others.is_empty()))
    }
}

impl Detector for Yolo {
    fn canvas(&self, aspect: f32) -> (i32, i32) {
        let side = self.side as f32;
        let (width, height) = if aspect > 1.0 { (side, side / aspect) } else { (side * aspect, side) };
        (width.round().max(1.0) as i32, height.round().max(1.0) as i32)
    }

    fn detect(&mut self, page: &Pixels) -> Result<Layout, DetectorError> {
        let side = self.side;
        let (left, top) = ((side - page.width) / 2, (side - page.height) / 2);
        let mut values = vec![GREY; 3 * side * side];
        for (index, level) in page.rgb.iter().enumerate() {
            let (pixel, channel) = (index / 3, index % 3);
            let (x, y) = (left + pixel % page.width, top + pixel / page.width);
            values[(channel * side + y) * side + x] = f32::from(*level) / 255.0;
        }
        let name = self.network.input_name().to_owned();
        let outputs = self.network.run(vec![Input { name, shape: vec![1, 3, side, side], values }])?;
        let output = outputs.first().ok_or_else(|| DetectorError("the model has no output".to_owned()))?;
        let x = |value: f32| (value - left as f32) / page.width as f32;
        let y = |value: f32| (value - top as f32) / page.height as f32;
        let mut kept: Vec<Candidate> = Vec::new();
        let (candidates, has_others) = self.candidates(output)?;
        for (score, corners) in candidates {
            let bounds = Bounds::new(x(corners[0]), y(corners[1]), x(corners[2]), y(corners[3]));
            if kept.iter().all(|higher| higher.bounds.iou(&bounds) <= IOU_MAX) {
                kept.push(Candidate { bounds, score });
            }
        }
        Ok(Layout { figures: kept, has_others, has_tables: false })
    }
}

/// The class with the highest score at one place, that score, and the corners of the box.
fn column(values: &[f32], place: usize, places: usize) -> (u16, f32, [f32; 4]) {
    let at = |row: usize| values[row * places + place];
    let [x, y, width, height] = [at(0), at(1), at(2), at(3)];
    let mut best = (0, f32::MIN);
    for class in 0..values.len() / places - 4 {
        if at(class + 4) > best.1 {
            best = (class, at(class + 4));
        }
    }
    let corners = [x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0];
    (u16::try_from(best.0).unwrap_or(u16::MAX), best.1, corners)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A model with side 100 and a fixed output.
    struct Fixed(Vec<usize>, Vec<f32>);

    impl Network for Fixed {
        fn input_shape(&self) -> &[i64] {
            &[1, 3, 100, 100]
        }

        fn input_name(&self) -> &str {
            "images"
        }

        fn run(&mut self, inputs: Vec<Input>) -> Result<Vec<Output>, DetectorError> {
            assert_eq!(inputs[0].shape, [1, 3, 100, 100]);
            Ok(vec![Output { shape: self.0.clone(), values: self.1.clone() }])
        }
    }

    /// The detection on a page half as wide as it is high, which is between x = 25 and x = 75 of the square.
    fn seen(shape: &[usize], values: &[f32]) -> Result<Layout, DetectorError> {
        let network = Fixed(shape.to_vec(), values.to_vec());
        let mut yolo = Yolo::new(Box::new(network), 0.5, vec![1]).unwrap();
        assert_eq!(yolo.canvas(0.5), (50, 100));
        yolo.detect(&Pixels::white(50, 100))
    }

    fn found(shape: &[usize], values: &[f32]) -> Vec<Bounds> {
        seen(shape, values).unwrap().figures.into_iter().map(|candidate| candidate.bounds).collect()
    }

    #[test]
    fn output_of_unknown_shape_is_an_error() {
        assert!(seen(&[1, 0, 6], &[]).is_ok_and(|layout| layout == Layout::default()));
        for shape in [&[1, 1_000][..], &[1, 4, 3], &[2, 6, 3], &[]] {
            let values = vec![0.0; shape.iter().product()];
            let error = seen(shape, &values).unwrap_err();
            assert!(error.to_string().contains("no YOLO model"), "{error}");
        }
    }

    #[test]
    fn output_with_suppression_is_parsed() {
        let rows =
            [25.0, 10.0, 50.0, 30.0, 0.9, 1.0, 25.0, 10.0, 50.0, 30.0, 0.9, 0.0, 30.0, 60.0, 75.0, 90.0, 0.2, 1.0];
        assert_eq!(found(&[1, 3, 6], &rows), [Bounds::new(0.0, 0.1, 0.5, 0.3)]);
    }

    #[test]
    fn overlapping_boxes_keep_the_highest_score() {
        // Three places: two detect the same figure, one detects another class.
        #[rustfmt::skip]
        let values = [
            50.0, 51.0, 50.0,
            50.0, 50.0, 20.0,
            50.0, 50.0, 10.0,
            40.0, 40.0, 10.0,
            0.1, 0.0, 0.9,
            0.9, 0.8, 0.1,
        ];
        assert_eq!(found(&[1, 6, 3], &values), [Bounds::new(0.0, 0.3, 1.0, 0.7)]);
    }
}
