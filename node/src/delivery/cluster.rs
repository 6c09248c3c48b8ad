//! Many nodes in one process, for demonstrations and tests.

use std::sync::Arc;

use tokio::time::{Duration, timeout};

use super::admission::Admission;
use super::config::{Mode, NodeConfig, Transport};
use super::node::{ConnectError, Node, Stopped};
use super::shared::Health;

/// Nodes that know each other: each dials some that were started before it.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use logos_node::delivery::{Cluster, Mode, NodeConfig, OpenAdmission, Preset};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let config = Cluster::in_memory(NodeConfig::new(Preset::Local, Mode::Core));
/// let cluster = Cluster::start(3, &config, |_| Arc::new(OpenAdmission)).await?;
/// cluster.connected().await?;
/// assert_eq!(cluster.nodes().len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Node>,
}

impl Cluster {
    /// Nodes that one dials at most.
    pub const DIALS: usize = 6;

    /// How long [`connected`](Self::connected) waits.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// The same configuration without sockets: nodes of this process reach each other through
    /// memory.
    #[must_use]
    pub fn in_memory(config: NodeConfig) -> NodeConfig {
        let listen = match config.mode {
            Mode::Core => "/memory/0".parse().into_iter().collect(),
            Mode::Edge => Vec::new(),
        };
        // They are told of each other; nothing is left to discover.
        NodeConfig { transport: Transport::Memory, listen, discovers: false, ..config }
    }

    /// Starts `size` nodes, each with the admission that `admission` gives it.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]; the nodes that were started are stopped.
    pub async fn start(
        size: usize,
        config: &NodeConfig,
        mut admission: impl FnMut(usize) -> Arc<dyn Admission>,
    ) -> Result<Self, ConnectError> {
        let mut cluster = Self { nodes: Vec::with_capacity(size) };
        for index in 0..size {
            let node = Node::start(config.clone(), admission(index)).await?;
            cluster.introduce(&node).await;
            cluster.nodes.push(node);
        }
        Ok(cluster)
    }

    /// Lets a node dial some of these.
    pub async fn introduce(&self, node: &Node) {
        for index in neighbours(self.nodes.len()) {
            if let Some(neighbour) = self.nodes.get(index)
                && let Ok(address) = neighbour.address().await
            {
                // A node that has stopped is left out.
                node.dial(address).await.ok();
            }
        }
    }

    /// Waits until every node has relay peers: four, or all there are.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if a node stopped, or found none in a minute.
    pub async fn connected(&self) -> Result<(), Stopped> {
        let wanted =
            if self.nodes.len() > 4 { Health::Connected } else { Health::PartiallyConnected };
        let alone = self.nodes.len() < 2;
        for node in self.nodes.iter().filter(|_| !alone) {
            let mut health = node.health();
            let is_well =
                health.wait_for(|health| *health == Health::Connected || *health == wanted);
            timeout(Self::PATIENCE, is_well).await.map_err(|_| Stopped)?.map_err(|_| Stopped)?;
        }
        Ok(())
    }

    /// The nodes, in the order they were started.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Takes a node out; whoever gets it may stop it.
    pub fn remove(&mut self, index: usize) -> Option<Node> {
        (index < self.nodes.len()).then(|| self.nodes.remove(index))
    }

    /// Stops all nodes.
    pub async fn stop(self) {
        for node in self.nodes {
            node.stop().await;
        }
    }
}

/// Which of `count` nodes a further one dials: spread out, so that the whole stays connected when
/// some stop and every message has a short way.
fn neighbours(count: usize) -> impl Iterator<Item = usize> {
    let mut chosen = Vec::new();
    for k in 0..count.min(Cluster::DIALS) {
        // Steps of the golden ratio land far from each other.
        let mut index = (count * 7 + k * 40_503) % count;
        while chosen.contains(&index) {
            index = (index + 1) % count;
        }
        chosen.push(index);
    }
    chosen.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_there_and_different() {
        for count in 0..50 {
            let chosen: Vec<_> = neighbours(count).collect();
            let distinct: std::collections::HashSet<_> = chosen.iter().collect();
            assert_eq!(chosen.len(), count.min(Cluster::DIALS));
            assert_eq!(distinct.len(), chosen.len());
            assert!(chosen.iter().all(|index| *index < count));
        }
    }
}
