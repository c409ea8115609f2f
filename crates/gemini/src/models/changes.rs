//! What changes on the days that the table of models names.

use std::fmt;

use jiff::civil::Date;

use super::{Model, Prices, all};

/// A change of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The first day on which it is in force.
    pub day: Date,
    /// The id of the model.
    pub model: String,
    pub kind: ChangeKind,
    /// The source and its date.
    pub source: &'static str,
}

/// What changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Another model, with this id, answers requests for the model.
    Routed(&'static str),
    /// Requests are refused.
    ShutDown,
    /// The prices change from the first to the second.
    Prices(Prices, Prices),
}

/// The changes after `from` up to and including `until`, in the order of their days.
pub fn changes(from: Date, until: Date) -> Vec<Change> {
    let mut changes: Vec<Change> = all().flat_map(|model| of_model(&model)).collect();
    changes.retain(|change| from < change.day && change.day <= until);
    changes.sort_by_key(|change| change.day);
    changes
}

fn of_model(model: &Model) -> Vec<Change> {
    let change = |day, kind, source| Change { day, model: model.id.clone(), kind, source };
    let routed = model.route.map(|route| change(route.from, ChangeKind::Routed(route.to), route.source));
    let shut_down = model.shutdown.map(|day| change(day, ChangeKind::ShutDown, model.source));
    let steps = model.prices.windows(2).filter_map(|step| match step {
        // The prices of a routed model are those of the other one.
        [(_, before), (Some(day), after)] if model.route.is_none_or(|route| *day < route.from) => {
            Some(change(*day, ChangeKind::Prices(*before, *after), model.source))
        }
        _ => None,
    });
    routed.into_iter().chain(shut_down).chain(steps).collect()
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}  {}: ", self.day, self.model)?;
        match self.kind {
            ChangeKind::Routed(to) => write!(formatter, "answered by {to}, at its price")?,
            ChangeKind::ShutDown => write!(formatter, "shut down")?,
            ChangeKind::Prices(before, after) => {
                write!(
                    formatter,
                    "{}, before {}, for a million tokens of input / output",
                    Dollars(after),
                    Dollars(before)
                )?;
            }
        }
        write!(formatter, " ({})", self.source)
    }
}

struct Dollars(Prices);

impl fmt::Display for Dollars {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = |micro_dollars: u64| (micro_dollars / 1_000_000, micro_dollars % 1_000_000 / 10_000);
        let ((input, input_cents), (output, output_cents)) = (cents(self.0.input), cents(self.0.output));
        write!(formatter, "${input}.{input_cents:02} / ${output}.{output_cents:02}")
    }
}
