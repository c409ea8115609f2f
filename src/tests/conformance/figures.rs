//! Figures of pages: found, none, or detection failed.

use coldbrew::uploads::{FigurePlaces, FoundFigures};
use coldbrew_pdf::figures::{Bounds, Figure};

use super::*;

conform!(figures_none_and_failed_detection_are_distinguished);

async fn figures_none_and_failed_detection_are_distinguished(stores: Stores) {
    let (account, other) = (stores.account("a").await, stores.account("b").await);
    let figure = Figure { bounds: Bounds::new(0.1, 0.1, 0.4, 0.4), row: Some(1), width_px: 30, height_px: 20 };
    let found = vec![figure.clone(), figure];
    let record = async |places: &[(u32, Option<&[Figure]>)]| {
        let found =
            |figures: Option<&[Figure]>| FoundFigures { figures: figures.map(<[Figure]>::to_vec), picture_bytes: 9 };
        let places = places.iter().map(|(page, figures)| (*page, found(*figures))).collect();
        stores.figures.record_figures(&account.id, "content", &places).await.unwrap();
    };
    record(&[]).await;
    record(&[(0, Some(&found))]).await;
    assert!(stores.figures.figures(&account.id, "content").await.unwrap().is_empty(), "there is no such content");
    let uploaded = Upload { content_hash: "content".into(), ..upload(&account, "one") };
    stores.uploads.insert_upload(&uploaded, &UNLIMITED, NOW).await.unwrap();
    record(&[(0, Some(&found)), (1, Some(&[])), (2, None), (3, None)]).await;
    record(&[(3, Some(&found))]).await;
    let places = FigurePlaces::from([(0, Some(found.clone())), (1, Some(Vec::new())), (2, None), (3, Some(found))]);
    assert_eq!(stores.figures.figures(&account.id, "content").await.unwrap(), places);
    assert_eq!(stores.figures.figures(&account.id, "another").await.unwrap(), FigurePlaces::new());
    assert_eq!(stores.figures.figures(&other.id, "content").await.unwrap(), FigurePlaces::new());
}
