//! A walk through a tree, question by question.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::entry::{Entry, Hash, Root, TreeError, TreeLink};
use crate::discovery::Enr;

/// Reads a tree of the domain name system and those it links to: a machine without a resolver.
///
/// Ask for the names that [`poll_output`](Self::poll_output) gives, pass on what came, and take the
/// records when there is no more to ask.
///
/// # Examples
///
/// ```
/// use logos_node::discovery::{TreeLink, TreeWalk};
///
/// let text = "enrtree://AM5FCQLWIZX2QFPNJAP7VUERCCRNGRHWZG3YYHIUV7BVDQ5FDPRT2@nodes.example.org";
/// let mut walk = TreeWalk::new(text.parse()?, 0);
/// let question = walk.poll_output().unwrap();
/// assert_eq!(question.name(), "nodes.example.org");
/// // The name system has nothing.
/// assert!(walk.handle_answer(question, &[]).is_err());
/// assert!(walk.poll_output().is_none() && walk.into_records().is_empty());
/// # Ok::<(), logos_node::discovery::TreeError>(())
/// ```
#[derive(Debug)]
pub struct TreeWalk {
    trees: Vec<Tree>,
    waiting: VecDeque<TreeQuestion>,
    /// Names that were asked for, so that none is twice.
    asked: HashSet<(usize, Part)>,
    seen: u64,
    records: BTreeMap<Vec<u8>, Enr>,
}

#[derive(Debug)]
struct Tree {
    link: TreeLink,
    seq: Option<u64>,
}

/// Which text of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    Root,
    Records(Hash),
    Links(Hash),
}

/// A name whose text is wanted.
#[derive(Debug)]
pub struct TreeQuestion {
    tree: usize,
    part: Part,
    name: String,
}

impl TreeQuestion {
    /// The name to ask for.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl TreeWalk {
    /// Texts that one walk asks for. A list of a thousand nodes has some 1100.
    pub const MAX_QUESTIONS: usize = 2048;
    /// Trees that one walk reads: the first and those it finds links to.
    pub const MAX_TREES: usize = 8;
    /// The longest text that is read, in bytes. What does not fit a datagram of 512 bytes should not
    /// be in a tree.
    pub const MAX_TEXT_BYTES: usize = 1024;

    /// A walk from a tree's root. `seen` is the number its root had the last time, 0 at first.
    #[must_use]
    pub fn new(link: TreeLink, seen: u64) -> Self {
        let (waiting, asked) = (VecDeque::new(), HashSet::new());
        let mut walk = Self { trees: Vec::new(), waiting, asked, seen, records: BTreeMap::new() };
        walk.follow(link);
        walk
    }

    /// The next name to ask for, until `None`. Questions may be under way together.
    pub fn poll_output(&mut self) -> Option<TreeQuestion> {
        self.waiting.pop_front()
    }

    /// Takes the texts found at a name; one that does not belong to a tree is passed over.
    ///
    /// # Errors
    ///
    /// [`TreeError`] says what is wrong with what was found. The rest of the tree is walked all the
    /// same.
    ///
    /// # Security
    ///
    /// The name system may say anything. A text counts only if it hashes to the name that a text
    /// before it said, and the first only if the tree's key signed it.
    pub fn handle_answer(
        &mut self,
        question: TreeQuestion,
        texts: &[String],
    ) -> Result<(), TreeError> {
        let TreeQuestion { tree, part, .. } = question;
        let texts = texts.iter().filter(|text| text.len() <= Self::MAX_TEXT_BYTES);
        match part {
            Part::Root => {
                let mut texts = texts.filter(|text| text.starts_with(Root::PREFIX));
                self.handle_root(tree, texts.next().ok_or(TreeError::Missing)?)
            }
            Part::Records(hash) => {
                match Entry::parse(named(texts, &hash)?)? {
                    Entry::Branch(hashes) => self.ask_all(tree, hashes, Part::Records),
                    Entry::Record(record) => {
                        // A node has one record in a tree; of several, the newest counts.
                        let key = record.peer_id().to_bytes();
                        let newer = self.records.get(&key);
                        if newer.is_none_or(|other| other.content().seq < record.content().seq) {
                            self.records.insert(key, *record);
                        }
                    }
                    Entry::Link(_) => return Err(TreeError::Misplaced),
                }
                Ok(())
            }
            Part::Links(hash) => {
                match Entry::parse(named(texts, &hash)?)? {
                    Entry::Branch(hashes) => self.ask_all(tree, hashes, Part::Links),
                    Entry::Link(link) => self.follow(link),
                    Entry::Record(_) => return Err(TreeError::Misplaced),
                }
                Ok(())
            }
        }
    }

    fn handle_root(&mut self, index: usize, text: &str) -> Result<(), TreeError> {
        let tree = self.trees.get_mut(index).ok_or(TreeError::Unasked)?;
        let root = Root::parse(text, &tree.link)?;
        if index == 0 && root.seq < self.seen {
            return Err(TreeError::Old { seq: root.seq, seen: self.seen });
        }
        tree.seq = Some(root.seq);
        self.ask_all(index, vec![root.records], Part::Records);
        self.ask_all(index, vec![root.links], Part::Links);
        Ok(())
    }

    /// The number of the first tree's root, for the next walk; `None` until it was read.
    #[must_use]
    pub fn seq(&self) -> Option<u64> {
        self.trees.first()?.seq
    }

    /// The records that were found, one a node.
    #[must_use]
    pub fn into_records(self) -> Vec<Enr> {
        self.records.into_values().collect()
    }

    fn follow(&mut self, link: TreeLink) {
        let is_new = self.trees.iter().all(|tree| tree.link != link);
        if is_new && self.trees.len() < Self::MAX_TREES {
            self.trees.push(Tree { link, seq: None });
            self.ask(self.trees.len() - 1, Part::Root);
        }
    }

    fn ask_all(&mut self, tree: usize, hashes: Vec<Hash>, part: fn(Hash) -> Part) {
        hashes.into_iter().for_each(|hash| self.ask(tree, part(hash)));
    }

    fn ask(&mut self, index: usize, part: Part) {
        let Some(tree) = self.trees.get(index) else { return };
        let domain = tree.link.domain();
        let name = match &part {
            Part::Root => domain.to_owned(),
            Part::Records(hash) | Part::Links(hash) => format!("{hash}.{domain}"),
        };
        let has_room = self.asked.len() < Self::MAX_QUESTIONS;
        if has_room && self.asked.insert((index, part.clone())) {
            self.waiting.push_back(TreeQuestion { tree: index, part, name });
        }
    }
}

/// The text that a name stands for.
fn named<'a>(texts: impl Iterator<Item = &'a String>, hash: &Hash) -> Result<&'a str, TreeError> {
    let mut failure = TreeError::Missing;
    for text in texts {
        match hash.check(text) {
            Ok(()) => return Ok(text),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
