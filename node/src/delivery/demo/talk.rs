//! A person at a terminal, by script.

use std::io::{self, Write};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use logos_crypto::tick::Tick;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::post::LOOK;
use super::{NetworkDemoError, PATIENCE};
use crate::channel::NodeCarrier;
use crate::chat::{Chat, TerminalError, run_terminal};
use crate::delivery::node::Node;
use crate::delivery::shared::lock;
use crate::wire::UnixNanos;

/// A chat that runs as it does in a terminal: what is typed goes in, what is shown comes out.
pub(super) struct Person {
    keyboard: Sender<String>,
    screen: Arc<Mutex<Vec<u8>>>,
    thread: JoinHandle<Result<Chat, TerminalError>>,
}

/// What was written, for whoever looks.
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Person {
    /// Sits down.
    pub(super) fn sit(mut chat: Chat, node: Node) -> io::Result<Self> {
        let (keyboard, lines) = channel();
        let screen = Arc::new(Mutex::new(Vec::new()));
        let mut out = Screen(Arc::clone(&screen));
        let handle = Handle::current();
        let thread = thread::Builder::new().name("person".to_owned()).spawn(
            move || -> Result<Chat, TerminalError> {
                let mut carrier = NodeCarrier::new(node, handle);
                run_terminal(&mut chat, &mut carrier, &lines, &mut out, now)?;
                Ok(chat)
            },
        )?;
        Ok(Self { keyboard, screen, thread })
    }

    pub(super) fn types(&self, line: impl Into<String>) {
        // A terminal that has ended shows nothing any more, which is noticed.
        self.keyboard.send(line.into()).ok();
    }

    /// Waits until a line with this in it is shown; the line.
    pub(super) async fn sees(&self, text: &str) -> Option<String> {
        let looking = async {
            loop {
                if let Some(line) = self.line_with(text) {
                    return line;
                }
                sleep(LOOK).await;
            }
        };
        timeout(PATIENCE, looking).await.ok()
    }

    /// Is a line with this in it shown?
    pub(super) fn line_with(&self, text: &str) -> Option<String> {
        let shown = String::from_utf8_lossy(&lock(&self.screen)).into_owned();
        shown.lines().find(|line| line.contains(text)).map(str::to_owned)
    }

    /// Leaves; the chat, for whoever wants to look at it.
    pub(super) async fn leaves(self) -> Result<Chat, NetworkDemoError> {
        self.types("/quit");
        let thread = self.thread;
        let ended = spawn_blocking(move || thread.join()).await.map_err(io::Error::other)?;
        match ended {
            Ok(Ok(chat)) => Ok(chat),
            Ok(Err(TerminalError::Chat(error))) => Err(error.into()),
            Ok(Err(TerminalError::Output(error))) => Err(error.into()),
            Err(_) => Err(io::Error::other("a terminal broke down").into()),
        }
    }
}

/// The time, as a chat counts it.
pub(super) fn now() -> Tick {
    let nanos = u64::try_from(UnixNanos::now().get()).unwrap_or_default();
    Tick::new(core::time::Duration::from_nanos(nanos))
}
