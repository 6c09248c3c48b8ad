//! Reads the lists of nodes in the domain name system, again and again.

use core::time::Duration;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::warn;

use super::config::NodeConfig;
use super::driver::Report;
use crate::discovery::{SystemResolver, TreeLink, TxtResolver, resolve_tree};

/// How often a list is read that was read.
const EVERY: Duration = Duration::from_secs(30 * 60);
/// How soon a list is tried again that was not read.
const AGAIN: Duration = Duration::from_secs(60);

/// Starts a task for each list of the configuration.
pub(super) fn start(config: &NodeConfig, reports: &mpsc::Sender<Report>, tasks: &mut JoinSet<()>) {
    if config.trees.is_empty() {
        return;
    }
    let resolver = config.resolver.clone().or_else(|| {
        let system = SystemResolver::new().map(|system| Arc::new(system) as Arc<dyn TxtResolver>);
        system.inspect_err(|error| warn!(%error, "lists of nodes are not read")).ok()
    });
    let Some(resolver) = resolver else { return };
    for link in &config.trees {
        tasks.spawn(read(Arc::clone(&resolver), link.clone(), reports.clone()));
    }
}

async fn read(resolver: Arc<dyn TxtResolver>, link: TreeLink, reports: mpsc::Sender<Report>) {
    let mut seen = 0;
    loop {
        let (records, seq) = resolve_tree(&resolver, link.clone(), seen).await;
        seen = seq.unwrap_or(seen);
        let pause = if records.is_empty() { AGAIN } else { EVERY };
        if reports.send(Report::Listed(records)).await.is_err() {
            return;
        }
        sleep(pause).await;
    }
}
