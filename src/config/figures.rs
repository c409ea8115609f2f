//! What finds figures on pages.

use std::path::PathBuf;
use std::str::FromStr;

use super::Source;
use coldbrew_pdf::{DetectorSpec, Family, Runtime};

/// What finds figures on pages.
#[derive(Clone, Debug)]
pub struct Figures {
    /// `None`: pages have no figures.
    pub runtime: Option<Runtime>,
    pub family: Family,
    /// Relative paths are tried beside the executable too, for the model as for the library.
    pub model: PathBuf,
    pub library: PathBuf,
    pub threshold_percent: u8,
    pub classes: ClassNumbers,
}

impl Figures {
    pub(super) fn read(source: &mut Source) -> Self {
        let runtime =
            source.value("figures.runtime", "COLDBREW_FIGURE_RUNTIME", RuntimeChoice(Some(Runtime::Onnxruntime)));
        Self {
            runtime: runtime.0,
            family: source.value("figures.family", "COLDBREW_FIGURE_FAMILY", Family::PpDoclayout),
            model: source.value("figures.model", "COLDBREW_FIGURE_MODEL", PathBuf::from("vendor/pp-doclayout-s.onnx")),
            library: source.value(
                "figures.library",
                "COLDBREW_FIGURE_LIBRARY",
                PathBuf::from("vendor/libonnxruntime.so"),
            ),
            threshold_percent: source.value_that(
                "figures.threshold-percent",
                "COLDBREW_FIGURE_THRESHOLD_PERCENT",
                25,
                "from 0 to 100",
                |percent| *percent <= 100,
            ),
            classes: source.value("figures.classes", "COLDBREW_FIGURE_CLASSES", ClassNumbers(vec![3])),
        }
    }

    /// The detector, if there shall be one.
    pub fn detector(&self) -> Option<DetectorSpec> {
        self.runtime.map(|runtime| DetectorSpec {
            family: self.family,
            runtime,
            model: self.model.clone(),
            library: self.library.clone(),
            threshold_percent: self.threshold_percent,
            figure_classes: self.classes.0.clone(),
        })
    }
}

/// A runtime, or none.
struct RuntimeChoice(Option<Runtime>);

impl FromStr for RuntimeChoice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name == "none" { Ok(Self(None)) } else { name.parse().map(|runtime| Self(Some(runtime))) }
    }
}

/// Numbers of a model's classes, separated by commas.
#[derive(Clone, Debug)]
pub struct ClassNumbers(pub Vec<u16>);

impl FromStr for ClassNumbers {
    type Err = std::num::ParseIntError;

    fn from_str(list: &str) -> Result<Self, Self::Err> {
        list.split(',').map(|number| number.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}
