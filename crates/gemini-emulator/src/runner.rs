//! Runs the requests of a batch, a few concurrently, and writes its output.

use std::io;
use std::thread::available_parallelism;

use futures::StreamExt;
use futures::stream::FuturesOrdered;
use serde_json::Value;
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufReader, BufWriter};

use super::batch::{BatchRow, RowCounts};
use super::batches::LINE_BYTES_MAX;
use super::emulator::Inner;
use super::faults::Fault;
use super::file::FileRow;
use super::rows::{RowFaults, RowInput, RowResult, run};
use super::uploads::digest;
use coldbrew_gemini::jsonl::{Line, Lines};
use coldbrew_gemini::models::Models;

/// Writes the output of a batch. After a restart, the output is written again from its first line.
pub(crate) async fn run_batch(emulator: &Inner, id: &str) -> io::Result<()> {
    let Some(batch) = emulator.batches.get(id) else { return Ok(()) };
    let temporary = emulator.batches.path(id, "out-tmp");
    let written = write_output(emulator, &batch, Output::create(&batch, &temporary).await?).await?;
    let output = emulator.batches.path(id, "out");
    tokio::fs::rename(&temporary, &output).await?;
    if batch.input_file.is_some() {
        publish(emulator, &batch).await?;
    }
    emulator.batches.update(id, |batch| batch.written = Some(written)).map(drop)
}

async fn write_output(emulator: &Inner, batch: &BatchRow, mut output: Output) -> io::Result<RowCounts> {
    let input = BufReader::with_capacity(1 << 20, File::open(emulator.batches.path(&batch.id, "in")).await?);
    let mut lines = Lines::new(input, LINE_BYTES_MAX);
    let model = &Models::default().answering(&batch.model, emulator.today());
    // Fewer than the lines of the input under `Fault::CreateCountsFewer`.
    let mut left = batch.requests;
    let concurrency = available_parallelism().map_or(1, usize::from);
    let mut running = FuturesOrdered::new();
    let mut written = RowCounts::default();
    let mut at_end = false;
    loop {
        while !at_end && running.len() < concurrency {
            // Faults are drawn here, so that they follow the order of the lines.
            let row = if left == 0 { None } else { next_row(&mut lines).await? };
            left = left.saturating_sub(1);
            match row {
                Some(row) => {
                    let faults = RowFaults::of_row(emulator, &row);
                    running.push_back(run(emulator, &batch.project, model, row, faults));
                }
                None => at_end = true,
            }
        }
        let Some(row) = running.next().await else { break };
        written.succeeded += u64::from(row.succeeded);
        written.failed += u64::from(!row.succeeded);
        output.put(row).await?;
    }
    output.finish().await?;
    Ok(written)
}

async fn next_row(lines: &mut Lines<BufReader<File>>) -> io::Result<Option<RowInput>> {
    while let Some(line) = lines.next().await? {
        // All lines were checked at the create of the batch.
        if let Line::Whole(bytes) | Line::Unterminated(bytes) = line
            && let Ok(row) = RowInput::read(bytes)
        {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// Adds the output to the files of the project.
async fn publish(emulator: &Inner, batch: &BatchRow) -> io::Result<()> {
    let id = format!("batch-{}", batch.id);
    let path = emulator.files.path(&id, "bin");
    // A run that was stopped here has left the file.
    let _ = tokio::fs::remove_file(&path).await;
    tokio::fs::hard_link(emulator.batches.path(&batch.id, "out"), &path).await?;
    let (sha256, size_bytes) = tokio::task::spawn_blocking(move || digest(&path)).await.map_err(io::Error::other)??;
    let file = FileRow {
        id: id.clone(),
        project: batch.project.clone(),
        display_name: String::new(),
        mime_type: "application/jsonl".into(),
        size_bytes,
        sha256,
        created: emulator.now(),
        generated: true,
        processing_polls: 0,
        failed: false,
    };
    emulator.files.put(&id, file)
}

/// Writes an output file with the faults of its batch.
struct Output {
    file: BufWriter<File>,
    faults: Vec<Fault>,
    rows: u64,
    /// The first line of a pair. A shuffled output has the lines of each pair swapped.
    held_back: Option<Value>,
}

impl Output {
    async fn create(batch: &BatchRow, path: &std::path::Path) -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 20, File::create(path).await?);
        Ok(Self { file, faults: batch.faults.clone(), rows: 0, held_back: None })
    }

    fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    async fn put(&mut self, row: RowResult) -> io::Result<()> {
        self.rows += 1;
        let Some(mut line) = row.line else { return Ok(()) };
        let every_third = self.rows % 3 == 2;
        if self.has(Fault::OutputEmpty) || (every_third && self.has(Fault::OutputMissesRows)) {
            return Ok(());
        }
        if let Some(object) = line.as_object_mut() {
            if self.rows == 1 && self.has(Fault::OutputKeylessRow) {
                object.remove("key");
                object.remove("metadata");
            }
            if self.has(Fault::OutputStatusForError)
                && let Some(error) = object.remove("error")
            {
                object.insert("status".into(), error);
            }
        }
        if every_third && self.has(Fault::OutputDoublesRows) {
            self.write(&line).await?;
        }
        if !self.has(Fault::OutputShuffled) {
            return self.write(&line).await;
        }
        match self.held_back.take() {
            None => self.held_back = Some(line),
            Some(earlier) => {
                self.write(&line).await?;
                self.write(&earlier).await?;
            }
        }
        Ok(())
    }

    async fn write(&mut self, line: &Value) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.extend_from_slice(if self.has(Fault::OutputCrlf) { b"\r\n" } else { b"\n" });
        if self.has(Fault::OutputBlankLines) {
            bytes.push(b'\n');
        }
        self.file.write_all(&bytes).await
    }

    async fn finish(mut self) -> io::Result<()> {
        if let Some(line) = self.held_back.take() {
            self.write(&line).await?;
        }
        self.file.flush().await?;
        if self.has(Fault::OutputCutOff) {
            let file = self.file.get_ref();
            let length = file.metadata().await?.len();
            file.set_len(length.saturating_sub(20)).await?;
        }
        Ok(())
    }
}
