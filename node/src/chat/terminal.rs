//! A chat on lines of text: typed in a terminal, or piped.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use logos_crypto::tick::Tick;
use thiserror::Error;

use super::content::Content;
use super::history::{Line, LineState};
use super::machine::{Chat, ChatError, ChatEvent, ChatOutput, Receipt};
use super::topic::ConversationId;
use crate::channel::{Arrival, Carrier, CarrierError};

const HELP: &str = "\
/introduce                 print an introduction: one person can start one conversation with it
/start INTRODUCTION TEXT   start a conversation with whoever made the introduction
/list                      the conversations; the one you write to has a star
/to N                      write to conversation N
/history [LINES]           what was said
/quit                      leave; what was said and is not delivered is sent when you come back
TEXT                       say it";

/// How long the program waits for the network at a time.
const WAIT: Duration = Duration::from_millis(50);
/// How long it goes on when the input has ended and not everything is delivered.
const LINGER: Duration = Duration::from_secs(10);
/// Lines of history shown unless told.
const SHOWN: usize = 20;

/// Why the terminal ended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TerminalError {
    /// The chat's database failed.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The output cannot be written.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

/// Runs a chat on `lines` until `/quit`, or until the input has ended and what was said is
/// delivered or ten seconds are over. What happens is written to `out`, a line each.
///
/// # Errors
///
/// See [`TerminalError`].
pub fn run_terminal(
    chat: &mut Chat,
    carrier: &mut impl Carrier,
    lines: &Receiver<String>,
    out: &mut impl Write,
    clock: impl Fn() -> Tick,
) -> Result<(), TerminalError> {
    let mut terminal = Terminal::new(chat, carrier, out);
    loop {
        let now = clock();
        terminal.settle(now)?;
        if terminal.read(lines, now)? || terminal.is_over(now) {
            return terminal.settle(now);
        }
        if terminal.chat.next_deadline().is_some_and(|deadline| deadline <= now) {
            terminal.chat.handle_timeout(now)?;
        }
        terminal.settle(now)?;
        if let Some(arrival) = terminal.carrier.next_arrival(WAIT) {
            terminal.arrive(clock(), arrival)?;
        }
    }
}

struct Terminal<'a, C, W> {
    chat: &'a mut Chat,
    carrier: &'a mut C,
    out: &'a mut W,
    current: Option<ConversationId>,
    /// Lines said here that are not delivered.
    open: usize,
    /// Since when there is no more input.
    ended: Option<Tick>,
    /// What is on its way into the network.
    leaving: BTreeMap<u64, Receipt>,
    next_receipt: u64,
}

impl<'a, C: Carrier, W: Write> Terminal<'a, C, W> {
    fn new(chat: &'a mut Chat, carrier: &'a mut C, out: &'a mut W) -> Self {
        let current = chat.conversations().next().copied();
        let (leaving, next_receipt) = (BTreeMap::new(), 0);
        Self { chat, carrier, out, current, open: 0, ended: None, leaving, next_receipt }
    }

    /// Takes one line of input; true if it is the last.
    fn read(&mut self, lines: &Receiver<String>, now: Tick) -> Result<bool, TerminalError> {
        match lines.try_recv() {
            Ok(line) => self.obey(now, line.trim_end()),
            Err(TryRecvError::Empty) => Ok(false),
            Err(TryRecvError::Disconnected) => {
                self.ended.get_or_insert(now);
                Ok(false)
            }
        }
    }

    fn is_over(&self, now: Tick) -> bool {
        self.ended.is_some_and(|ended| self.open == 0 || now - ended >= LINGER)
    }

    fn obey(&mut self, now: Tick, line: &str) -> Result<bool, TerminalError> {
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        match command {
            "" => {}
            "/quit" => return Ok(true),
            "/help" => self.print(HELP)?,
            "/introduce" => {
                let introduction = self.chat.introduce(now)?;
                self.print(introduction)?;
            }
            "/start" => self.start(now, rest)?,
            "/list" => self.list()?,
            "/to" => self.switch(rest)?,
            "/history" => self.history(rest)?,
            _ if command.starts_with('/') => self.print("no such command; /help has them")?,
            _ => self.say(now, line)?,
        }
        Ok(false)
    }

    fn start(&mut self, now: Tick, rest: &str) -> Result<(), TerminalError> {
        let (introduction, text) = rest.split_once(' ').unwrap_or((rest, ""));
        match self.chat.start(now, introduction, &Content::Text(text.to_owned())) {
            Ok(id) => {
                self.current = Some(id);
                self.open += 1;
                let number = self.number(&id);
                self.print(format_args!("[{number}] started"))
            }
            Err(error) => self.complain(error),
        }
    }

    fn say(&mut self, now: Tick, text: &str) -> Result<(), TerminalError> {
        let Some(id) = self.current else {
            return self.print("there is no conversation; /help says how to start one");
        };
        match self.chat.say(now, &id, &Content::Text(text.to_owned())) {
            Ok(line) => {
                self.open += 1;
                self.show(&id, &line)
            }
            Err(error) => self.complain(error),
        }
    }

    fn list(&mut self) -> Result<(), TerminalError> {
        let conversations: Vec<_> = self.chat.conversations().copied().collect();
        for (number, id) in (1..).zip(conversations) {
            let star = if self.current == Some(id) { " *" } else { "" };
            self.print(format_args!("[{number}] {id}{star}"))?;
        }
        Ok(())
    }

    fn switch(&mut self, rest: &str) -> Result<(), TerminalError> {
        let number = rest.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        match number.and_then(|number| self.chat.conversations().nth(number).copied()) {
            Some(id) => {
                self.current = Some(id);
                Ok(())
            }
            None => self.print("no such conversation; /list has them"),
        }
    }

    fn history(&mut self, rest: &str) -> Result<(), TerminalError> {
        let Some(id) = self.current else { return Ok(()) };
        let count = rest.trim().parse().unwrap_or(SHOWN);
        for line in self.chat.history(&id, count)? {
            self.show(&id, &line)?;
        }
        Ok(())
    }

    /// Carries out what the chat wants.
    fn settle(&mut self, now: Tick) -> Result<(), TerminalError> {
        while let Some(output) = self.chat.poll_output() {
            if let Err(error) = self.carry(now, output)? {
                self.print(format_args!("network: {error}"))?;
            }
        }
        Ok(self.out.flush()?)
    }

    fn carry(
        &mut self,
        now: Tick,
        output: ChatOutput,
    ) -> Result<Result<(), CarrierError>, TerminalError> {
        Ok(match output {
            ChatOutput::Subscribe { topic } => self.carrier.subscribe(&topic),
            ChatOutput::Publish { topic, payload, receipt } => {
                let number = self.next_receipt;
                self.next_receipt = number.wrapping_add(1);
                let published = self.carrier.publish(&topic, &payload, number);
                if let (Ok(()), Some(receipt)) = (&published, receipt) {
                    self.leaving.insert(number, receipt);
                }
                published
            }
            ChatOutput::Fetch { topic, hash } => self.carrier.fetch(&topic, &hash),
            ChatOutput::Query { topic, query } => {
                let asked = self.carrier.query(&topic, &query);
                if asked.is_err() {
                    self.chat.handle_page(now, &topic, None)?;
                }
                // A store that is not there is not worth a line each time it is asked.
                Ok(())
            }
            ChatOutput::Event(event) => {
                self.tell(event)?;
                Ok(())
            }
        })
    }

    fn tell(&mut self, event: ChatEvent) -> Result<(), TerminalError> {
        match event {
            ChatEvent::Started { conversation } => {
                self.current.get_or_insert(conversation);
                let number = self.number(&conversation);
                self.print(format_args!("[{number}] started by them"))
            }
            ChatEvent::Said { conversation, line } => self.show(&conversation, &line),
            ChatEvent::Settled { conversation, line } => {
                self.open = self.open.saturating_sub(1);
                self.show(&conversation, &line)
            }
            ChatEvent::Lost { conversation } => {
                let number = self.number(&conversation);
                self.print(format_args!("[{number}] something they said is lost"))
            }
        }
    }

    fn arrive(&mut self, now: Tick, arrival: Arrival) -> Result<(), TerminalError> {
        match arrival {
            Arrival::Message { topic, payload, hash } => {
                // What nobody here can read is no news.
                self.chat.handle_message(now, &topic, &payload, &hash)?.ok();
            }
            Arrival::Published { receipt, hash } => {
                if let Some((receipt, hash)) = self.leaving.remove(&receipt).zip(hash) {
                    self.chat.handle_published(now, &receipt, &hash)?;
                }
            }
            Arrival::Page { topic, page } => self.chat.handle_page(now, &topic, page.as_ref())?,
            Arrival::Connected => self.chat.handle_connected(now)?,
        }
        Ok(())
    }

    fn show(&mut self, id: &ConversationId, line: &Line) -> Result<(), TerminalError> {
        let number = self.number(id);
        let who = if line.state == LineState::Arrived { "them" } else { "you" };
        let mark = match line.state {
            LineState::Delivered => " (delivered)",
            LineState::Failed => " (not delivered)",
            LineState::Sent | LineState::Arrived => "",
        };
        let text = match &line.content {
            Content::Text(text) => printable(text),
            Content::Other(frame) => format!("<{} bytes of another kind>", frame.bytes.len()),
        };
        self.print(format_args!("[{number}] {who}: {text}{mark}"))
    }

    fn number(&self, id: &ConversationId) -> usize {
        self.chat.conversations().position(|known| known == id).map_or(0, |place| place + 1)
    }

    /// A mistake of the person is told; a database that fails is the end.
    fn complain(&mut self, error: ChatError) -> Result<(), TerminalError> {
        match error {
            ChatError::Records(_) | ChatError::Damaged(_) => Err(error.into()),
            error => self.print(error),
        }
    }

    fn print(&mut self, text: impl fmt::Display) -> Result<(), TerminalError> {
        Ok(writeln!(self.out, "{text}")?)
    }
}

/// The text without what would move the cursor or fake another line.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
