//! The connection of a simulated worker to Google: each call may be late, lost or doubled.

use super::*;

/// The connection of one worker to Google. Uploads and downloads use the worker's disk.
pub struct Line {
    pub service: Service,
    pub disk: Disk,
}

impl Line {
    /// One call. `None`: no answer came. `Err`: also if Google refuses the call at random.
    async fn call<T: Send + 'static>(
        &self,
        what: &'static str,
        longest_ms: i64,
        fates: &[Fate],
        act: impl Fn(&Service) -> Result<T, ErrorKind> + Send + 'static,
    ) -> Option<Result<T, ErrorKind>> {
        let Service { timeline, odds, .. } = &self.service;
        let long_ms = if timeline.happens(0.1) { longest_ms } else { 400 };
        let lost = timeline.happens(odds.loss());
        let fate =
            if lost { fates[usize::try_from(timeline.pick(0..fates.len() as i64)).unwrap()] } else { Fate::Arrives };
        let delivery = Delivery {
            request_ms: timeline.pick(1..long_ms),
            answer_ms: timeline.pick(1..400),
            fate,
            timeout_ms: longest_ms + 1_000,
        };
        let refused = timeline.happens(odds.refusal()).then(|| match timeline.pick(0..16) {
            0..2 => ErrorKind::NotFound,
            2 => ErrorKind::Key,
            3 => ErrorKind::Quota { which: Quota::Storage, after: None },
            4..6 => ErrorKind::Quota { which: Quota::Capacity, after: None },
            6..8 => ErrorKind::Quota { which: Quota::PerMinute, after: None },
            _ => ErrorKind::Retry { after: None },
        });
        let service = self.service.clone();
        let answer = timeline.call(delivery, move || refused.map_or_else(|| act(&service), Err)).await;
        timeline.log(|| {
            let outcome = answer.as_ref().map(|answer| answer.as_ref().map(drop));
            format!("{}: {what} {fate:?} {outcome:?}", self.disk.name())
        });
        answer
    }

    /// A call that may be repeated.
    async fn ask<T: Send + 'static>(
        &self,
        what: &'static str,
        act: impl Fn(&Service) -> Result<T, ErrorKind> + Send + 'static,
    ) -> Result<T, Error> {
        let fates = [Fate::RequestLost, Fate::AnswerLost, Fate::Doubled];
        let answer = self.call(what, CALL_MS_MAX, &fates, act).await;
        answer.unwrap_or(Err(ErrorKind::Retry { after: None })).map_err(error)
    }
}

fn error(kind: ErrorKind) -> Error {
    Error::new(kind, "simulated")
}

#[async_trait]
impl Google for Line {
    fn fingerprint(&self) -> String {
        "key".to_owned()
    }

    async fn upload(&self, input: &Path, display_name: &str) -> Result<File, Error> {
        let keys = self.disk.keys(input).ok_or_else(|| error(ErrorKind::Io))?;
        let display_name = display_name.to_owned();
        self.ask("upload", move |service| Ok(service.upload(display_name.clone(), keys.clone()))).await
    }

    async fn create(&self, _model: &str, display_name: &str, input_file: &str) -> Result<String, Error> {
        let (display_name, input_file) = (display_name.to_owned(), input_file.to_owned());
        // Google may make two batches from one create. It then answers with an error.
        let doubled = self.service.timeline.happens(self.service.odds.loss() / 4.0);
        let fates = if doubled { [Fate::AnswerLost; 2] } else { [Fate::RequestLost, Fate::AnswerLost] };
        let act = move |service: &Service| {
            let made = service.create(&display_name, &input_file, doubled)?;
            if doubled {
                service.create(&display_name, &input_file, true)?;
                return Err(ErrorKind::Ambiguous);
            }
            Ok(made)
        };
        let answer = self.call("create", CREATE_MS_MAX, &fates, act).await;
        match answer.unwrap_or(Err(ErrorKind::Ambiguous)) {
            // The client reports this error of a create as ambiguous too.
            Err(ErrorKind::Retry { .. }) => Err(error(ErrorKind::Ambiguous)),
            answer => answer.map_err(error),
        }
    }

    async fn list(&self, since: Option<UnixMs>) -> Result<Vec<Batch>, Error> {
        self.ask("list", move |service| Ok(service.list(since))).await
    }

    async fn delete_batch(&self, batch: &str) -> Result<(), Error> {
        let batch = batch.to_owned();
        self.ask("delete batch", move |service| {
            service.delete_batch(&batch);
            Ok(())
        })
        .await
    }

    async fn get_batch(&self, batch: &str) -> Result<Batch, Error> {
        let batch = batch.to_owned();
        self.ask("get batch", move |service| service.get_batch(&batch)).await
    }

    async fn cancel(&self, batch: &str) -> Result<(), Error> {
        let batch = batch.to_owned();
        self.ask("cancel", move |service| service.cancel(&batch)).await
    }

    async fn download(&self, file: &str, path: &Path) -> Result<(), Error> {
        let file = file.to_owned();
        let lines = self.ask("download", move |service| service.lines(&file)).await?;
        self.disk.store_results(path, lines);
        Ok(())
    }

    async fn find_files(&self, prefix: &str) -> Result<Vec<File>, Error> {
        let prefix = prefix.to_owned();
        self.ask("find files", move |service| Ok(service.find_files(&prefix))).await
    }

    async fn delete(&self, file: &str) -> Result<(), Error> {
        let file = file.to_owned();
        let deleted = self.ask("delete", move |service| Ok(service.state().files.remove(&file).map(drop))).await;
        deleted.map(drop)
    }

    async fn answer(&self, _model: &str, _request: &Request, tier: ServiceTier) -> Result<Answer, Error> {
        // A request that the network doubles is billed once.
        let billed = AtomicBool::new(false);
        let act = move |service: &Service| {
            Ok(if billed.swap(true, Ordering::Relaxed) { service.answer() } else { service.answer_now(tier) })
        };
        self.ask("answer", act).await
    }
}
