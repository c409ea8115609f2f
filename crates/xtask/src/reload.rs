//! Has open pages load again after a build: the other end of Leptos' `AutoReload`, a WebSocket at its reload port.

use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{sleep, spawn};
use std::time::Duration;

use tungstenite::{Message, WebSocket, accept};

use crate::error::Error;
use crate::layout::OUTPUT_NAME;

/// Equals `reload-port` in `Cargo.toml`'s `[package.metadata.leptos]`, Leptos' default.
const PORT: u16 = 3001;
/// Where the server listens, unless this variable says otherwise.
const SITE_ADDR: (&str, &str) = ("LEPTOS_SITE_ADDR", "127.0.0.1:3000");
/// A page that connects says so at once.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(1);
const START_TIMEOUT: Duration = Duration::from_secs(20);
const START_POLL: Duration = Duration::from_millis(100);

/// The pages that are open.
pub struct Pages(Arc<Mutex<Vec<WebSocket<TcpStream>>>>);

impl Pages {
    /// Accepts pages until the program ends.
    pub fn listen() -> Result<Self, Error> {
        let listener = TcpListener::bind(("127.0.0.1", PORT)).map_err(Error::at(OUTPUT_NAME.as_ref()))?;
        let pages = Arc::new(Mutex::new(Vec::new()));
        let open = pages.clone();
        spawn(move || {
            for connection in listener.incoming().flatten() {
                if connection.set_read_timeout(Some(HANDSHAKE_TIMEOUT)).is_ok()
                    && let Ok(page) = accept(connection)
                {
                    open.lock().unwrap_or_else(PoisonError::into_inner).push(page);
                }
            }
        });
        Ok(Self(pages))
    }

    /// Has every open page load again once the server answers. Each connects anew by that.
    pub fn reload(&self) {
        let addr = std::env::var(SITE_ADDR.0).unwrap_or_else(|_| SITE_ADDR.1.to_owned());
        let mut waited = Duration::ZERO;
        while TcpStream::connect(&addr).is_err() && waited < START_TIMEOUT {
            sleep(START_POLL);
            waited += START_POLL;
        }
        for mut page in self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // One that was closed meanwhile needs no message.
            let _ = page.send(Message::text(r#"{"all":true}"#));
        }
    }
}
