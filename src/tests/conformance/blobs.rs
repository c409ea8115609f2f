//! Files by key, in a folder and in an S3-compatible store.

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;

use coldbrew::error::Error;
use coldbrew::model::UnixMs;
use coldbrew::store::folder::Folder;
use coldbrew::store::s3::{S3, S3Config};
use coldbrew::uploads::Blobs;
use tempfile::TempDir;

use super::NOW;
use crate::support::harness::{choose_cryptography, http};
use crate::support::services::S3Server;

/// Makes a test of each adapter from each of these functions.
macro_rules! conform {
    ($($test:ident),+ $(,)?) => {
        mod folder {
            $(#[tokio::test] async fn $test() { super::$test(super::Files::in_a_folder().await).await })+
        }
        mod s3 {
            $(#[tokio::test] async fn $test() { super::$test(super::Files::in_s3().await).await })+
        }
    };
}

conform!(
    file_put_is_moved_and_replaces_the_existing_one,
    file_copied_survives_the_deletion_of_the_original,
    file_deleted_twice_is_no_error,
    file_exists_from_its_put_to_its_deletion,
    folder_deleted_loses_all_its_files_and_no_others,
    file_of_many_parts_is_read_back_unchanged,
    key_leading_out_of_the_folder_is_refused,
);

/// The files of one adapter, initially none.
struct Files {
    blobs: Arc<dyn Blobs>,
    root: TempDir,
    _backing: Box<dyn Any>,
}

impl Files {
    async fn in_a_folder() -> Self {
        let root = TempDir::new().unwrap();
        let folder = Folder::open(root.path().join("blobs")).await.unwrap();
        Self { blobs: Arc::new(folder), root, _backing: Box::new(()) }
    }

    async fn in_s3() -> Self {
        let (server, root) = (S3Server::start().await, TempDir::new().unwrap());
        let blobs = Arc::new(bucket(&server, root.path().join("cache")).await);
        Self { blobs, root, _backing: Box::new(server) }
    }

    /// A complete local file with this content.
    fn file(&self, content: impl AsRef<[u8]>) -> PathBuf {
        file_of(&self.root, content)
    }

    async fn read(&self, key: &str) -> Option<Vec<u8>> {
        self.blobs.open(key).await.unwrap().map(|path| std::fs::read(path).unwrap())
    }
}

fn file_of(root: &TempDir, content: impl AsRef<[u8]>) -> PathBuf {
    let path = root.path().join("finished");
    std::fs::write(&path, content).unwrap();
    path
}

async fn bucket(server: &S3Server, cache: PathBuf) -> S3 {
    choose_cryptography();
    let config = S3Config {
        url: "s3://coldbrew/some/folder".into(),
        endpoint: Some(server.endpoint()),
        region: "us-east-1".into(),
        access_key: Some("key".into()),
        secret_key: Some("secret".into()),
        cache_bytes_max: 1 << 30,
    };
    S3::open(&config, cache).await.unwrap()
}

async fn file_put_is_moved_and_replaces_the_existing_one(files: Files) {
    for text in ["first", "second"] {
        let file = files.file(text);
        files.blobs.put("uploads/a1/c1", &file).await.unwrap();
        assert!(!file.exists(), "the file is moved");
        assert_eq!(files.read("uploads/a1/c1").await.unwrap(), text.as_bytes());
    }
    assert_eq!(files.read("uploads/a1/c2").await, None);
    files.blobs.check().await.unwrap();
    files.blobs.purge_incomplete(NOW).await.unwrap();
    assert!(files.read("uploads/a1/c1").await.is_some());
}

async fn file_copied_survives_the_deletion_of_the_original(files: Files) {
    files.blobs.put("uploads/a1/c1", &files.file("text")).await.unwrap();
    for _ in 0..2 {
        assert!(files.blobs.copy("uploads/a1/c1", "uploads/a2/c1").await.unwrap());
    }
    files.blobs.delete_all("uploads/a1").await.unwrap();
    assert_eq!(files.read("uploads/a2/c1").await.unwrap(), b"text");
    assert!(!files.blobs.copy("uploads/a1/c1", "uploads/a3/c1").await.unwrap(), "there is nothing to copy");
    assert_eq!(files.read("uploads/a3/c1").await, None);
}

async fn file_deleted_twice_is_no_error(files: Files) {
    files.blobs.put("uploads/a1/c1", &files.file("text")).await.unwrap();
    for _ in 0..2 {
        files.blobs.delete("uploads/a1/c1").await.unwrap();
        assert_eq!(files.read("uploads/a1/c1").await, None);
    }
}

async fn file_exists_from_its_put_to_its_deletion(files: Files) {
    assert!(!files.blobs.exists("uploads/a1/c1").await.unwrap());
    files.blobs.put("uploads/a1/c1", &files.file("text")).await.unwrap();
    assert!(files.blobs.exists("uploads/a1/c1").await.unwrap());
    assert!(!files.blobs.exists("uploads/a1").await.unwrap(), "it is no file");
    files.blobs.delete("uploads/a1/c1").await.unwrap();
    assert!(!files.blobs.exists("uploads/a1/c1").await.unwrap());
}

async fn folder_deleted_loses_all_its_files_and_no_others(files: Files) {
    for key in ["figures/a1/c1/0_0.png", "figures/a1/c2/0_0.png", "figures/a2/c1/0_0.png", "figures/a11/c1/0_0.png"] {
        files.blobs.put(key, &files.file(key)).await.unwrap();
    }
    for _ in 0..2 {
        files.blobs.delete_all("figures/a1").await.unwrap();
    }
    assert_eq!(files.read("figures/a1/c1/0_0.png").await, None);
    assert_eq!(files.read("figures/a1/c2/0_0.png").await, None);
    assert!(files.read("figures/a2/c1/0_0.png").await.is_some());
    assert!(files.read("figures/a11/c1/0_0.png").await.is_some(), "its name has the same prefix");
}

/// The file exceeds the size of one part of an S3 upload.
async fn file_of_many_parts_is_read_back_unchanged(files: Files) {
    let content: Vec<u8> = (0..25_000_000_u32).map(|index| (index % 251) as u8).collect();
    files.blobs.put("uploads/a1/c1", &files.file(&content)).await.unwrap();
    assert!(files.read("uploads/a1/c1").await.unwrap() == content);
}

async fn key_leading_out_of_the_folder_is_refused(files: Files) {
    let file = files.file("text");
    for key in ["../finished", "/etc/passwd", "uploads/../../finished", "uploads//c1", "", "."] {
        assert!(files.blobs.open(key).await.is_err(), "{key}");
        assert!(files.blobs.put(key, &file).await.is_err(), "{key}");
        assert!(files.blobs.delete(key).await.is_err(), "{key}");
    }
    assert!(file.exists());
}

#[tokio::test]
async fn bucket_is_shared_by_servers_and_unavailable_when_stopped() {
    let (mut server, root) = (S3Server::start().await, TempDir::new().unwrap());
    let (one, other) = (root.path().join("one"), root.path().join("other"));
    let (one, other) = (bucket(&server, one).await, bucket(&server, other).await);
    one.put("uploads/a1/c1", &file_of(&root, "text")).await.unwrap();
    let fetched = other.open("uploads/a1/c1").await.unwrap().unwrap();
    assert_eq!(std::fs::read_to_string(&fetched).unwrap(), "text");
    one.put("uploads/a1/c3", &file_of(&root, "more text")).await.unwrap();
    other.delete("uploads/a1/c3").await.unwrap();
    assert!(one.open("uploads/a1/c3").await.unwrap().is_some(), "a copy is left on the other server");
    assert!(!one.exists("uploads/a1/c3").await.unwrap(), "a copy is no file of the bucket");

    server.stop();
    assert!(matches!(other.check().await, Err(Error::Unavailable(_))));
    assert!(matches!(other.open("uploads/a1/c2").await, Err(Error::Unavailable(_))));
    assert!(other.open("uploads/a1/c1").await.unwrap().is_some(), "the cached file can be opened");
    // Without its cached copy, the file is unavailable.
    std::fs::remove_file(fetched).unwrap();
    assert!(matches!(other.open("uploads/a1/c1").await, Err(Error::Unavailable(_))));
}

/// How many files the bucket has parts of.
async fn unfinished_files(server: &S3Server) -> usize {
    let list = http().get(format!("{}/coldbrew?uploads", server.endpoint())).send().await.unwrap();
    list.text().await.unwrap().matches("<UploadId>").count()
}

#[tokio::test]
async fn parts_of_a_killed_process_are_aborted_after_a_day_and_others_are_not() {
    let (server, root) = (S3Server::start().await, TempDir::new().unwrap());
    let blobs = bucket(&server, root.path().join("cache")).await;
    for key in ["some/folder/uploads/a1/c1", "another/folder"] {
        let begun = http().post(format!("{}/coldbrew/{key}?uploads", server.endpoint())).send().await.unwrap();
        assert!(begun.status().is_success());
    }
    // The server reports this instant for all of them.
    let begun: jiff::Timestamp = "2010-11-10T20:48:33Z".parse().unwrap();
    blobs.purge_incomplete(UnixMs(begun.as_millisecond() + 3_600_000)).await.unwrap();
    assert_eq!(unfinished_files(&server).await, 2, "they may still be under way");
    blobs.purge_incomplete(UnixMs(begun.as_millisecond() + 25 * 3_600_000)).await.unwrap();
    assert_eq!(unfinished_files(&server).await, 1, "one is outside the folder");
}

#[tokio::test]
async fn file_whose_sender_leaves_keeps_no_parts() {
    let (server, root) = (S3Server::start().await, TempDir::new().unwrap());
    let blobs = bucket(&server, root.path().join("cache")).await;
    let file = file_of(&root, vec![7; 60_000_000]);
    let put = tokio::spawn(async move { blobs.put("uploads/a1/c1", &file).await });
    while unfinished_files(&server).await == 0 {
        assert!(!put.is_finished(), "the file was sent before the first look");
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    put.abort();
    for _ in 0..1_000 {
        if unfinished_files(&server).await == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("parts are left");
}
