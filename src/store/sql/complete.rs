//! What is stored of a job's results: pages, charges, failures and the document, inside the caller's transaction.

use futures::StreamExt;
use futures::stream::BoxStream;
use sqlx::AnyConnection;

use super::accounts::amount;
use super::storable;
use crate::batch::Job;
use crate::crash::crash_point;
use crate::error::{Error, Result};
use crate::model::{PageSet, UnixMs};
use crate::store::{PageOutcome, PageResult};

/// Stores a page once: its text and its charge together, or the reason why it has none.
pub(super) async fn store_page(
    connection: &mut AnyConnection,
    job: &Job,
    page: &PageResult,
    now: UnixMs,
) -> Result<()> {
    match &page.outcome {
        PageOutcome::Failed { reason } => store_failure(connection, job, page.index, reason).await,
        PageOutcome::Read { markdown, note, usage, charge, model } => {
            let stored = sqlx::query(
                "INSERT INTO page_results (account_id, content_hash, recipe, page_index, markdown, note)
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            )
            .bind(job.account_id.as_str())
            .bind(job.content_hash.as_str())
            .bind(job.recipe.name())
            .bind(i64::from(page.index))
            .bind(storable(markdown))
            .bind(note.as_deref())
            .execute(&mut *connection)
            .await?;
            if stored.rows_affected() == 0 {
                // A duplicate line, or a page that another job had stored: it is not paid for again.
                return Ok(());
            }
            crash_point("page", "result stored");
            sqlx::query("DELETE FROM page_failures WHERE job_id = $1 AND page_index = $2")
                .bind(job.id.as_str())
                .bind(i64::from(page.index))
                .execute(&mut *connection)
                .await?;
            sqlx::query(
                "INSERT INTO ledger (job_id, page_index, account_id, input_tokens, output_tokens, charge, model, charged_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(job.id.as_str())
            .bind(i64::from(page.index))
            .bind(job.account_id.as_str())
            .bind(amount(usage.input))
            .bind(amount(usage.output.saturating_add(usage.thoughts)))
            .bind(amount(*charge))
            .bind(model.as_str())
            .bind(now.0)
            .execute(connection)
            .await?;
            crash_point("page", "charged");
            Ok(())
        }
    }
}

async fn store_failure(connection: &mut AnyConnection, job: &Job, index: u32, reason: &str) -> Result<()> {
    sqlx::query("INSERT INTO page_failures (job_id, page_index, reason) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
        .bind(job.id.as_str())
        .bind(i64::from(index))
        .bind(storable(reason))
        .execute(connection)
        .await?;
    Ok(())
}

/// Stores all results and puts them into the job's document, which is made if it is not there yet. `false`: not one page is
/// usable, and the caller is to take it all back.
pub(super) async fn store_document(
    connection: &mut AnyConnection,
    job: &Job,
    mut results: BoxStream<'_, Result<PageResult>>,
    now: UnixMs,
) -> Result<bool> {
    while let Some(page) = results.next().await {
        let page = page?;
        if job.pages.contains(page.index) {
            store_page(connection, job, &page, now).await?;
        }
    }
    crash_point("complete", "results stored");
    // A draft leaves nothing behind but its address.
    sqlx::query("DELETE FROM pages WHERE document_id IN (SELECT id FROM documents WHERE id = $1 AND draft = 1)")
        .bind(job.document_id.as_str())
        .execute(&mut *connection)
        .await?;
    charge_document(connection, job, now).await?;
    crash_point("complete", "document made");
    let mut usable = 0;
    for &run in job.pages.runs() {
        copy_pages(connection, job, run).await?;
        mark_the_rest(connection, job, run).await?;
        usable += usable_pages(connection, job, run).await?;
    }
    Ok(usable > 0)
}

/// Makes the document, or puts this job into the one that is there. It costs what all its jobs cost, also those from before it was
/// deleted.
async fn charge_document(connection: &mut AnyConnection, job: &Job, now: UnixMs) -> Result<()> {
    sqlx::query(
        "INSERT INTO documents (id, account_id, upload_hash, content_hash, title, mode, charged, created_at)
         SELECT $1, $2, $3, $4, $5, $6, CAST(COALESCE(SUM(l.charge), 0) AS BIGINT), $7
         FROM ledger l JOIN jobs j ON j.id = l.job_id WHERE j.document_id = $1
         ON CONFLICT (id) DO UPDATE SET mode = excluded.mode, charged = excluded.charged, draft = 0,
             created_at = CASE WHEN documents.draft = 1 THEN excluded.created_at ELSE documents.created_at END",
    )
    .bind(job.document_id.as_str())
    .bind(job.account_id.as_str())
    .bind(job.upload_hash.as_str())
    .bind(job.content_hash.as_str())
    .bind(job.title.as_str())
    .bind(job.mode.name())
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Copies the stored pages of a run into the document, in the place of what was there.
async fn copy_pages(connection: &mut AnyConnection, job: &Job, run: (u32, u32)) -> Result<()> {
    sqlx::query(
        "INSERT INTO pages (document_id, page_index, markdown, note)
         SELECT $1, page_index, markdown, note FROM page_results
         WHERE account_id = $2 AND content_hash = $3 AND recipe = $4 AND page_index BETWEEN $5 AND $6
         ON CONFLICT (document_id, page_index) DO UPDATE SET markdown = excluded.markdown, note = excluded.note, failure = NULL",
    )
    .bind(job.document_id.as_str())
    .bind(job.account_id.as_str())
    .bind(job.content_hash.as_str())
    .bind(job.recipe.name())
    .bind(i64::from(run.0))
    .bind(i64::from(run.1))
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives each page of a run that was not read its place and its reason. A text that stood there stays.
async fn mark_the_rest(connection: &mut AnyConnection, job: &Job, run: (u32, u32)) -> Result<()> {
    let read = read_pages(connection, job, run).await?;
    for index in (run.0..=run.1).filter(|&index| !read.contains(index)) {
        sqlx::query(
            "INSERT INTO pages (document_id, page_index, markdown, failure)
             VALUES ($1, $2, '', COALESCE((SELECT reason FROM page_failures WHERE job_id = $3 AND page_index = $2), $4))
             ON CONFLICT (document_id, page_index) DO UPDATE SET failure = excluded.failure",
        )
        .bind(job.document_id.as_str())
        .bind(i64::from(index))
        .bind(job.id.as_str())
        .bind(MISSING)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn read_pages(connection: &mut AnyConnection, job: &Job, run: (u32, u32)) -> Result<PageSet> {
    let indices: Vec<i64> = sqlx::query_scalar(
        "SELECT page_index FROM page_results
         WHERE account_id = $1 AND content_hash = $2 AND recipe = $3 AND page_index BETWEEN $4 AND $5",
    )
    .bind(job.account_id.as_str())
    .bind(job.content_hash.as_str())
    .bind(job.recipe.name())
    .bind(i64::from(run.0))
    .bind(i64::from(run.1))
    .fetch_all(connection)
    .await?;
    indices.into_iter().map(|index| u32::try_from(index).map_err(Error::internal)).collect()
}

async fn usable_pages(connection: &mut AnyConnection, job: &Job, run: (u32, u32)) -> Result<i64> {
    let count = sqlx::query_scalar(
        "SELECT COUNT(*) FROM pages
         WHERE document_id = $1 AND page_index BETWEEN $2 AND $3 AND failure IS NULL AND markdown <> ''",
    )
    .bind(job.document_id.as_str())
    .bind(i64::from(run.0))
    .bind(i64::from(run.1))
    .fetch_one(connection)
    .await?;
    Ok(count)
}

const MISSING: &str = "Gemini gave no answer for this page.";
