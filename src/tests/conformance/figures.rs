//! Figures of pages: found, none, or detection failed. What the file itself says of a page.

use coldbrew::extract::{OwnPage, PageTraits};
use coldbrew::uploads::{FigurePlaces, FoundFigures};
use coldbrew_pdf::PageLooks;
use coldbrew_pdf::figures::{Bounds, Figure};

use super::*;

conform!(figures_none_and_failed_detection_are_distinguished, own_text_and_traits_of_a_page_come_back_as_recorded,);

async fn figures_none_and_failed_detection_are_distinguished(stores: Stores) {
    let (account, other) = (stores.account("a").await, stores.account("b").await);
    let figure = Figure { bounds: Bounds::new(0.1, 0.1, 0.4, 0.4), row: Some(1), width_px: 30, height_px: 20 };
    let found = vec![figure.clone(), figure];
    let record = async |places: &[(u32, Option<&[Figure]>)]| {
        let found = |figures: Option<&[Figure]>| FoundFigures {
            figures: figures.map(<[Figure]>::to_vec),
            picture_bytes: 9,
            own: None,
        };
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

async fn own_text_and_traits_of_a_page_come_back_as_recorded(stores: Stores) {
    let (account, other) = (stores.account("a").await, stores.account("b").await);
    let looks = PageLooks { has_small_type: true, ..PageLooks::default() };
    let traits = PageTraits { has_tables: true, looks, ..PageTraits::default() };
    let own = OwnPage { text: "Its *own* words, and \u{1f600}".into(), traits };
    let found = |own: Option<&OwnPage>| FoundFigures { figures: None, picture_bytes: 9, own: own.cloned() };
    let found = [(0, found(Some(&own))), (1, found(None)), (2, found(Some(&OwnPage::default())))].into();
    stores.figures.record_figures(&account.id, "content", &found).await.unwrap();
    let pages = |account_id: String| {
        let figures = stores.figures.clone();
        async move { figures.own_pages(&account_id, "content", &[0, 1, 2, 3]).await.unwrap() }
    };
    let expected = [(0, own), (2, OwnPage::default())].into();
    assert_eq!(pages(account.id).await, expected);
    assert!(pages(other.id).await.is_empty());
    assert!(stores.figures.own_pages("a", "another", &[0]).await.unwrap().is_empty());
}
