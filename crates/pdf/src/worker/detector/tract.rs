//! Models in tract, a Rust library that is part of the program. It is slower than ONNX Runtime and needs no shared library.

use std::path::Path;
use std::sync::Arc;

use tract_onnx::prelude::{
    Datum, Framework, InferenceFact, InferenceModel, InferenceModelExt, IntoRunnable, IntoTValue, TValue, Tensor,
    TractResult, TypedRunnableModel, onnx,
};
use tract_onnx::tract_hir::infer::Factoid;

use super::DetectorError;
use super::network::{Input, Network, Output};

/// A model in tract. It is optimized for the input shapes of its first run.
pub(super) struct Tract {
    model: InferenceModel,
    input_name: String,
    input_shape: Vec<i64>,
    plan: Option<Arc<TypedRunnableModel>>,
}

impl Tract {
    /// Loads a model.
    pub(super) fn load(model: &Path) -> Result<Self, DetectorError> {
        let model = onnx().model_for_path(model).map_err(failed)?;
        let outlets = model.input_outlets().map_err(failed)?;
        let outlet = *outlets.first().ok_or_else(|| DetectorError("the model has no input".to_owned()))?;
        let input_name = model.node(outlet.node).name.clone();
        let fact = model.outlet_fact(outlet).map_err(failed)?;
        let side = fact.shape.dims().map(|side| side.concretize().and_then(|side| side.to_i64().ok()).unwrap_or(-1));
        let input_shape = side.collect();
        Ok(Self { model, input_name, input_shape, plan: None })
    }

    /// The inputs in the model's order.
    fn in_order(&self, inputs: Vec<Input>) -> TractResult<Vec<Input>> {
        let place = |input: &Input| {
            let outlets = self.model.input_outlets().unwrap_or_default();
            outlets.iter().position(|outlet| self.model.node(outlet.node).name == input.name)
        };
        let mut inputs = inputs;
        inputs.sort_by_key(place);
        Ok(inputs)
    }

    fn optimized(&self, inputs: &[Input]) -> TractResult<Arc<TypedRunnableModel>> {
        let mut model = self.model.clone();
        for (place, input) in inputs.iter().enumerate() {
            let fact = InferenceFact::dt_shape(f32::datum_type(), input.shape.as_slice());
            model.set_input_fact(place, fact)?;
        }
        model.into_optimized()?.into_runnable()
    }

    fn compute(&mut self, inputs: Vec<Input>) -> TractResult<Vec<Output>> {
        let inputs = self.in_order(inputs)?;
        let plan = match self.plan.take() {
            Some(plan) => plan,
            None => self.optimized(&inputs)?,
        };
        self.plan = Some(Arc::clone(&plan));
        let tensor = |input: &Input| Ok(Tensor::from_shape(&input.shape, &input.values)?.into_tvalue());
        let values = inputs.iter().map(tensor).collect::<TractResult<_>>()?;
        Ok(plan.run(values)?.iter().filter_map(numbers).collect())
    }
}

impl Network for Tract {
    fn input_shape(&self) -> &[i64] {
        &self.input_shape
    }

    fn input_name(&self) -> &str {
        &self.input_name
    }

    fn run(&mut self, inputs: Vec<Input>) -> Result<Vec<Output>, DetectorError> {
        self.compute(inputs).map_err(failed)
    }
}

fn numbers(value: &TValue) -> Option<Output> {
    let values = value.to_plain_array_view::<f32>().ok()?;
    Some(Output { shape: values.shape().to_vec(), values: values.iter().copied().collect() })
}

fn failed(error: impl std::fmt::Display) -> DetectorError {
    DetectorError(error.to_string())
}
