//! Which network a node is on, as arguments.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use logos_node::delivery::{Mode, Multiaddr, NodeConfig, Preset};

/// What `logos node` and `logos chat` have in common.
#[derive(Debug, Args)]
pub(super) struct NetworkArguments {
    /// The network
    #[arg(long, value_enum, conflicts_with = "config")]
    preset: Option<PresetName>,
    /// How much of the network's work to do
    #[arg(long, value_enum, conflicts_with = "config")]
    mode: Option<ModeName>,
    /// A configuration file, in TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen, instead of where the network's nodes usually do; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<Multiaddr>,
    /// A peer to begin with; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    bootstrap: Vec<Multiaddr>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PresetName {
    Local,
    Testnet,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ModeName {
    Core,
    Edge,
}

impl NetworkArguments {
    /// What they say together.
    pub(super) fn node_config(&self) -> Result<NodeConfig> {
        let mut config = match &self.config {
            Some(path) => {
                let text = fs::read_to_string(path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                NodeConfig::from_toml(&text).with_context(|| path.display().to_string())?
            }
            None => NodeConfig::new(self.preset(), self.mode()),
        };
        if !self.listen.is_empty() {
            config.listen.clone_from(&self.listen);
        }
        config.bootstrap.extend(self.bootstrap.iter().cloned());
        Ok(config)
    }

    const fn preset(&self) -> Preset {
        match self.preset {
            Some(PresetName::Testnet) => Preset::Testnet,
            Some(PresetName::Local) | None => Preset::Local,
        }
    }

    const fn mode(&self) -> Mode {
        match self.mode {
            Some(ModeName::Edge) => Mode::Edge,
            Some(ModeName::Core) | None => Mode::Core,
        }
    }
}
