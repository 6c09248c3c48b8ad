//! Where the texts of trees come from: the domain name system, or something like it.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use std::sync::Arc;

use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::RData;
use thiserror::Error;
use tokio::task::JoinSet;
use tracing::debug;

use super::{Enr, TreeLink, TreeQuestion, TreeWalk};

/// Knows the texts that stand at a name.
pub trait TxtResolver: fmt::Debug + Send + Sync + 'static {
    /// The texts at `name`, each whole.
    fn texts(&self, name: &str) -> TxtAnswer;
}

/// What a resolver will have found.
pub type TxtAnswer = Pin<Box<dyn Future<Output = Result<Vec<String>, TxtError>> + Send>>;

/// Why there are no texts.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TxtError {
    /// This machine has no settings for a resolver, or none that can be read.
    #[error("this machine has no settings for names")]
    Settings,
    /// The name has no texts, or nobody answered.
    #[error("the name was not resolved")]
    Unresolved,
}

/// The resolver of the operating system's settings. Asks servers itself, and remembers answers for
/// as long as they say.
#[derive(Clone)]
pub struct SystemResolver(TokioResolver);

impl SystemResolver {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// [`TxtError::Settings`]
    pub fn new() -> Result<Self, TxtError> {
        let built = TokioResolver::builder_tokio().and_then(|builder| builder.build());
        built.map(Self).map_err(|_| TxtError::Settings)
    }
}

impl fmt::Debug for SystemResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemResolver").finish_non_exhaustive()
    }
}

impl TxtResolver for SystemResolver {
    fn texts(&self, name: &str) -> TxtAnswer {
        let (resolver, mut name) = (self.0.clone(), name.to_owned());
        // A name of its own, to which nothing is added that the settings say.
        name.push('.');
        Box::pin(async move {
            let found = resolver.txt_lookup(name).await.map_err(|_| TxtError::Unresolved)?;
            let texts = found.answers().iter().filter_map(|record| match &record.data {
                RData::TXT(text) => String::from_utf8(text.txt_data.concat()).ok(),
                _ => None,
            });
            Ok(texts.collect())
        })
    }
}

/// Texts that are asked for at once.
const MAX_ASKING: usize = 8;

/// Walks a tree to its end. Gives the records and the number of the root, if it was read; what could
/// not be read is left out.
pub async fn resolve_tree(
    resolver: &Arc<dyn TxtResolver>,
    link: TreeLink,
    seen: u64,
) -> (Vec<Enr>, Option<u64>) {
    let mut walk = TreeWalk::new(link, seen);
    let mut asking = JoinSet::new();
    loop {
        while asking.len() < MAX_ASKING
            && let Some(question) = walk.poll_output()
        {
            asking.spawn(ask(Arc::clone(resolver), question));
        }
        match asking.join_next().await {
            None => break,
            // Only a resolver that panics has no answer.
            Some(Err(_)) => {}
            Some(Ok((question, texts))) => {
                let name = question.name().to_owned();
                if let Err(error) = walk.handle_answer(question, &texts) {
                    debug!(name, %error, "part of a tree of nodes not read");
                }
            }
        }
    }
    let seq = walk.seq();
    (walk.into_records(), seq)
}

async fn ask(
    resolver: Arc<dyn TxtResolver>,
    question: TreeQuestion,
) -> (TreeQuestion, Vec<String>) {
    let texts = resolver.texts(question.name()).await;
    (question, texts.unwrap_or_default())
}
