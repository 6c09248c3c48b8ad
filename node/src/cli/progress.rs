//! How far things are, for whoever waits.

use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;

use logos_node::demo::Step;

/// One line on standard error that is written over; where that is no terminal, a line a stage.
#[derive(Debug)]
pub(super) struct Bar {
    terminal: bool,
    shown: Option<(&'static str, usize)>,
}

/// Characters of the bar.
const WIDTH: usize = 30;

impl Bar {
    pub(super) fn new() -> Self {
        Self { terminal: io::stderr().is_terminal(), shown: None }
    }

    /// Shows a part from 0 to 1.
    pub(super) fn part(&mut self, stage: &'static str, part: f32) {
        // A count of a hundred is enough for a bar, and the cast saturates.
        #[expect(clippy::cast_possible_truncation, reason = "between 0 and 100")]
        #[expect(clippy::cast_sign_loss, reason = "between 0 and 100")]
        let percent = (part.clamp(0.0, 1.0) * 100.0) as usize;
        self.step(Step { stage, done: percent, of: 100 });
    }

    /// Shows a step, if it changes what is seen.
    pub(super) fn step(&mut self, step: Step) {
        let percent = (step.done * 100).checked_div(step.of).unwrap_or(100).min(100);
        let before = self.shown.replace((step.stage, percent));
        let new_stage = before.is_none_or(|(stage, _)| stage != step.stage);
        let mut err = io::stderr().lock();
        // Nobody is left to tell if this cannot be written.
        if !self.terminal && new_stage {
            writeln!(err, "{} ...", step.stage).ok();
        }
        if self.terminal && before != self.shown {
            let full = percent * WIDTH / 100;
            let (full, empty) = ("#".repeat(full), "-".repeat(WIDTH - full));
            write!(err, "\r\x1b[K[{full}{empty}] {percent:3}%  {}", step.stage).ok();
            err.flush().ok();
        }
    }

    /// Wipes the line.
    pub(super) fn clear(&mut self) {
        if self.shown.take().is_some() && self.terminal {
            write!(io::stderr().lock(), "\r\x1b[K").ok();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A bar that several threads move.
#[derive(Debug)]
pub(super) struct SharedBar(Mutex<Bar>);

impl SharedBar {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Bar::new()))
    }

    pub(super) fn step(&self, step: Step) {
        if let Ok(mut bar) = self.0.lock() {
            bar.step(step);
        }
    }
}
