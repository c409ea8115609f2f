//! `coldbrew doctor`: looks at everything this server stands on and says in words what is wrong. It changes nothing.

use std::fmt;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::civil::Date;

use crate::accounts::spending::{Budget, dollars};
use crate::error::Result;
use crate::jobs::Spending;
use crate::operations::books::{Books, DiscrepancyKind};
use crate::uploads::Blobs;
use crate::world::World;
use coldbrew_gemini::models::Model;
use coldbrew_pdf::SandboxLayers;

/// What a server stands on.
pub struct Doctor {
    pub books: Arc<dyn Books>,
    pub spending: Arc<dyn Spending>,
    pub budget: Budget,
    pub blobs: Arc<dyn Blobs>,
    /// Each dependency of the process by name, and what is wrong with it.
    pub dependencies: Vec<(&'static str, Result<(), String>)>,
    /// What confines page processes; `None` if none can be started.
    pub sandbox: Option<SandboxLayers>,
    /// None in demo mode.
    pub gemini: Option<coldbrew_gemini::Client>,
    pub model: Model,
    pub world: Arc<dyn World>,
}

/// What was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    pub subject: String,
    /// One sentence for each thing that is wrong.
    pub complaints: Vec<String>,
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.complaints.is_empty() {
            return write!(formatter, "well   {}", self.subject);
        }
        write!(formatter, "wrong  {}", self.subject)?;
        self.complaints.iter().try_for_each(|complaint| write!(formatter, "\n       {complaint}"))
    }
}

impl Doctor {
    /// Looks at one thing after the other.
    pub async fn examine(&self) -> Result<Vec<Diagnosis>> {
        Ok(vec![
            Diagnosis { subject: "dependencies".to_owned(), complaints: self.dependencies() },
            sandbox(self.sandbox),
            Diagnosis { subject: "Gemini".to_owned(), complaints: self.gemini().await },
            self.spending().await?,
            Diagnosis { subject: "books".to_owned(), complaints: self.books().await? },
            Diagnosis { subject: "files".to_owned(), complaints: self.files().await? },
        ])
    }

    fn dependencies(&self) -> Vec<String> {
        let wrong = self.dependencies.iter().filter_map(|(name, state)| Some((name, state.as_ref().err()?)));
        wrong.map(|(name, words)| format!("The {} is not ready: {words}.", name.replace('_', " "))).collect()
    }

    async fn gemini(&self) -> Vec<String> {
        let Some(gemini) = &self.gemini else { return Vec::new() };
        let served = gemini.get_model(&self.model.id).await;
        let refused = served.err().map(|error| format!("Gemini does not serve the model {}: {error}.", self.model.id));
        refused.into_iter().chain(shutdown(&self.model, self.world.today())).collect()
    }

    /// Says what was spent today, and complains only of what keeps jobs waiting or makes the sums wrong.
    async fn spending(&self) -> Result<Diagnosis> {
        let day = self.spending.spent_on(self.world.now().day()).await?;
        let mut complaints = Vec::new();
        let mut told = Vec::new();
        for (accounts, sums, ceiling) in
            [("all accounts", day.all(), self.budget.daily_max), ("guests", day.guests, self.budget.guests_daily_max)]
        {
            let of = ceiling.map_or_else(|| "no ceiling".to_owned(), dollars);
            told.push(format!("{accounts} {} of {of}", dollars(sums.settled)));
            if ceiling.is_some_and(|ceiling| sums.settled >= ceiling) {
                complaints.push(format!(
                    "The daily budget of {accounts} is used up: their jobs wait until midnight UTC, or for a higher ceiling."
                ));
            }
        }
        if self.gemini.is_some() && self.model.prices_on(self.world.today()).is_none() {
            complaints.push(format!(
                "The price of the model {} is not known, so the highest known prices count: set GEMINI_PRICES.",
                self.model.id
            ));
        }
        Ok(Diagnosis { subject: format!("spending today (UTC): {}", told.join(", ")), complaints })
    }

    async fn books(&self) -> Result<Vec<String>> {
        let found = self.books.audit(self.world.now()).await?;
        Ok(found.iter().map(|discrepancy| sentence(discrepancy.kind, &discrepancy.id)).collect())
    }

    async fn files(&self) -> Result<Vec<String>> {
        let mut missing = Vec::new();
        for key in self.books.upload_keys().await? {
            if self.blobs.open(&key).await?.is_none() {
                missing.push(format!("The file {key} is gone; its document can be read, but not extracted again."));
            }
        }
        Ok(missing)
    }
}

/// Says which layers hold, and complains of those that should on any kernel.
fn sandbox(layers: Option<SandboxLayers>) -> Diagnosis {
    let told = |layers: SandboxLayers| layers.to_string();
    let subject =
        format!("sandbox of page processes: {}", layers.map_or_else(|| "none can be started".to_owned(), told));
    let missing = layers.map(SandboxLayers::required_missing).unwrap_or_default();
    let sentence = || format!("This kernel cannot confine page processes: {} missing.", missing.join(", "));
    Diagnosis { subject, complaints: if missing.is_empty() { Vec::new() } else { vec![sentence()] } }
}

/// Google answers with another model, at that one's price, once a model is shut down: long enough before to choose one.
fn shutdown(model: &Model, today: Date) -> Option<String> {
    const NOTICE: SignedDuration = SignedDuration::from_hours(30 * 24);
    let day = model.shutdown.filter(|day| today.duration_until(*day) <= NOTICE)?;
    Some(format!("Google shuts the model {} down on {day}: choose another one with GEMINI_MODEL.", model.id))
}

fn sentence(kind: DiscrepancyKind, id: &str) -> String {
    match kind {
        DiscrepancyKind::ReservationWithoutJob => {
            format!("Quota is reserved for job {id}, which is not active.")
        }
        DiscrepancyKind::JobWithoutReservation => format!("Job {id} is active and reserved nothing."),
        DiscrepancyKind::JobWithoutUpload => format!("Job {id} is active and its upload is gone: it cannot end well."),
        DiscrepancyKind::JobForgotten => {
            format!("Job {id} has been due for more than five minutes and nobody works on it. Is a worker running?")
        }
        DiscrepancyKind::FailedJobCharged => format!("Job {id} failed and was charged for pages."),
        DiscrepancyKind::PriceNotCharged => format!("The price of document {id} is not the sum of its charges."),
        DiscrepancyKind::MoneyHeldWithoutJob => format!("Money is held for job {id}, which is not active."),
        DiscrepancyKind::DocumentWithoutPages => format!("Document {id} has no pages."),
        DiscrepancyKind::StorageMiscounted => {
            format!("The bytes counted for account {id} are not the sum of what it stores.")
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use coldbrew_gemini::models::{DEFAULT, model};

    #[test]
    fn layer_missing_of_the_sandbox_is_named_and_complained_of_where_it_is_needed() {
        let held =
            SandboxLayers { no_new_privs: true, limits: true, files: true, system_calls: true, ..Default::default() };
        let found = sandbox(Some(held));
        assert!(found.complaints.is_empty() && found.subject.contains("missing: Landlock for TCP"), "{found}");
        let found = sandbox(Some(SandboxLayers { files: false, ..held }));
        assert_eq!(found.complaints, ["This kernel cannot confine page processes: Landlock for files missing."]);
        // Why none can be started is said of the page engine.
        assert!(sandbox(None).complaints.is_empty());
    }

    #[test]
    fn a_model_that_goes_is_told_of_a_month_before() {
        let going = Model { shutdown: Some(date(2026, 12, 1)), ..model(DEFAULT) };
        for (today, told) in [
            (date(2026, 10, 31), false),
            (date(2026, 11, 1), true),
            (date(2026, 12, 1), true),
            (date(2027, 3, 1), true),
        ] {
            assert_eq!(shutdown(&going, today).is_some(), told, "{today}");
        }
        assert_eq!(shutdown(&model(DEFAULT), date(2026, 12, 1)), None);
    }
}
