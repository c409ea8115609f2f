//! Figure detection behind one trait: which model family it is, and which runtime computes it, are settings.
//!
//! A family says how a page is put to its models and what their answer means ([`pp_doclayout`], [`yolo`]); a [`Network`] is
//! a model in a runtime. Either can be had with the other.

mod network;
mod onnx_runtime;
mod pp_doclayout;
#[cfg(feature = "tract")]
mod tract;
mod yolo;

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::figures::Candidate;
use network::Network;

/// Finds figures on the picture of a page.
pub(crate) trait Detector {
    /// The size in pixels in which a page whose width is `aspect` times its height is to be drawn.
    fn canvas(&self, aspect: f32) -> (i32, i32);

    /// What there is on the picture.
    fn detect(&mut self, page: &Pixels) -> Result<Layout, DetectorError>;
}

/// What a detector sees on a page.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Layout {
    /// Where figures are, in fractions of the picture. Boxes may overlap.
    pub figures: Vec<Candidate>,
    /// Whether there is something else: text, a table, a heading.
    pub has_others: bool,
}

/// A picture: rows from the top, three bytes a pixel.
pub(crate) struct Pixels {
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<u8>,
}

/// Which detector, with which parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetectorSpec {
    pub family: Family,
    pub runtime: Runtime,
    /// The ONNX file.
    pub model: PathBuf,
    /// `libonnxruntime.so`, for that runtime.
    pub library: PathBuf,
    /// Boxes that the model is less sure of are none, in percent.
    pub threshold_percent: u8,
    /// For [`Family::Yolo`]: the numbers of the classes that are figures.
    pub figure_classes: Vec<u16>,
}

/// How a model takes a page and what it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    PpDoclayout,
    Yolo,
}

/// What computes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// Microsoft's library: the fastest.
    Onnxruntime,
    /// Rust all through; in programs that are built with the feature `tract`.
    #[cfg(feature = "tract")]
    Tract,
}

/// The model or its runtime is missing or does not fit: in what way.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct DetectorError(pub String);

impl DetectorSpec {
    /// Loads the model, and sees what it says to a white page: another family's may well be loaded, and then find nothing anywhere.
    pub(super) fn load(&self) -> Result<Box<dyn Detector>, DetectorError> {
        let network: Box<dyn Network> = match self.runtime {
            Runtime::Onnxruntime => Box::new(onnx_runtime::OnnxRuntime::load(&self.library, &self.model)?),
            #[cfg(feature = "tract")]
            Runtime::Tract => Box::new(tract::Tract::load(&self.model)?),
        };
        let score_min = f32::from(self.threshold_percent) / 100.0;
        let mut detector: Box<dyn Detector> = match self.family {
            Family::PpDoclayout => Box::new(pp_doclayout::PpDoclayout { network, score_min }),
            Family::Yolo => Box::new(yolo::Yolo::new(network, score_min, self.figure_classes.clone())?),
        };
        let (width, height) = detector.canvas(1.0);
        detector.detect(&Pixels::white(width.unsigned_abs() as usize, height.unsigned_abs() as usize))?;
        Ok(detector)
    }
}

impl Pixels {
    fn white(width: usize, height: usize) -> Self {
        Self { width, height, rgb: vec![255; 3 * width * height] }
    }
}

impl FromStr for Runtime {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "onnxruntime" => Ok(Self::Onnxruntime),
            #[cfg(feature = "tract")]
            "tract" => Ok(Self::Tract),
            #[cfg(not(feature = "tract"))]
            "tract" => Err("this program was built without it: build it with `--features tract`".to_owned()),
            _ => Err("it is onnxruntime, tract or none".to_owned()),
        }
    }
}

impl FromStr for Family {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "pp-doclayout" => Ok(Self::PpDoclayout),
            "yolo" => Ok(Self::Yolo),
            _ => Err("it is pp-doclayout or yolo".to_owned()),
        }
    }
}
