//! A node with its guard.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::group::{Group, Guarded};
use super::{NetworkDemoError, PATIENCE};
use crate::delivery::cluster::Cluster;
use crate::delivery::config::NodeConfig;
use crate::delivery::node::{Node, Stopped};
use crate::delivery::status::NodeStatus;
use crate::rate_limit::{Guard, GuardEvent, Patrol};
use crate::wire::ContentTopic;

/// A node, the guard that judges and proves for it, and the two kept together.
pub(super) struct Post {
    pub(super) node: Node,
    pub(super) guard: Arc<Guard>,
    pub(super) events: mpsc::Receiver<GuardEvent>,
    _patrol: Patrol,
}

impl Post {
    /// Starts a member's node.
    pub(super) async fn start(
        group: &Group,
        member: usize,
        config: NodeConfig,
    ) -> Result<Self, NetworkDemoError> {
        let (guard, events) = group.guard(member).await?;
        let admission = Arc::clone(&guard);
        let node = Node::start(config, admission).await?;
        Self::of(node, (guard, events)).await
    }

    /// The node that was started with this guard.
    pub(super) async fn of(node: Node, (guard, found): Guarded) -> Result<Self, NetworkDemoError> {
        let started = Patrol::start(&node, Arc::clone(&guard), found, group_topic()?);
        let (patrol, events) = started.await?;
        Ok(Self { node, guard, events, _patrol: patrol })
    }

    /// Starts a member's node that knows nodes of `cluster`.
    pub(super) async fn join(
        group: &Group,
        member: usize,
        config: NodeConfig,
        cluster: &Cluster,
    ) -> Result<Self, NetworkDemoError> {
        let post = Self::start(group, member, config).await?;
        cluster.introduce(&post.node).await;
        Ok(post)
    }

    /// Waits until the node's status is as wanted.
    pub(super) async fn wait(&self, wanted: impl Fn(&NodeStatus) -> bool) -> bool {
        let looking = async {
            while self.node.status().await.is_ok_and(|status| !wanted(&status)) {
                sleep(LOOK).await;
            }
        };
        timeout(PATIENCE, looking).await.is_ok()
    }
}

/// How often something is looked at that is waited for.
pub(super) const LOOK: Duration = Duration::from_millis(10);

/// Where the group's nodes tell each other.
fn group_topic() -> Result<ContentTopic, Stopped> {
    Patrol::TOPIC.parse().map_err(|_| Stopped)
}
