//! The interface of a model in a runtime: named arrays of numbers as input, arrays of numbers as output.

use super::DetectorError;

/// A loaded model.
pub(super) trait Network {
    /// The shape of its first input; -1 for dimensions of any size.
    fn input_shape(&self) -> &[i64];

    /// The name of its first input.
    fn input_name(&self) -> &str;

    /// Computes the outputs in the model's order. Outputs that are not `f32` are left out.
    ///
    /// # Errors
    /// If the runtime fails.
    fn run(&mut self, inputs: Vec<Input>) -> Result<Vec<Output>, DetectorError>;
}

/// An input of a model.
pub(super) struct Input {
    pub name: String,
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// An output of a model.
#[derive(Debug, PartialEq)]
pub(super) struct Output {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}
