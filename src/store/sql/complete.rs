//! Stores the results of a job inside the caller's transaction: pages, charges, failures and the document. Each statement writes many
//! pages, because all other writers wait meanwhile, also renewals of the job's lease.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, future};
use sqlx::{AnyConnection, QueryBuilder};

use super::accounts::amount;
use super::builder::build;
use super::columns::Column;
use super::locks::lock_document;
use super::storage::result_bytes;
use super::{storable, storage, structures};
use crate::crash::crash_point;
use crate::error::Result;
use crate::extract::{PageOutcome, PageResult};
use crate::jobs::Job;
use crate::model::{TokenUsage, UnixMs};

/// Pages in one statement. The number of values stays far below the limit of both databases.
const PAGES_AT_ONCE: usize = 64;

/// The result of a page that was read.
struct ReadPage<'a> {
    markdown: &'a str,
    note: Option<&'a str>,
    usage: TokenUsage,
    charge: u64,
    model: &'a str,
}

/// Stores each page once: its text with its charge, or the reason of its failure and its own text. Returns the bytes of text that were stored.
pub(super) async fn store_pages(
    connection: &mut AnyConnection,
    job: &Job,
    pages: &[PageResult],
    now: UnixMs,
) -> Result<i64> {
    let (mut read, mut failed) = (BTreeMap::new(), BTreeMap::new());
    for PageResult { index, outcome } in pages {
        match outcome {
            PageOutcome::Failed { reason, text } => {
                failed.entry(*index).or_insert((reason.as_str(), text.as_str()));
            }
            PageOutcome::Read { markdown, note, usage, charge, model } => {
                let (note, usage, charge) = (note.as_deref(), *usage, *charge);
                read.entry(*index).or_insert(ReadPage { markdown, note, usage, charge, model });
            }
        }
    }
    store_failures(connection, job, &failed).await?;
    let freed = if job.rereads { delete_earlier_texts(connection, job, &read).await? } else { 0 };
    let (stored, bytes) = store_texts(connection, job, &read).await?;
    crash_point("page", "result stored");
    // A page that another job or an earlier result has stored is not charged again.
    read.retain(|index, _| stored.contains(index));
    charge_pages(connection, job, &read, now).await?;
    crash_point("page", "charged");
    delete_outdated_failures(connection, job).await?;
    Ok(bytes - freed)
}

/// Deletes the texts that a job replaces which reads pages again, and returns their bytes. The job's own texts stay.
async fn delete_earlier_texts(
    connection: &mut AnyConnection,
    job: &Job,
    read: &BTreeMap<u32, ReadPage<'_>>,
) -> Result<i64> {
    if read.is_empty() {
        return Ok(0);
    }
    let mut query = QueryBuilder::new("DELETE FROM page_results WHERE account_id = ");
    query.push_bind(&job.account_id).push(" AND content_hash = ").push_bind(&job.content_hash);
    query.push(" AND recipe = ").push_bind(job.recipe.name());
    query.push(" AND page_index NOT IN (SELECT l.page_index FROM ledger l WHERE l.job_id = ").push_bind(&job.id);
    query.push(") AND page_index IN (");
    let mut indices = query.separated(", ");
    for index in read.keys() {
        indices.push_bind(i64::from(*index));
    }
    query.push(concat!(") RETURNING CAST(", result_bytes!(), " AS BIGINT) AS bytes"));
    storage::sum(&build(query)?.fetch_all(connection).await?)
}

/// Returns the pages that were not stored before, and their bytes.
async fn store_texts(
    connection: &mut AnyConnection,
    job: &Job,
    read: &BTreeMap<u32, ReadPage<'_>>,
) -> Result<(BTreeSet<u32>, i64)> {
    if read.is_empty() {
        return Ok(Default::default());
    }
    let mut query =
        QueryBuilder::new("INSERT INTO page_results (account_id, content_hash, recipe, page_index, markdown, note) ");
    query.push_values(read, |mut row, (index, page)| {
        row.push_bind(&job.account_id).push_bind(&job.content_hash).push_bind(job.recipe.name());
        row.push_bind(i64::from(*index)).push_bind(storable(page.markdown)).push_bind(page.note);
    });
    query.push(concat!(" ON CONFLICT DO NOTHING RETURNING page_index, CAST(", result_bytes!(), " AS BIGINT) AS bytes"));
    let stored = build(query)?.fetch_all(connection).await?;
    let indices = stored.iter().map(|row| u32::read(row, "page_index")).collect::<sqlx::Result<_>>()?;
    Ok((indices, storage::sum(&stored)?))
}

async fn charge_pages(
    connection: &mut AnyConnection,
    job: &Job,
    read: &BTreeMap<u32, ReadPage<'_>>,
    now: UnixMs,
) -> Result<()> {
    if read.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new(
        "INSERT INTO ledger (job_id, account_id, charged_at, page_index, input_tokens, output_tokens, charge, model) ",
    );
    query.push_values(read, |mut row, (index, ReadPage { usage, charge, model, .. })| {
        let output = usage.output.saturating_add(usage.thoughts);
        row.push_bind(&job.id).push_bind(&job.account_id).push_bind(now.0).push_bind(i64::from(*index));
        row.push_bind(amount(usage.input)).push_bind(amount(output)).push_bind(amount(*charge)).push_bind(*model);
    });
    build(query)?.execute(connection).await?;
    Ok(())
}

async fn store_failures(connection: &mut AnyConnection, job: &Job, failed: &BTreeMap<u32, (&str, &str)>) -> Result<()> {
    if failed.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("INSERT INTO page_failures (job_id, page_index, reason, own_text) ");
    query.push_values(failed, |mut row, (index, (reason, text))| {
        row.push_bind(&job.id).push_bind(i64::from(*index)).push_bind(storable(reason)).push_bind(storable(text));
    });
    query.push(" ON CONFLICT DO NOTHING");
    build(query)?.execute(connection).await?;
    Ok(())
}

/// Deletes failures of pages that were read later.
async fn delete_outdated_failures(connection: &mut AnyConnection, job: &Job) -> Result<()> {
    let sql = "DELETE FROM page_failures WHERE job_id = $1
               AND EXISTS (SELECT 1 FROM ledger l WHERE l.job_id = $1 AND l.page_index = page_failures.page_index)";
    sqlx::query(sql).bind(&job.id).execute(connection).await?;
    Ok(())
}

/// Stores all results and copies them into the job's document, which is made if needed. Returns `false` if no page is usable: the caller
/// must then roll back. A job that reads pages again replaces the pages that it has read, and makes no document.
pub(super) async fn store_document(
    connection: &mut AnyConnection,
    job: &Job,
    results: BoxStream<'_, Result<PageResult>>,
    now: UnixMs,
) -> Result<bool> {
    let ours = results.try_filter(|page| future::ready(job.pages.contains(page.index)));
    let mut bytes = 0;
    let mut chunks = ours.try_chunks(PAGES_AT_ONCE);
    while let Some(pages) = chunks.next().await {
        bytes += store_pages(connection, job, &pages.map_err(|broken| broken.1)?, now).await?;
    }
    crash_point("complete", "results stored");
    lock_document(connection, &job.account_id, &job.document_id).await?;
    let before = storage::of_document(connection, &job.account_id, &job.document_id).await?;
    if job.rereads {
        charge_existing_document(connection, job).await?;
    } else {
        make_of_draft(connection, job, now).await?;
        charge_document(connection, job, now).await?;
    }
    crash_point("complete", "document made");
    let mut usable = 0;
    for &run in job.pages.runs() {
        copy_pages(connection, job, run).await?;
        if job.rereads {
            usable += charged_pages(connection, job, run).await?;
        } else {
            mark_failed_pages(connection, job, run).await?;
            usable += usable_pages(connection, job, run).await?;
        }
    }
    structures::delete(connection, &job.document_id).await?;
    let after = storage::of_document(connection, &job.account_id, &job.document_id).await?;
    storage::add(connection, &job.account_id, bytes + after - before).await?;
    Ok(usable > 0)
}

/// Makes the document of its draft, if there is one. The draft's text stays where no page was read.
async fn make_of_draft(connection: &mut AnyConnection, job: &Job, now: UnixMs) -> Result<()> {
    let sql = "UPDATE documents SET draft = 0, outline = NULL, title = $2, created_at = $3, selection = $4 WHERE id = $1 AND draft = 1";
    let made = sqlx::query(sql).bind(&job.document_id).bind(&job.title).bind(now.0).bind(job.pages.to_string());
    if made.execute(&mut *connection).await?.rows_affected() == 0 {
        return Ok(());
    }
    let (mut query, runs) = (QueryBuilder::new("DELETE FROM pages WHERE document_id = "), job.pages.runs());
    query.push_bind(&job.document_id);
    for &(first, last) in runs {
        query.push(" AND NOT page_index BETWEEN ").push_bind(i64::from(first)).push(" AND ").push_bind(i64::from(last));
    }
    build(query)?.execute(connection).await?;
    Ok(())
}

/// Makes the document, or adds this job to the existing one. Its charge is the sum of all its jobs, also of those before it was deleted.
async fn charge_document(connection: &mut AnyConnection, job: &Job, now: UnixMs) -> Result<()> {
    sqlx::query(
        "INSERT INTO documents (id, account_id, upload_hash, content_hash, title, mode, charged, created_at, selection)
         SELECT $1, $2, $3, $4, $5, $6, CAST(COALESCE(SUM(l.charge), 0) AS BIGINT), $7, $8
         FROM ledger l JOIN jobs j ON j.id = l.job_id WHERE j.document_id = $1
         ON CONFLICT (id) DO UPDATE SET mode = excluded.mode, charged = excluded.charged",
    )
    .bind(&job.document_id)
    .bind(&job.account_id)
    .bind(&job.upload_hash)
    .bind(&job.content_hash)
    .bind(&job.title)
    .bind(job.mode.into_str())
    .bind(now.0)
    .bind(job.pages.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds the job to its document. The user may have deleted it.
async fn charge_existing_document(connection: &mut AnyConnection, job: &Job) -> Result<()> {
    let sql = "UPDATE documents SET charged = (SELECT CAST(COALESCE(SUM(l.charge), 0) AS BIGINT)
                                               FROM ledger l JOIN jobs j ON j.id = l.job_id WHERE j.document_id = $1)
               WHERE id = $1";
    sqlx::query(sql).bind(&job.document_id).execute(connection).await?;
    Ok(())
}

/// Copies the stored pages of a run into the document. They replace the existing ones. A job that reads pages again copies only those that it
/// has read, and none into a document that was deleted.
async fn copy_pages(connection: &mut AnyConnection, job: &Job, run: (u32, u32)) -> Result<()> {
    sqlx::query(
        "INSERT INTO pages (document_id, page_index, markdown, note)
         SELECT $1, page_index, markdown, note FROM page_results
         WHERE account_id = $2 AND content_hash = $3 AND recipe = $4 AND page_index BETWEEN $5 AND $6
           AND ($7 = 0 OR (EXISTS (SELECT 1 FROM ledger l WHERE l.job_id = $8 AND l.page_index = page_results.page_index)
                           AND EXISTS (SELECT 1 FROM documents d WHERE d.id = $1)))
         ON CONFLICT (document_id, page_index) DO UPDATE SET markdown = excluded.markdown, note = excluded.note, failure = NULL",
    )
    .bind(&job.document_id)
    .bind(&job.account_id)
    .bind(&job.content_hash)
    .bind(job.recipe.name())
    .bind(i64::from(run.0))
    .bind(i64::from(run.1))
    .bind(i64::from(job.rereads))
    .bind(&job.id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores a failure for each page of a run that was not read, with the file's own text in its place. An existing text is kept.
async fn mark_failed_pages(connection: &mut AnyConnection, job: &Job, run: (u32, u32)) -> Result<()> {
    sqlx::query(
        "WITH RECURSIVE asked (page_index) AS (
             SELECT CAST($3 AS BIGINT) UNION ALL SELECT page_index + 1 FROM asked WHERE page_index < $4
         )
         INSERT INTO pages (document_id, page_index, markdown, failure)
         SELECT $1, a.page_index, COALESCE(f.own_text, ''), COALESCE(f.reason, $5)
         FROM asked a LEFT JOIN page_failures f ON f.job_id = $2 AND f.page_index = a.page_index
         WHERE NOT EXISTS (SELECT 1 FROM page_results r WHERE r.account_id = $6 AND r.content_hash = $7
                           AND r.recipe = $8 AND r.page_index = a.page_index)
         ON CONFLICT (document_id, page_index) DO UPDATE SET failure = excluded.failure, note = NULL,
             markdown = CASE WHEN pages.markdown = '' THEN excluded.markdown ELSE pages.markdown END",
    )
    .bind(&job.document_id)
    .bind(&job.id)
    .bind(i64::from(run.0))
    .bind(i64::from(run.1))
    .bind(MISSING)
    .bind(&job.account_id)
    .bind(&job.content_hash)
    .bind(job.recipe.name())
    .execute(connection)
    .await?;
    Ok(())
}

async fn usable_pages(connection: &mut AnyConnection, job: &Job, run: (u32, u32)) -> Result<i64> {
    let count = sqlx::query_scalar(
        "SELECT COUNT(*) FROM pages
         WHERE document_id = $1 AND page_index BETWEEN $2 AND $3 AND failure IS NULL AND markdown <> ''",
    )
    .bind(&job.document_id)
    .bind(i64::from(run.0))
    .bind(i64::from(run.1))
    .fetch_one(connection)
    .await?;
    Ok(count)
}

/// How many pages of a run this job has read.
async fn charged_pages(connection: &mut AnyConnection, job: &Job, run: (u32, u32)) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM ledger WHERE job_id = $1 AND page_index BETWEEN $2 AND $3";
    let count = sqlx::query_scalar(sql).bind(&job.id).bind(i64::from(run.0)).bind(i64::from(run.1));
    Ok(count.fetch_one(connection).await?)
}

const MISSING: &str = "Gemini gave no answer for this page.";
