//! A model in a runtime: named arrays of numbers in, arrays of numbers out.

use super::DetectorError;

/// A loaded model.
pub(super) trait Network {
    /// The size that the model asks of its first input, where it asks for one; -1 where any will do.
    fn input_shape(&self) -> &[i64];

    /// The name of its first input.
    fn input_name(&self) -> &str;

    /// Computes the outputs, in the model's order; those that are not of numbers are left out.
    fn run(&mut self, inputs: Vec<Input>) -> Result<Vec<Output>, DetectorError>;
}

/// What goes in.
pub(super) struct Input {
    pub name: String,
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// What comes out.
#[derive(Debug, PartialEq)]
pub(super) struct Output {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}
