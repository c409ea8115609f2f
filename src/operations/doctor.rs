//! `coldbrew doctor`: examines everything that this server depends on, and reports each problem in a sentence. It changes nothing.

use std::fmt;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use jiff::SignedDuration;
use jiff::civil::Date;

use crate::accounts::spending::{Budget, dollars, is_priced};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::jobs::Spending;
use crate::operations::audit::{Audit, DiscrepancyKind};
use crate::operations::{Dependency, OFFSET_MS_MAX};
use crate::uploads::Blobs;
use coldbrew_gemini::models::Models;
use coldbrew_pdf::SandboxLayers;

/// Files whose existence is checked at once.
const FILES_CHECKED_AT_ONCE: usize = 16;

/// Examines what a server depends on.
pub struct Doctor {
    pub audit: Arc<dyn Audit>,
    pub spending: Arc<dyn Spending>,
    pub budget: Budget,
    pub blobs: Arc<dyn Blobs>,
    pub dependencies: Vec<Dependency>,
    /// The sandbox layers of page processes. `None` if no page process can be started.
    pub sandbox: Option<SandboxLayers>,
    /// `None` in demo mode.
    pub gemini: Option<coldbrew_gemini::Client>,
    pub models: Models,
    /// The name of the model in use.
    pub model: String,
    pub clock: Arc<dyn Clock>,
    /// How far this machine's clock is ahead of the database's, in milliseconds.
    pub clock_offset_ms: i64,
}

/// The result for one subject of the examination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    pub subject: String,
    /// One sentence for each problem.
    pub complaints: Vec<String>,
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.complaints.is_empty() {
            return write!(formatter, "ok     {}", self.subject);
        }
        write!(formatter, "wrong  {}", self.subject)?;
        self.complaints.iter().try_for_each(|complaint| write!(formatter, "\n       {complaint}"))
    }
}

impl Doctor {
    /// Examines one subject after the other.
    ///
    /// # Errors
    /// The database or the store of files cannot be reached.
    pub async fn examine(&self) -> Result<Vec<Diagnosis>> {
        Ok(vec![
            Diagnosis { subject: "dependencies".to_owned(), complaints: self.dependencies() },
            clock(self.clock_offset_ms),
            sandbox(self.sandbox),
            pdfium(PINNED_FILES, self.clock.today()),
            Diagnosis { subject: "Gemini".to_owned(), complaints: self.gemini().await },
            self.spending().await?,
            Diagnosis { subject: "records".to_owned(), complaints: self.audit().await? },
            Diagnosis { subject: "files".to_owned(), complaints: self.files().await? },
        ])
    }

    fn dependencies(&self) -> Vec<String> {
        let sentence = |dependency: &Dependency| {
            let (name, problem) = (dependency.name.replace('_', " "), dependency.state.as_ref().err()?);
            let effect = if dependency.is_needed { "" } else { " Servers are ready without it, with restrictions." };
            Some(format!("The {name} is not ready: {problem}.{effect}"))
        };
        self.dependencies.iter().filter_map(sentence).collect()
    }

    async fn gemini(&self) -> Vec<String> {
        let Some(gemini) = &self.gemini else { return Vec::new() };
        let served = gemini.get_model(&self.model).await;
        let refused = served.err().map(|error| format!("Gemini does not serve the model {}: {error}.", self.model));
        let notice = self.models.notice(&self.model, self.clock.today());
        let advice = notice.map(|notice| format!("{notice} Choose another model with GEMINI_MODEL."));
        refused.into_iter().chain(advice).collect()
    }

    /// Reports what was spent today. Problems are a budget that is used up, and a model whose price is not known.
    async fn spending(&self) -> Result<Diagnosis> {
        let day = self.spending.spent_on(self.clock.now().day()).await?;
        let mut complaints = Vec::new();
        let mut spent = Vec::new();
        for (accounts, sums, ceiling) in
            [("all accounts", day.all(), self.budget.daily_max), ("guests", day.guests, self.budget.guests_daily_max)]
        {
            let of = ceiling.map_or_else(|| "no ceiling".to_owned(), dollars);
            spent.push(format!("{accounts} {} of {of}", dollars(sums.settled)));
            if ceiling.is_some_and(|ceiling| sums.settled >= ceiling) {
                complaints.push(format!(
                    "The daily budget of {accounts} is used up: their jobs wait until midnight UTC, or for a higher ceiling."
                ));
            }
        }
        if self.gemini.is_some() && !is_priced(&self.models, &self.model, self.clock.today()) {
            complaints.push(format!(
                "The price of the model {} is not known, so the highest known prices count: set GEMINI_PRICES.",
                self.model
            ));
        }
        Ok(Diagnosis { subject: format!("spending today (UTC): {}", spent.join(", ")), complaints })
    }

    async fn audit(&self) -> Result<Vec<String>> {
        let findings = self.audit.audit(self.clock.now()).await?;
        Ok(findings.iter().map(|finding| sentence(finding.kind, &finding.id)).collect())
    }

    async fn files(&self) -> Result<Vec<String>> {
        let keys = stream::iter(self.audit.upload_keys().await?);
        let missing = keys.map(async |key: String| Ok::<_, Error>((!self.blobs.exists(&key).await?).then_some(key)));
        let missing: Vec<Option<String>> = missing.buffered(FILES_CHECKED_AT_ONCE).try_collect().await?;
        let sentence = |key| format!("The file {key} is gone: its document can be read, but not extracted again.");
        Ok(missing.into_iter().flatten().map(sentence).collect())
    }
}

/// Names the layers that hold. A required layer that is missing is a complaint.
fn sandbox(layers: Option<SandboxLayers>) -> Diagnosis {
    let told = |layers: SandboxLayers| layers.to_string();
    let subject =
        format!("sandbox of page processes: {}", layers.map_or_else(|| "none can be started".to_owned(), told));
    let missing = layers.map(SandboxLayers::required_missing).unwrap_or_default();
    let sentence = || format!("This kernel cannot confine page processes: {} missing.", missing.join(", "));
    Diagnosis { subject, complaints: if missing.is_empty() { Vec::new() } else { vec![sentence()] } }
}

/// Reports a machine whose clock is wrong. Jobs and sessions go by the database's time, but the log and certificates do not.
fn clock(offset_ms: i64) -> Diagnosis {
    let way = if offset_ms > 0 { "ahead of" } else { "behind" };
    let seconds = offset_ms.unsigned_abs().saturating_add(500) / 1_000;
    let complaint = || {
        format!(
            "This machine's clock is {seconds} seconds {way} the database's. Switch on its time synchronization (NTP)."
        )
    };
    let complaints = (offset_ms.abs() > OFFSET_MS_MAX).then(complaint).into_iter().collect();
    Diagnosis { subject: "clock".to_owned(), complaints }
}

/// The list of pinned files, with the date of each package.
const PINNED_FILES: &str = include_str!("../../scripts/pinned-files");

/// Names the date of the pinned PDFium, and says if it is old: its security fixes come about every two weeks. That is no complaint, because
/// the server works.
fn pdfium(pinned_files: &str, today: Date) -> Diagnosis {
    const OLD: SignedDuration = SignedDuration::from_hours(60 * 24);
    let row = pinned_files.lines().find(|row| row.contains("| pypdfium2"));
    let date = row.and_then(|row| row.split('|').nth(1)?.trim().parse::<Date>().ok());
    let subject = match date {
        None => "PDFium of an unknown date".to_owned(),
        Some(date) if date.duration_until(today) > OLD => {
            format!("PDFium of {date}, more than 60 days old: install a newer Coldbrew")
        }
        Some(date) => format!("PDFium of {date}"),
    };
    Diagnosis { subject, complaints: Vec::new() }
}

fn sentence(kind: DiscrepancyKind, id: &str) -> String {
    match kind {
        DiscrepancyKind::ReservationWithoutJob => {
            format!("Quota is reserved for job {id}, which is not active.")
        }
        DiscrepancyKind::JobWithoutReservation => format!("Job {id} is active and reserved nothing."),
        DiscrepancyKind::JobWithoutUpload => format!("Job {id} is active and its upload is gone, so it will fail."),
        DiscrepancyKind::JobForgotten => {
            format!(
                "Job {id} has been due for more than five minutes, and no worker has claimed it. Is a worker running?"
            )
        }
        DiscrepancyKind::FailedJobCharged => format!("Job {id} failed and was charged for pages."),
        DiscrepancyKind::PriceNotCharged => format!("The price of document {id} is not the sum of its charges."),
        DiscrepancyKind::MoneyHeldWithoutJob => format!("Money is held for job {id}, which is not active."),
        DiscrepancyKind::DocumentWithoutPages => format!("Document {id} has no pages."),
        DiscrepancyKind::StorageMiscounted => {
            format!("The bytes counted for account {id} are not the sum of what it stores.")
        }
        DiscrepancyKind::FilesNotPurged => {
            format!("Files of account {id} that were deleted an hour ago are still stored: the log says why.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pdfium_pinned_more_than_60_days_ago_is_reported_as_old() {
        let pinned = "# platform | date\nlinux-x86_64 | 2026-11-09 | pypdfium2==5.15.2 | hash\n";
        let subject = |today| pdfium(pinned, today).subject;
        assert_eq!(subject(jiff::civil::date(2027, 1, 8)), "PDFium of 2026-11-09");
        assert!(subject(jiff::civil::date(2027, 1, 9)).contains("more than 60 days old"));
        assert!(pdfium(PINNED_FILES, jiff::civil::date(2026, 11, 30)).subject.starts_with("PDFium of 20"));
    }

    #[test]
    fn clock_is_a_complaint_beyond_two_seconds_in_either_direction() {
        for (offset_ms, complained) in [(0, None), (2_000, None), (-2_000, None), (2_001, Some("2 seconds ahead of"))] {
            let complaints = clock(offset_ms).complaints;
            assert_eq!(complaints.len(), usize::from(complained.is_some()), "{offset_ms}");
            assert!(complaints.iter().zip(complained).all(|(found, part)| found.contains(part)), "{complaints:?}");
        }
        assert!(clock(-600_000).complaints[0].contains("600 seconds behind the database's"));
    }

    #[test]
    fn sandbox_layer_missing_is_a_complaint_only_if_it_is_required() {
        let held =
            SandboxLayers { no_new_privs: true, limits: true, files: true, system_calls: true, ..Default::default() };
        let found = sandbox(Some(held));
        assert!(found.complaints.is_empty() && found.subject.contains("missing: Landlock for TCP"), "{found}");
        let found = sandbox(Some(SandboxLayers { files: false, ..held }));
        assert_eq!(found.complaints, ["This kernel cannot confine page processes: Landlock for files missing."]);
        // The check of the page engine reports why none can be started.
        assert!(sandbox(None).complaints.is_empty());
    }
}
