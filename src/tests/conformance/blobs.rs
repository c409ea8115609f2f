//! Files by key.

use coldbrew::store::Blobs;
use coldbrew::store::folder::Folder;
use tempfile::TempDir;

async fn folder() -> (TempDir, Folder) {
    let root = TempDir::new().unwrap();
    let folder = Folder::open(root.path().join("blobs")).await.unwrap();
    (root, folder)
}

#[tokio::test]
async fn a_file_moves_in_and_replaces_what_was_there() {
    let (root, blobs) = folder().await;
    let file = root.path().join("finished");
    for text in ["first", "second"] {
        std::fs::write(&file, text).unwrap();
        blobs.put("uploads/a1/c1", &file).await.unwrap();
        assert!(!file.exists(), "it was moved");
        let kept = blobs.open("uploads/a1/c1").await.unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(kept).unwrap(), text);
    }
    assert_eq!(blobs.open("uploads/a1/c2").await.unwrap(), None);
}

#[tokio::test]
async fn a_file_can_be_deleted_whether_or_not_it_is_there() {
    let (root, blobs) = folder().await;
    let file = root.path().join("finished");
    std::fs::write(&file, "text").unwrap();
    blobs.put("uploads/a1/c1", &file).await.unwrap();
    for _ in 0..2 {
        blobs.delete("uploads/a1/c1").await.unwrap();
        assert_eq!(blobs.open("uploads/a1/c1").await.unwrap(), None);
    }
}

#[tokio::test]
async fn no_key_leads_out_of_the_folder() {
    let (root, blobs) = folder().await;
    let file = root.path().join("finished");
    std::fs::write(&file, "text").unwrap();
    for key in ["../finished", "/etc/passwd", "uploads/../../finished", "uploads//c1", "", "."] {
        assert!(blobs.open(key).await.is_err(), "{key}");
        assert!(blobs.put(key, &file).await.is_err(), "{key}");
        assert!(blobs.delete(key).await.is_err(), "{key}");
    }
    assert!(file.exists());
}
