//! Figure detection behind one trait. Settings choose the model family and the runtime.
//!
//! A family prepares the input of its models and interprets their output ([`pp_doclayout`], [`yolo`]). A [`Network`] is a model in a
//! runtime. Every family works with every runtime.

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
    /// The width and height in pixels at which a page must be drawn. `aspect`: its width divided by its height.
    fn canvas(&self, aspect: f32) -> (i32, i32);

    /// Detects the parts of a page.
    ///
    /// # Errors
    /// If the runtime fails, or the model's output has another shape than that of its family.
    fn detect(&mut self, page: &Pixels) -> Result<Layout, DetectorError>;
}

/// The detected parts of a page.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Layout {
    /// The figures, in fractions of the picture. They can overlap.
    pub figures: Vec<Candidate>,
    /// Whether there are other parts: text, a table, a heading.
    pub has_others: bool,
    /// Whether one of them is a table. Only PP-DocLayout models tell.
    pub has_tables: bool,
}

/// A picture in rows from the top, with three bytes for each pixel.
pub(crate) struct Pixels {
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<u8>,
}

/// The configuration of a detector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetectorSpec {
    pub family: Family,
    pub runtime: Runtime,
    /// The path of the ONNX file.
    pub model: PathBuf,
    /// The path of `libonnxruntime.so`, for [`Runtime::Onnxruntime`].
    pub library: PathBuf,
    /// The least score of a box, in percent.
    pub threshold_percent: u8,
    /// The numbers of the classes that are figures, for [`Family::Yolo`].
    pub figure_classes: Vec<u16>,
}

/// The family of a model, which determines its input and output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    PpDoclayout,
    Yolo,
}

/// The library that computes a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// ONNX Runtime, a shared library. It is the fastest.
    Onnxruntime,
    /// `tract`, a Rust library. It needs a build with the feature `tract`.
    #[cfg(feature = "tract")]
    Tract,
}

/// Why a model or its runtime cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct DetectorError(pub String);

impl DetectorSpec {
    /// Loads the model and runs it on a white page. Otherwise a model of another family could be loaded and would find no figures.
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
            "tract" => Err("this program was built without tract: build it with `--features tract`".to_owned()),
            _ => Err("the runtime must be onnxruntime, tract or none".to_owned()),
        }
    }
}

impl FromStr for Family {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "pp-doclayout" => Ok(Self::PpDoclayout),
            "yolo" => Ok(Self::Yolo),
            _ => Err("the family must be pp-doclayout or yolo".to_owned()),
        }
    }
}
