//! The table of models with overrides, and the model that answers on a day.

use jiff::SignedDuration;
use jiff::civil::Date;

use super::{AS_OF, Model, model};

/// The table of models with overrides.
#[derive(Clone, Debug, Default)]
pub struct Models {
    overrides: Vec<Model>,
}

/// How long before a change a notice begins.
const NOTICE: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Models {
    /// Replaces the model with the same id.
    pub fn with(mut self, model: Model) -> Self {
        self.overrides.insert(0, model);
        self
    }

    /// The override or the model of the table called `name`, as [`model`].
    pub fn get(&self, name: &str) -> Model {
        let listed = model(name);
        self.find_override(&listed.id).cloned().unwrap_or(listed)
    }

    /// The model that answers requests for `name` on `day`. Requests have to be made and priced for it.
    pub fn answering(&self, name: &str, day: Date) -> Model {
        let model = self.get(name);
        match model.route {
            Some(route) if route.from <= day => self.answering(route.to, day),
            _ => model,
        }
    }

    /// A sentence about the model called `name` for its operator: another model answers for it, it was or will soon be shut down, or
    /// nothing is known about it. `None` if there is nothing to say.
    pub fn notice(&self, name: &str, today: Date) -> Option<String> {
        let model = self.get(name);
        let id = &model.id;
        let is_near = |day: Date| today.duration_until(day) <= NOTICE;
        if let Some(route) = model.route.filter(|route| is_near(route.from)) {
            let since = if route.from <= today { "Since" } else { "From" };
            return Some(format!(
                "{since} {} Google answers requests for {id} with {}, at its price.",
                route.from, route.to
            ));
        }
        if let Some(day) = model.shutdown.filter(|day| is_near(*day)) {
            let verb = if day <= today { "shut down" } else { "will shut down" };
            return Some(format!("Google {verb} {id} on {day}."));
        }
        let is_known = model.is_listed() || self.find_override(id).is_some();
        (!is_known).then(|| format!("The table of models of {AS_OF} lacks {id}, so its limits and prices are assumed."))
    }

    fn find_override(&self, id: &str) -> Option<&Model> {
        self.overrides.iter().find(|model| model.id == id)
    }
}
