//! A self-contained web page: figures and style are embedded, and its content security policy forbids scripts and requests.

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::Source;
use crate::documents::structure::References;
use crate::error::Result;
use crate::markdown::{NoFigure, Setting, html_of};
use crate::model::wire::{OutlineEntry, OutlineItem};

const STYLE: &str = concat!(include_str!("../../../style/widths.css"), include_str!("../../../style/export.css"));

/// The page's content security policy: this style, embedded pictures, and nothing else.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = BASE64_STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!("default-src 'none'; img-src data:; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'")
});

/// Writes the document page by page.
///
/// # Errors
/// If pages or figures cannot be loaded, the caller's turn at rendering does not come in time, or `out` cannot be written.
pub(crate) async fn write(source: &Source, out: &mut (impl AsyncWrite + Unpin)) -> Result<()> {
    out.write_all(head(&source.document.title, source.structure.outline()).as_bytes()).await?;
    // The renderer puts this before each figure's address. It is random, so no text of the document contains it.
    let prefix = source.library.ids.secret();
    let references = Arc::new(References::new(Arc::clone(&source.structure)));
    let mut parts = source.parts();
    while let Some(part) = parts.next().await? {
        let start = match part.is_start {
            true => {
                let label = source.structure.label(part.page - 1).map(|label| format!(" (p. {})", escaped(label)));
                let label = label.unwrap_or_default();
                format!(
                    "<section id=\"page-{0}\"><a class=\"page-mark\" href=\"#page-{0}\">{0}{label}</a>\n",
                    part.page
                )
            }
            false => "<section>\n".to_owned(),
        };
        out.write_all(start.as_bytes()).await?;
        let rendered = {
            let (prefix, references) = (prefix.clone(), Arc::clone(&references));
            let work = move || html_of(&part.markdown, part.page - 1, Setting::File(&prefix), Some(&*references));
            source.work(work).await?
        };
        write_with_pictures(source, &rendered, &prefix, out).await?;
        out.write_all(b"</section>\n").await?;
    }
    out.write_all(b"</main>\n</body>\n</html>\n").await?;
    Ok(())
}

fn head(title: &str, outline: &[OutlineEntry]) -> String {
    let title = escaped(title);
    let entries = items(&OutlineItem::tree(outline.iter().cloned()));
    let contents = match entries.is_empty() {
        true => String::new(),
        false => {
            format!("<nav aria-label=\"Outline\"><details><summary>Outline</summary>\n{entries}</details></nav>\n")
        }
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header><h1>{title}</h1></header>\n{contents}<main>\n",
        *POLICY
    )
}

/// The entries as nested lists, with the printed numbers of their pages.
fn items(items_of: &[OutlineItem]) -> String {
    let item = |OutlineItem { title, page, label, anchor, entries, .. }: &OutlineItem| {
        let below = items(entries);
        let page = label.as_ref().map_or_else(|| (page + 1).to_string(), |label| escaped(label));
        format!("<li><a href=\"#{anchor}\">{}</a> <small>{page}</small>{below}</li>\n", escaped(title))
    };
    match items_of {
        [] => String::new(),
        items_of => format!("<ol>\n{}</ol>\n", items_of.iter().map(item).collect::<String>()),
    }
}

/// Writes rendered HTML with the figures' pictures in place of their addresses, which begin with `prefix`.
async fn write_with_pictures(
    source: &Source,
    html: &str,
    prefix: &str,
    out: &mut (impl AsyncWrite + Unpin),
) -> Result<()> {
    let mut parts = html.split(prefix);
    out.write_all(parts.next().unwrap_or_default().as_bytes()).await?;
    for part in parts {
        let (address, behind) = part.split_once('"').unwrap_or((part, ""));
        let picture = match address.parse() {
            Ok(figure) => source.picture(&figure).await?,
            Err(NoFigure) => None,
        };
        if let Some(png) = picture {
            out.write_all(b"data:image/png;base64,").await?;
            out.write_all(BASE64_STANDARD.encode(png).as_bytes()).await?;
        }
        out.write_all(b"\"").await?;
        out.write_all(behind.as_bytes()).await?;
    }
    Ok(())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
