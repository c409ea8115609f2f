//! The calls for uploaded files: get, list, find and delete.

use http::Method;

use super::client::{Client, checked_name};
use super::error::{Error, ErrorKind};
use super::file::{File, FilePage};
use super::lenient;

/// Bounds a list whose server always names another page.
pub(super) const PAGES_MAX: usize = 1_000;

impl Client {
    /// Returns the metadata of a file (`files/…`).
    ///
    /// Do not call it before the download of a batch's output: Google has refused the 42-character names of outputs
    /// (<https://github.com/googleapis/python-genai/issues/1759>, read 2026-11-30).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the key's project has no such file.
    pub async fn get_file(&self, name: &str) -> Result<File, Error> {
        let path = checked_name(name, "files")?;
        self.call(Method::GET, path, None).await.map(File::from_json)
    }

    /// Lists up to 100 files of the project. `page_token` is the `next_page_token` of the page before.
    ///
    /// # Errors
    /// Any [`ErrorKind`].
    pub async fn list_files(&self, page_token: Option<&str>) -> Result<FilePage, Error> {
        let answer = self.call(Method::GET, &list_path("files", 100, page_token), None).await?;
        let files = lenient::member(&answer, "files").and_then(|files| files.as_array()).cloned().unwrap_or_default();
        Ok(FilePage {
            files: files.into_iter().map(File::from_json).collect(),
            next_page_token: lenient::string(&answer, "nextPageToken"),
        })
    }

    /// Finds all files whose display name begins with `prefix`.
    ///
    /// # Errors
    /// Any [`ErrorKind`]. If one page fails, the files of the other pages are not returned.
    pub async fn find_files(&self, prefix: &str) -> Result<Vec<File>, Error> {
        let mut found = Vec::new();
        let mut page_token = None;
        for _ in 0..PAGES_MAX {
            let page = self.list_files(page_token.as_deref()).await?;
            found.extend(page.files.into_iter().filter(|file| file.display_name.starts_with(prefix)));
            match page.next_page_token {
                Some(next) if Some(&next) != page_token.as_ref() => page_token = Some(next),
                _ => break,
            }
        }
        Ok(found)
    }

    /// Deletes a file. A missing file counts as deleted.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] for the output of a batch, which Google refuses to delete
    /// (<https://github.com/googleapis/python-genai/issues/1759>, read 2026-11-30). The caller can ignore that.
    pub async fn delete_file(&self, name: &str) -> Result<(), Error> {
        let path = checked_name(name, "files")?;
        match self.call(Method::DELETE, path, None).await {
            Err(error) if error.kind != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

pub(super) fn list_path(collection: &str, page_size: u32, page_token: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(format!("{collection}?pageSize={page_size}"));
    if let Some(token) = page_token {
        query.append_pair("pageToken", token);
    }
    query.finish()
}
