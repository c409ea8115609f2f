//! Two processes find figures together. One has the page. The other has the model and never sees a document.
//!
//! The first sends the pixels of a page, and the second replies with boxes. Neither trusts the other: sizes are bounded, and boxes are
//! clipped to the page.

use std::io;
use std::os::fd::OwnedFd;

use serde::{Deserialize, Serialize};

use super::channel::{Channel, Frame};
use super::detector::{Detector, Layout, Pixels};
use crate::error::PageFault;
use crate::figures::{Bounds, Candidate};

/// The longest side of a picture for a model, in pixels.
const SIDE_MAX_PX: i32 = 4_096;
/// Bytes of a box: score, left, top, right, bottom.
const BOX_BYTES: usize = 5 * size_of::<f32>();
/// The most boxes in one reply.
const BOXES_MAX: usize = 10_000;

/// A request to the process that has the model.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Question {
    /// The size in which a page must be drawn. Answered by [`Reply::Canvas`].
    Canvas { aspect: f32 },
    /// The boxes on the picture in the payload. Answered by [`Reply::Found`].
    Find { width: usize, height: usize },
}

/// Its reply.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
enum Reply {
    Canvas {
        width: i32,
        height: i32,
    },
    /// The payload holds the boxes of figures.
    Found {
        has_others: bool,
        has_tables: bool,
    },
    Failed,
}

/// Finds figures for a process that has a document.
pub(super) enum Finder {
    /// There is no detector.
    Nothing,
    /// The process with the detector is not connected yet.
    Wanted,
    Ready(LayoutProcess),
}

/// The process that has the model, as seen by the process that has the page. An exchange that breaks off means that it crashed.
pub(super) struct LayoutProcess {
    channel: Channel,
}

impl LayoutProcess {
    pub(super) fn over(socket: OwnedFd) -> Self {
        Self { channel: Channel::over(socket) }
    }

    /// The size in pixels in which a page must be drawn. `aspect` is its width divided by its height.
    pub(super) fn canvas(&mut self, aspect: f32) -> Result<(i32, i32), PageFault> {
        let sides = 1..=SIDE_MAX_PX;
        match self.ask(&Question::Canvas { aspect }, b"")?.header {
            Reply::Canvas { width, height } if sides.contains(&width) && sides.contains(&height) => Ok((width, height)),
            _ => Err(PageFault::Damaged),
        }
    }

    /// Finds the figures on the picture.
    pub(super) fn find(&mut self, page: &Pixels) -> Result<Layout, PageFault> {
        let Pixels { width, height, ref rgb } = *page;
        let Frame { header, payload, .. } = self.ask(&Question::Find { width, height }, rgb)?;
        let Reply::Found { has_others, has_tables } = header else { return Err(PageFault::Damaged) };
        Ok(Layout { figures: boxes(&payload), has_others, has_tables })
    }

    fn ask(&mut self, question: &Question, payload: &[u8]) -> Result<Frame<Reply>, PageFault> {
        self.channel.ask(question, payload).map_err(|_| PageFault::Crashed)
    }
}

/// Answers requests until the other process has closed the socket.
pub(super) fn serve(channel: &mut Channel, detector: &mut dyn Detector) -> io::Result<()> {
    while let Some(Frame { header, payload, .. }) = channel.receive()? {
        let (reply, boxes) = match header {
            Question::Canvas { aspect } => {
                let (width, height) = detector.canvas(aspect);
                (Reply::Canvas { width, height }, Vec::new())
            }
            Question::Find { width, height } => found(detector, width, height, payload),
        };
        channel.send(&reply, &boxes)?;
    }
    Ok(())
}

fn found(detector: &mut dyn Detector, width: usize, height: usize, rgb: Vec<u8>) -> (Reply, Vec<u8>) {
    let sides = 1..=SIDE_MAX_PX.unsigned_abs() as usize;
    // The detector relies on the number of bytes.
    if !sides.contains(&width) || !sides.contains(&height) || rgb.len() != 3 * width * height {
        return (Reply::Failed, Vec::new());
    }
    match detector.detect(&Pixels { width, height, rgb }) {
        Ok(Layout { figures, has_others, has_tables }) => (Reply::Found { has_others, has_tables }, bytes(&figures)),
        Err(_) => (Reply::Failed, Vec::new()),
    }
}

fn bytes(figures: &[Candidate]) -> Vec<u8> {
    let numbers =
        |Candidate { bounds, score }: &Candidate| [*score, bounds.left, bounds.top, bounds.right, bounds.bottom];
    figures.iter().flat_map(numbers).flat_map(f32::to_le_bytes).collect()
}

fn boxes(payload: &[u8]) -> Vec<Candidate> {
    let number = |bytes: &[u8]| bytes.try_into().map_or(0.0, f32::from_le_bytes);
    let candidate = |row: &[u8]| {
        let mut numbers = row.chunks_exact(size_of::<f32>()).map(number);
        let mut next = || numbers.next().unwrap_or_default();
        let score = next();
        Candidate { score, bounds: Bounds::new(next(), next(), next(), next()) }
    };
    payload.chunks_exact(BOX_BYTES).take(BOXES_MAX).map(candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_come_back_as_they_were_sent_and_within_the_page() {
        let sent = [
            Candidate { bounds: Bounds::new(0.1, 0.2, 0.3, 0.4), score: 0.7 },
            Candidate { bounds: Bounds::new(0.5, 0.5, 1.0, 1.0), score: 0.3 },
        ];
        assert_eq!(boxes(&bytes(&sent)), sent);
        let odd = Bounds { left: f32::NAN, top: -3.0, right: f32::INFINITY, bottom: 0.5 };
        let Bounds { left, top, right, bottom } = boxes(&bytes(&[Candidate { bounds: odd, score: 0.5 }]))[0].bounds;
        assert!([left, top, right, bottom].iter().all(|side| (0.0..=1.0).contains(side)));
        assert_eq!(boxes(&vec![0; BOX_BYTES * (BOXES_MAX + 5)]).len(), BOXES_MAX);
        assert_eq!(boxes(&[0; BOX_BYTES - 1]), []);
    }
}
