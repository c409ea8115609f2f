//! Models in ONNX Runtime, whose library is loaded when it is first needed.

use std::path::Path;
use std::sync::OnceLock;

use ort::environment::Environment;
use ort::session::{Session, SessionInputValue};
use ort::value::Tensor;

use super::DetectorError;
use super::network::{Input, Network, Output};

/// The library is loaded once in each process.
static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();

/// A model in ONNX Runtime. It computes in the calling thread only, since workers already run in parallel.
pub(super) struct OnnxRuntime {
    session: Session,
    input_name: String,
    input_shape: Vec<i64>,
}

impl OnnxRuntime {
    /// Loads a model.
    pub(super) fn load(library: &Path, model: &Path) -> Result<Self, DetectorError> {
        let session = Session::builder(environment(library)?)
            .and_then(|builder| builder.with_intra_threads(1).map_err(Into::into))
            .and_then(|mut builder| builder.commit_from_file(model))
            .map_err(failed)?;
        let input = session.inputs().first().ok_or_else(|| DetectorError("the model has no input".to_owned()))?;
        let input_name = input.name().to_owned();
        let input_shape = input.dtype().tensor_shape().map(|shape| shape.to_vec()).unwrap_or_default();
        Ok(Self { session, input_name, input_shape })
    }
}

fn environment(library: &Path) -> Result<&'static Environment, DetectorError> {
    if let Some(environment) = ENVIRONMENT.get() {
        return Ok(environment);
    }
    let environment =
        ort::init_from(library).map_err(failed)?.with_name("coldbrew").with_telemetry(false).build().map_err(failed)?;
    Ok(ENVIRONMENT.get_or_init(|| environment))
}

impl Network for OnnxRuntime {
    fn input_shape(&self) -> &[i64] {
        &self.input_shape
    }

    fn input_name(&self) -> &str {
        &self.input_name
    }

    fn run(&mut self, inputs: Vec<Input>) -> Result<Vec<Output>, DetectorError> {
        let mut values = Vec::with_capacity(inputs.len());
        for input in inputs {
            let tensor = Tensor::from_array((input.shape, input.values)).map_err(failed)?;
            values.push((input.name, SessionInputValue::from(tensor)));
        }
        let outputs = self.session.run(values).map_err(failed)?;
        let numbers = outputs.values().filter_map(|value| {
            let (shape, values) = value.try_extract_tensor::<f32>().ok()?;
            let shape = shape.iter().map(|&length| usize::try_from(length).unwrap_or(0)).collect();
            Some(Output { shape, values: values.to_vec() })
        });
        Ok(numbers.collect())
    }
}

fn failed(error: impl std::fmt::Display) -> DetectorError {
    DetectorError(error.to_string())
}
