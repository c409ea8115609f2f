//! Reloads open pages after a build: the server side of Leptos' `AutoReload`, a WebSocket at the reload port.

use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{sleep, spawn};
use std::time::Duration;

use tungstenite::{Message, WebSocket, accept};

use crate::error::Error;

/// Equals `reload-port` in `Cargo.toml`'s `[package.metadata.leptos]`, Leptos' default.
const PORT: u16 = 3001;
/// The variable with the server's address, and its default.
const SITE_ADDR: (&str, &str) = ("LEPTOS_SITE_ADDR", "127.0.0.1:3000");
/// A page sends its handshake as soon as it connects.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(1);
const START_TIMEOUT: Duration = Duration::from_secs(20);
const START_POLL: Duration = Duration::from_millis(100);

/// The connections of open pages.
pub struct Pages(Arc<Mutex<Vec<WebSocket<TcpStream>>>>);

impl Pages {
    /// Accepts connections until the program ends.
    ///
    /// # Errors
    /// If the port is in use.
    pub fn listen() -> Result<Self, Error> {
        TcpListener::bind(("127.0.0.1", PORT)).map(Self::of).map_err(|source| Error::NoReload { port: PORT, source })
    }

    fn of(listener: TcpListener) -> Self {
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
        Self(pages)
    }

    /// Reloads every open page. Each then connects again.
    pub fn reload(&self) {
        for mut page in self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // Sending to a closed page fails, which is harmless.
            let _ = page.send(Message::text(r#"{"all":true}"#));
        }
    }
}

/// Waits until the server accepts connections, at most [`START_TIMEOUT`].
pub fn await_server() {
    let addr = std::env::var(SITE_ADDR.0).unwrap_or_else(|_| SITE_ADDR.1.to_owned());
    let mut waited = Duration::ZERO;
    while TcpStream::connect(&addr).is_err() && waited < START_TIMEOUT {
        sleep(START_POLL);
        waited += START_POLL;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn open_page_is_reloaded_after_a_build() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let pages = Pages::of(listener);
        let url = format!("ws://{address}/live_reload");
        let (mut page, _) = tungstenite::client(url, TcpStream::connect(address).unwrap()).unwrap();
        // The page completes its handshake before the server side has stored the connection.
        while pages.0.lock().unwrap().is_empty() {
            sleep(Duration::from_millis(5));
        }
        pages.reload();
        assert_eq!(page.read().unwrap().to_text().unwrap(), r#"{"all":true}"#);
    }
}
