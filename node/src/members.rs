//! The members file: line `k`, counted from 0, is leaf `k` of the membership tree.
//!
//! A line is 64 hexadecimal digits, a rate commitment with its least significant byte first. A
//! line of zeros is an empty leaf: a member who was removed.

use std::collections::HashMap;
use std::path::Path;
use std::{fs, io};

use logos_crypto::Fr;
use logos_crypto::merkle::{DenseTree, Depth, DepthError, LeafIndex, MerkleTree, PoseidonHasher};
use logos_rln::{MerklePath, RateCommitment};
use thiserror::Error;

use crate::backend::backend_or_portable;
use crate::durable::{Access, FileAction, FileError, Lock, read_bounded, replace};
use crate::hex::{self, HexError};

/// Why text is not a members file. Lines are counted from 1, as editors do.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MembersError {
    /// A line is empty. An empty leaf is written as 64 zeros, so that leaves keep their places.
    #[error("line {line} is empty")]
    Empty {
        /// The line.
        line: usize,
    },
    /// A line is not 64 hexadecimal digits.
    #[error("line {line}: {reason}")]
    Digits {
        /// The line.
        line: usize,
        /// What it is instead.
        reason: HexError,
    },
    /// A line is a number that is not below the field's order.
    #[error("line {line} is not a canonical field element")]
    NotCanonical {
        /// The line.
        line: usize,
    },
    /// A member stands there twice.
    #[error("line {line} repeats line {first}")]
    Repeated {
        /// The second line.
        line: usize,
        /// The first line.
        first: usize,
    },
    /// There are more lines than the tree has leaves.
    #[error("more than {capacity} lines, which is all that a tree of depth {depth} has leaves for")]
    TooMany {
        /// Leaves of the tree.
        capacity: u64,
        /// Its depth.
        depth: u8,
    },
    /// No tree of that depth is kept in memory.
    #[error(transparent)]
    Depth(#[from] DepthError),
}

/// Why a member was not registered. The file is as it was.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisterError {
    /// The file could not be read, locked or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file holds something else than members.
    #[error(transparent)]
    Members(#[from] MembersError),
    /// The member stands in the file already.
    #[error("the member is registered already, as leaf {index}")]
    Duplicate {
        /// Its leaf.
        index: u64,
    },
    /// All leaves are taken.
    #[error("all {capacity} leaves are taken")]
    Full {
        /// Leaves of the tree.
        capacity: u64,
    },
}

/// Bytes of a line with the longest line end.
const LINE_BYTES: u64 = 66;

/// The members and their tree.
///
/// # Examples
///
/// ```
/// use logos_crypto::merkle::Depth;
/// use logos_node::Members;
///
/// let text = format!("{}\n{}\n", "01".repeat(32), "02".repeat(32));
/// let members = Members::parse(text.as_bytes(), Depth::RLN)?;
/// assert_eq!(members.len(), 2);
/// assert_eq!(members.path(1).map(|path| path.index()), Some(1));
/// assert_eq!(members.path(2), None);
/// # Ok::<(), logos_node::MembersError>(())
/// ```
#[derive(Debug)]
pub struct Members {
    tree: DenseTree<PoseidonHasher>,
    places: HashMap<[u8; 32], u64>,
}

impl Members {
    /// The most bytes a members file for a tree of `depth` has.
    #[must_use]
    pub const fn max_bytes(depth: Depth) -> u64 {
        depth.capacity() * LINE_BYTES
    }

    /// Reads the file's content and builds the tree: two hashes a member.
    ///
    /// # Errors
    ///
    /// One [`MembersError`] a defect, with its line.
    pub fn parse(text: &[u8], depth: Depth) -> Result<Self, MembersError> {
        let leaves = parse_lines(text, depth)?;
        let places = places(&leaves)?;
        let mut tree = DenseTree::new(PoseidonHasher::new(backend_or_portable()), depth)?;
        let too_many = MembersError::TooMany { capacity: depth.capacity(), depth: depth.get() };
        tree.append(&leaves).map_err(|_| too_many)?;
        Ok(Self { tree, places })
    }

    /// Root of the membership tree.
    #[must_use]
    pub fn root(&self) -> Fr {
        self.tree.root()
    }

    /// Lines, empty leaves included.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.tree.used()
    }

    /// Is there no line?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lines that are no empty leaves.
    #[must_use]
    pub fn registered(&self) -> usize {
        self.places.len()
    }

    /// Every line, empty leaves included.
    pub fn leaves(&self) -> impl Iterator<Item = RateCommitment> + '_ {
        // A line below the number of lines is always there.
        let leaf = |index| self.tree.leaf(LeafIndex::new(index)).unwrap_or(Fr::ZERO);
        (0..self.len()).map(move |index| RateCommitment::from_field(leaf(index)))
    }

    /// The leaf of a member, if it is registered.
    #[must_use]
    pub fn position(&self, member: RateCommitment) -> Option<u64> {
        self.places.get(&member.to_field().to_bytes()).copied()
    }

    /// The way from a leaf to the root, or `None` if the file has no such line.
    #[must_use]
    pub fn path(&self, index: u64) -> Option<MerklePath> {
        let used = (index < self.len()).then(|| LeafIndex::new(index))?;
        let siblings = self.tree.proof(used).ok()?.siblings().to_vec();
        MerklePath::new(siblings, index).ok()
    }
}

/// The leaf of every member.
fn places(leaves: &[Fr]) -> Result<HashMap<[u8; 32], u64>, MembersError> {
    let mut places = HashMap::with_capacity(leaves.len());
    for (index, leaf) in (0..).zip(leaves).filter(|(_, leaf)| !leaf.is_zero()) {
        if let Some(first) = places.insert(leaf.to_bytes(), index) {
            return Err(MembersError::Repeated { line: line_of(index), first: line_of(first) });
        }
    }
    Ok(places)
}

/// Lines are counted from 1, leaves from 0.
fn line_of(index: u64) -> usize {
    usize::try_from(index).map_or(usize::MAX, |index| index.saturating_add(1))
}

fn parse_lines(text: &[u8], depth: Depth) -> Result<Vec<Fr>, MembersError> {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let capacity = depth.capacity();
    let mut leaves = Vec::with_capacity(text.len() / 64);
    for (line, content) in (1..).zip(body.split(|byte| *byte == b'\n')) {
        if line as u64 > capacity {
            return Err(MembersError::TooMany { capacity, depth: depth.get() });
        }
        leaves.push(parse_line(line, content.strip_suffix(b"\r").unwrap_or(content))?);
    }
    Ok(leaves)
}

fn parse_line(line: usize, content: &[u8]) -> Result<Fr, MembersError> {
    if content.is_empty() {
        return Err(MembersError::Empty { line });
    }
    let digits = String::from_utf8_lossy(content);
    let bytes = hex::decode_32(&digits).map_err(|reason| MembersError::Digits { line, reason })?;
    Fr::from_bytes(&bytes).map_err(|_| MembersError::NotCanonical { line })
}

/// Appends a member to the members file, which is made if it is not there, and says which leaf it
/// is.
///
/// What is in the file stays byte for byte. The file is replaced whole, so a crash leaves the old
/// one or the new one; several processes may register at once, each waits for the others at
/// `<name>.lock`.
///
/// # Errors
///
/// [`RegisterError`]; the file is as it was.
pub fn register(path: &Path, member: RateCommitment, depth: Depth) -> Result<u64, RegisterError> {
    let _lock = Lock::acquire(path)?;
    let mut text = read_members(path, depth)?;
    let leaf = member.to_field();
    let leaves = parse_lines(&text, depth)?;
    if let Some(index) = places(&leaves)?.get(&leaf.to_bytes()) {
        return Err(RegisterError::Duplicate { index: *index });
    }
    let index = leaves.len() as u64;
    if index >= depth.capacity() {
        return Err(RegisterError::Full { capacity: depth.capacity() });
    }
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text.extend_from_slice(hex::encode(&leaf.to_bytes()).as_bytes());
    text.push(b'\n');
    replace(path, &text, Access::Shared)?;
    Ok(index)
}

fn read_members(path: &Path, depth: Depth) -> Result<Vec<u8>, FileError> {
    let failed = |error: io::Error| FileError::new(path, FileAction::Read, &error);
    match fs::File::open(path) {
        Ok(file) => read_bounded(file, Members::max_bytes(depth)).map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::tests::Folder;

    fn line(value: u64) -> String {
        hex::encode(&Fr::from(value).to_bytes())
    }

    fn member(value: u64) -> RateCommitment {
        RateCommitment::from_field(Fr::from(value))
    }

    fn parse(text: &str) -> Result<Members, MembersError> {
        Members::parse(text.as_bytes(), Depth::RLN)
    }

    #[test]
    fn an_empty_file_has_the_empty_root() {
        assert_eq!(
            parse("").unwrap().root().to_string(),
            "15019797232609675441998260052101280400536945603062888308240081994073687793470"
        );
    }

    #[test]
    fn every_defect_is_named_with_its_line() {
        let (one, two) = (line(1), line(2));
        let over = "ff".repeat(32);
        let short =
            MembersError::Digits { line: 2, reason: HexError::Length { found: 3, wanted: 64 } };
        let cases = [
            (format!("{one}\nabc\n"), short),
            (format!("{one}\n\n{two}\n"), MembersError::Empty { line: 2 }),
            (format!("{one}\n{two}\n{over}"), MembersError::NotCanonical { line: 3 }),
            (format!("{one}\n{two}\n{one}"), MembersError::Repeated { line: 3, first: 1 }),
            (
                format!("{}x{}", &one[..2], &one[3..]),
                MembersError::Digits { line: 1, reason: HexError::Digit { position: 3 } },
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(&text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn removed_members_are_lines_of_zeros_and_may_be_many() {
        let zeros = "0".repeat(64);
        let members = parse(&format!("{}\r\n{zeros}\n{zeros}\n{}", line(7), line(8))).unwrap();
        assert_eq!(members.len(), 4);
        assert_eq!(members.leaves().nth(2), Some(member(0)));
        assert_eq!(members.leaves().nth(3), Some(member(8)));
        assert_eq!(members.position(member(8)), Some(3));
        assert_eq!(members.position(RateCommitment::from_field(Fr::ZERO)), None);
        let path = members.path(3).unwrap();
        assert_eq!(path.root(Fr::from(8u64)), members.root());
    }

    #[test]
    fn a_file_longer_than_the_tree_is_refused() {
        let depth = Depth::new(1).unwrap();
        let text = format!("{}\n{}\n{}\n", line(1), line(2), line(3));
        let too_many = MembersError::TooMany { capacity: 2, depth: 1 };
        assert_eq!(Members::parse(text.as_bytes(), depth).unwrap_err(), too_many);
    }

    #[test]
    fn registering_keeps_what_is_there_byte_for_byte() {
        let folder = Folder::new("register");
        let path = folder.join("members.txt");
        let before = format!("{}\r\n{}", line(1).to_uppercase(), line(2));
        fs::write(&path, &before).unwrap();
        assert_eq!(register(&path, member(3), Depth::RLN), Ok(2));
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{before}\n{}\n", line(3)));
        let duplicate = Err(RegisterError::Duplicate { index: 0 });
        assert_eq!(register(&path, member(1), Depth::RLN), duplicate);
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{before}\n{}\n", line(3)));
    }

    #[test]
    fn a_full_tree_takes_nobody() {
        let folder = Folder::new("full");
        let path = folder.join("members.txt");
        let depth = Depth::new(1).unwrap();
        assert_eq!(register(&path, member(1), depth), Ok(0));
        assert_eq!(register(&path, member(2), depth), Ok(1));
        assert_eq!(register(&path, member(3), depth), Err(RegisterError::Full { capacity: 2 }));
    }

    #[test]
    fn members_who_register_at_once_all_get_a_leaf() {
        let folder = Folder::new("at-once");
        let path = folder.join("members.txt");
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    for number in 0..8 {
                        register(path, member(100 * thread + number + 1), Depth::RLN).unwrap();
                    }
                });
            }
        });
        let members = parse(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(members.len(), 32);
    }

    proptest! {
        #[test]
        fn any_bytes_are_members_or_an_error(text: Vec<u8>) {
            let _ = Members::parse(&text, Depth::RLN);
        }
    }
}
