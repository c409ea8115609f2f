//! The frames that parent and worker exchange over a socket pair. The worker's end is its standard input.
//!
//! A frame is two little-endian `u32` lengths, a JSON header of the first length and a binary payload of the second. A descriptor can
//! come with the first byte of a request. Both lengths are bounded. A frame that exceeds a bound or does not parse is an error on either
//! side. The module `answers` checks a reply that parses.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::document::PageLooks;
use super::error::{DocumentFault, PageFault};
use super::figures::Figure;
use super::sandbox::SandboxLayers;
use super::worker::detector::DetectorSpec;

/// A header holds a few numbers, a title of at most 300 characters or the positions of a page's figures.
const HEADER_BYTES_MAX: u32 = 16 << 10;
/// A payload is a page as PDF, its figures or the file of a one-page document. None is longer than the largest upload.
pub(crate) const PAYLOAD_BYTES_MAX: u32 = 128 << 20;
/// A payload up to this length is written together with its head.
const PAYLOAD_BYTES_SMALL: usize = 64 << 10;
/// Bytes of the two lengths.
pub(crate) const PREFIX_BYTES: usize = 8;

/// What a process is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// It parses and draws one document.
    Pages { library: PathBuf, fonts: Option<PathBuf>, has_detector: bool },
    /// It finds figures on pictures and never sees a document.
    Layout { detector: DetectorSpec },
}

/// What a process may use.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Limits {
    pub memory_bytes_max: u64,
    /// The last barrier. The parent ends a slow process long before it.
    pub cpu_seconds_max: u64,
}

/// A request of the parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Request {
    /// The first request: load what the role needs, then enter the sandbox. Answered by [`Reply::Started`].
    Start { parent_pid: u32, limits: Limits, role: Role },
    /// Find figures with the process at the other end of the descriptor. Answered by [`Reply::DetectorReady`].
    UseDetector,
    /// Open the file of the descriptor.
    OpenFile { pages_max: u32 },
    /// Open the PDF in the payload.
    OpenBytes { pages_max: u32 },
    /// The text of one page. Answered by [`Reply::Text`] with Markdown as payload. Answered by [`Reply::SurveyWanted`] if the document must
    /// be surveyed first.
    Text { page: u32 },
    /// What the pages of the document have in common. Answered by [`Reply::Survey`] with JSON as payload, which other workers use.
    Survey,
    /// Use the survey in the payload. If it is empty, each page is judged alone. Answered by [`Reply::SurveyReady`].
    UseSurvey,
    /// Convert the image file of the descriptor to a PDF. Answered by [`Reply::Pdf`] with the PDF as payload.
    ImageToPdf,
    /// One page as a PDF of its own. If it is `lean`, it may be a picture of the page. Answered by [`Reply::Pdf`] with the PDF as
    /// payload.
    Split { page: u32, lean: bool },
    /// The figures of one page. Answered by [`Reply::Figures`] with their pictures in order as payload. Answered by
    /// [`Reply::DetectorWanted`] if the detector must be loaded first.
    Figures { page: u32 },
    /// One page as a picture. Answered by [`Reply::Picture`] with the picture as payload.
    Picture { page: u32 },
    /// The upper or the lower half of one page as a picture. Answered by [`Reply::Picture`] with the picture as payload.
    Half { page: u32, half: Half },
    /// The bookmarks of the document. Answered by [`Reply::Bookmarks`] with JSON as payload.
    Bookmarks,
    /// The labels of the pages. Answered by [`Reply::Labels`] with JSON as payload.
    Labels,
    /// The text lengths of a range of pages. Answered by one [`Reply::Length`] for each, in order.
    Lengths { first: u32, count: u32 },
}

/// A reply of the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub(crate) enum Reply {
    Started { layers: SandboxLayers },
    Opened { total_pages: u32, title: Option<String> },
    Text { chars_visible: u32, is_scan: bool, looks: PageLooks },
    Pdf,
    Picture,
    Figures { figures: Vec<CutFigure>, has_tables: bool },
    Bookmarks,
    Labels,
    Survey,
    SurveyWanted,
    SurveyReady,
    DetectorWanted,
    DetectorReady,
    Length { chars_visible: u32, is_scan: bool },
    Failed { fault: Fault },
}

/// A half of a page.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Half {
    Upper,
    Lower,
}

/// A figure, and how many bytes of the payload are its picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CutFigure {
    pub figure: Figure,
    pub png_bytes: usize,
}

/// Why the worker could not do what was asked. It stays usable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    LibraryUnavailable,
    FontsUnavailable,
    /// The reason as a sentence, cut off so that it fits into a header.
    DetectorUnusable {
        words: String,
    },
    Document(DocumentFault),
    /// A fault of the requested page.
    Page(PageFault),
}

impl From<PageFault> for Fault {
    fn from(fault: PageFault) -> Self {
        Self::Page(fault)
    }
}

impl From<DocumentFault> for Fault {
    fn from(fault: DocumentFault) -> Self {
        Self::Document(fault)
    }
}

/// The lengths of header and payload, within their bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lengths {
    pub header: usize,
    pub payload: usize,
}

/// Encodes a frame up to its payload.
///
/// # Errors
/// An I/O error if the header or the payload is too long.
pub(crate) fn encode_head<T: Serialize>(header: &T, payload: &[u8]) -> io::Result<Vec<u8>> {
    let header = serde_json::to_vec(header)?;
    let header_bytes = bounded(header.len(), HEADER_BYTES_MAX)?;
    let payload_bytes = bounded(payload.len(), PAYLOAD_BYTES_MAX)?;
    let mut head = Vec::with_capacity(PREFIX_BYTES + header.len());
    head.extend_from_slice(&header_bytes.to_le_bytes());
    head.extend_from_slice(&payload_bytes.to_le_bytes());
    head.extend_from_slice(&header);
    Ok(head)
}

/// Reads the two lengths at the start of a frame.
///
/// # Errors
/// `InvalidData` for a length out of bounds.
pub(crate) fn decode_prefix(prefix: [u8; PREFIX_BYTES]) -> io::Result<Lengths> {
    let [a, b, c, d, e, f, g, h] = prefix;
    let header = u32::from_le_bytes([a, b, c, d]);
    let payload = u32::from_le_bytes([e, f, g, h]);
    if header > HEADER_BYTES_MAX || payload > PAYLOAD_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(Lengths { header: header as usize, payload: payload as usize })
}

/// Parses a frame's header.
///
/// # Errors
/// An I/O error if it is not the expected JSON.
pub(crate) fn decode_header<T: DeserializeOwned>(header: &[u8]) -> io::Result<T> {
    Ok(serde_json::from_slice(header)?)
}

/// Reads one whole frame. `None` if the other side closed the socket between frames.
///
/// # Errors
/// An I/O error if reading fails, or the frame is too long or does not parse.
pub(crate) fn read_frame<T: DeserializeOwned>(input: &mut impl Read) -> io::Result<Option<(T, Vec<u8>)>> {
    let mut prefix = [0; PREFIX_BYTES];
    match input.read_exact(&mut prefix) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let lengths = decode_prefix(prefix)?;
    let mut header = vec![0; lengths.header];
    input.read_exact(&mut header)?;
    let mut payload = vec![0; lengths.payload];
    input.read_exact(&mut payload)?;
    Ok(Some((decode_header(&header)?, payload)))
}

/// Writes one whole frame.
///
/// # Errors
/// An I/O error if the frame is too long or writing fails.
pub(crate) fn write_frame<T: Serialize>(output: &mut impl Write, header: &T, payload: &[u8]) -> io::Result<()> {
    let mut head = encode_head(header, payload)?;
    if payload.len() <= PAYLOAD_BYTES_SMALL {
        head.extend_from_slice(payload);
        return output.write_all(&head);
    }
    output.write_all(&head)?;
    output.write_all(payload)
}

fn bounded(bytes: usize, bytes_max: u32) -> io::Result<u32> {
    u32::try_from(bytes).ok().filter(|bytes| *bytes <= bytes_max).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn requests() -> impl Strategy<Value = Request> {
        prop_oneof![
            (any::<u32>(), any::<u64>(), any::<bool>()).prop_map(|(parent_pid, memory_bytes_max, has_detector)| {
                let role = Role::Pages { library: "library.so".into(), fonts: None, has_detector };
                Request::Start { parent_pid, limits: Limits { memory_bytes_max, cpu_seconds_max: 1 }, role }
            }),
            any::<u32>().prop_map(|pages_max| Request::OpenFile { pages_max }),
            any::<u32>().prop_map(|page| Request::Text { page }),
            (any::<u32>(), any::<u32>()).prop_map(|(first, count)| Request::Lengths { first, count }),
        ]
    }

    fn replies() -> impl Strategy<Value = Reply> {
        prop_oneof![
            (any::<u32>(), any::<Option<String>>())
                .prop_map(|(total_pages, title)| Reply::Opened { total_pages, title }),
            (any::<u32>(), any::<bool>(), any::<bool>()).prop_map(|(chars_visible, is_scan, is_blank)| {
                Reply::Text { chars_visible, is_scan, looks: PageLooks { is_blank, ..PageLooks::default() } }
            }),
            any::<(u32, u32)>().prop_map(|(pages, pages_max)| Reply::Failed {
                fault: DocumentFault::TooManyPages { pages, pages_max }.into()
            }),
            Just(Reply::Failed { fault: DocumentFault::Encrypted.into() }),
            any::<bool>()
                .prop_map(|files| Reply::Started { layers: SandboxLayers { files, ..SandboxLayers::default() } }),
            Just(Reply::Failed { fault: PageFault::Damaged.into() }),
        ]
    }

    proptest! {
        #[test]
        fn frames_come_back_as_they_were_sent(sent in proptest::collection::vec((requests(), any::<Vec<u8>>()), 0..4)) {
            let mut wire = Vec::new();
            for (request, payload) in &sent {
                write_frame(&mut wire, request, payload).unwrap();
            }
            let mut input = wire.as_slice();
            for frame in sent {
                prop_assert_eq!(read_frame(&mut input).unwrap(), Some(frame));
            }
            prop_assert_eq!(read_frame::<Request>(&mut input).unwrap(), None);
        }

        #[test]
        fn replies_come_back_as_they_were_sent(reply in replies()) {
            let mut wire = Vec::new();
            write_frame(&mut wire, &reply, b"").unwrap();
            prop_assert_eq!(read_frame(&mut wire.as_slice()).unwrap(), Some((reply, Vec::new())));
        }

        #[test]
        fn garbage_is_an_error_and_never_a_panic(wire in any::<Vec<u8>>()) {
            let frame = read_frame::<Reply>(&mut wire.as_slice());
            prop_assert!(wire.len() < PREFIX_BYTES || !matches!(frame, Ok(Some(_))));
        }
    }

    #[test]
    fn a_frame_that_claims_too_much_is_refused_before_memory_is_taken_for_it() {
        let mut prefix = [0; PREFIX_BYTES];
        prefix[4..].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(decode_prefix(prefix).is_err());
    }
}
