use std::collections::HashMap;

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use k256::ecdsa::signature::hazmat::PrehashSigner;
use k256::ecdsa::{Signature, SigningKey};
use libp2p::identity::Keypair;
use proptest::prelude::*;
use sha3::{Digest, Keccak256};

use super::entry::Entry;
use super::*;
use crate::discovery::{Enr, EnrContent};

/// EIP-1459's example zone, and the key that signed it.
const KEY: &str = "AKPYQIUQIL7PSIACI32J7FGZW56E5FKHEFCCOFHILBIMW3M6LWXS2";
const DOMAIN: &str = "nodes.example.org";
const ROOT: &str = "enrtree-root:v1 e=JWXYDBPXYWG6FX3GMDIBFA6CJ4 l=C7HRFPF3BLGF3YR4DY5KX3SMBE seq=1 sig=o908WmNp7LibOfPsr4btQwatZJ5URBr2ZAuxvK4UWHlsB9sUOTJQaGAlLPVAhM__XJesCHxLISo94z5Z2a463gA";
const TEXTS: [(&str, &str); 5] = [
    (
        "C7HRFPF3BLGF3YR4DY5KX3SMBE",
        "enrtree://AM5FCQLWIZX2QFPNJAP7VUERCCRNGRHWZG3YYHIUV7BVDQ5FDPRT2@morenodes.example.org",
    ),
    (
        "JWXYDBPXYWG6FX3GMDIBFA6CJ4",
        "enrtree-branch:2XS2367YHAXJFGLZHVAWLQD4ZY,H4FHT4B454P6UXFD7JCYQ5PWDY,MHTDO6TMUBRIA2XWG5LUDACK24",
    ),
    (
        "2XS2367YHAXJFGLZHVAWLQD4ZY",
        "enr:-HW4QOFzoVLaFJnNhbgMoDXPnOvcdVuj7pDpqRvh6BRDO68aVi5ZcjB3vzQRZH2IcLBGHzo8uUN3snqmgTiE56CH3AMBgmlkgnY0iXNlY3AyNTZrMaECC2_24YYkYHEgdzxlSNKQEnHhuNAbNlMlWJxrJxbAFvA",
    ),
    (
        "H4FHT4B454P6UXFD7JCYQ5PWDY",
        "enr:-HW4QAggRauloj2SDLtIHN1XBkvhFZ1vtf1raYQp9TBW2RD5EEawDzbtSmlXUfnaHcvwOizhVYLtr7e6vw7NAf6mTuoCgmlkgnY0iXNlY3AyNTZrMaECjrXI8TLNXU0f8cthpAMxEshUyQlK-AM0PW2wfrnacNI",
    ),
    (
        "MHTDO6TMUBRIA2XWG5LUDACK24",
        "enr:-HW4QLAYqmrwllBEnzWWs7I5Ev2IAs7x_dZlbYdRdMUx5EyKHDXp7AV5CkuPGUPdvbv1_Ms1CPfhcGCvSElSosZmyoqAgmlkgnY0iXNlY3AyNTZrMaECriawHKWdDRk2xeZkrOXBQ0dfMFLHY4eENZwdufn1S1o",
    ),
];

type Zone = HashMap<String, Vec<String>>;

/// Walks to the end; gives the names that failed.
fn walk_all(walk: &mut TreeWalk, zone: &Zone) -> Vec<(String, TreeError)> {
    let mut failures = Vec::new();
    while let Some(question) = walk.poll_output() {
        let name = question.name().to_owned();
        let found = zone.get(&name).cloned().unwrap_or_default();
        if let Err(error) = walk.handle_answer(question, &found) {
            failures.push((name, error));
        }
    }
    failures
}

fn example() -> (TreeLink, Zone) {
    let below = TEXTS.map(|(hash, text)| (format!("{hash}.{DOMAIN}"), vec![text.to_owned()]));
    let mut zone = Zone::from(below);
    zone.insert(DOMAIN.to_owned(), vec!["v=spf1 -all".to_owned(), ROOT.to_owned()]);
    (format!("enrtree://{KEY}@{DOMAIN}").parse().unwrap(), zone)
}

#[test]
fn the_example_of_the_proposal_is_walked() {
    let (link, zone) = example();
    let mut walk = TreeWalk::new(link, 1);
    let failures = walk_all(&mut walk, &zone);
    let missing = ("morenodes.example.org".to_owned(), TreeError::Missing);
    assert_eq!(failures, [missing]);
    assert_eq!(walk.seq(), Some(1));
    let mut seqs: Vec<_> = walk.into_records().iter().map(|enr| enr.content().seq).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, [0, 1, 2]);
}

#[test]
fn an_old_or_forged_root_is_not_followed() {
    let (link, mut zone) = example();
    let mut walk = TreeWalk::new(link.clone(), 2);
    let old = TreeError::Old { seq: 1, seen: 2 };
    assert_eq!(walk_all(&mut walk, &zone), [(DOMAIN.to_owned(), old)]);
    for (from, to) in [("seq=1", "seq=9"), ("e=J", "e=K"), ("sig=o908", "sig=p908")] {
        zone.insert(DOMAIN.to_owned(), vec![ROOT.replace(from, to)]);
        let mut walk = TreeWalk::new(link.clone(), 0);
        let failures = walk_all(&mut walk, &zone);
        assert_eq!(failures, [(DOMAIN.to_owned(), TreeError::Signature)], "{to}");
        assert_eq!(walk.seq(), None);
    }
    let other = format!("enrtree://AM5FCQLWIZX2QFPNJAP7VUERCCRNGRHWZG3YYHIUV7BVDQ5FDPRT2@{DOMAIN}");
    let mut walk = TreeWalk::new(other.parse().unwrap(), 0);
    let failures = walk_all(&mut walk, &example().1);
    assert_eq!(failures, [(DOMAIN.to_owned(), TreeError::Signature)]);
}

#[test]
fn a_text_under_another_name_is_refused_and_the_rest_is_read() {
    let (link, mut zone) = example();
    let [.., (one, _), (other, text)] = TEXTS;
    zone.insert(format!("{one}.{DOMAIN}"), vec![text.to_owned()]);
    let mut walk = TreeWalk::new(link, 0);
    let failures = walk_all(&mut walk, &zone);
    assert!(failures.contains(&(format!("{one}.{DOMAIN}"), TreeError::Hash)), "{failures:?}");
    assert!(failures.iter().all(|(name, _)| !name.starts_with(other)));
    assert_eq!(walk.into_records().len(), 2);
}

/// A tree of our own making.
struct Maker {
    key: SigningKey,
    domain: &'static str,
    zone: Zone,
}

impl Maker {
    fn new(seed: u8, domain: &'static str) -> Self {
        Self { key: SigningKey::from_slice(&[seed; 32]).unwrap(), domain, zone: Zone::new() }
    }

    fn link(&self) -> String {
        let key = self.key.verifying_key().to_sec1_point(true);
        format!("enrtree://{}@{}", BASE32_NOPAD.encode(key.as_bytes()), self.domain)
    }

    fn put(&mut self, text: String) -> String {
        let hash = BASE32_NOPAD.encode(&Keccak256::digest(&text)[..16]);
        self.zone.insert(format!("{hash}.{}", self.domain), vec![text]);
        hash
    }

    fn branch(&mut self, texts: Vec<String>) -> String {
        let hashes: Vec<_> = texts.into_iter().map(|text| self.put(text)).collect();
        format!("enrtree-branch:{}", hashes.join(","))
    }

    fn sign(&mut self, records: String, links: String, seq: u64) {
        let (records, links) = (self.put(records), self.put(links));
        let text = format!("enrtree-root:v1 e={records} l={links} seq={seq}");
        let hash = Keccak256::digest(&text);
        let signature: Signature = self.key.sign_prehash(&hash).unwrap();
        let bytes = [&signature.to_bytes()[..], &[0]].concat();
        let text = format!("{text} sig={}", BASE64URL_NOPAD.encode(&bytes));
        self.zone.insert(self.domain.to_owned(), vec![text]);
    }
}

fn records(count: u64) -> Vec<String> {
    let record = |seq| {
        let content = EnrContent { seq, ..EnrContent::default() };
        Enr::sign(content, &Keypair::generate_secp256k1()).unwrap().to_string()
    };
    (0..count).map(record).collect()
}

#[test]
fn trees_that_link_to_each_other_are_read_once() {
    let (mut one, mut other) = (Maker::new(1, "one.org"), Maker::new(2, "other.org"));
    let (to_one, to_other) = (one.link(), other.link());
    for (maker, link) in [(&mut one, to_other), (&mut other, to_one.clone())] {
        let branches: Vec<_> =
            records(9).chunks(3).map(|part| maker.branch(part.to_vec())).collect();
        let branch = maker.branch(branches);
        maker.sign(branch, link, 4);
    }
    one.zone.extend(other.zone);
    let mut walk = TreeWalk::new(to_one.parse().unwrap(), 4);
    assert_eq!(walk_all(&mut walk, &one.zone), []);
    assert_eq!(walk.into_records().len(), 18);
}

#[test]
fn a_tree_without_end_is_left() {
    let mut maker = Maker::new(1, "one.org");
    let link = maker.link();
    let mut level: Vec<_> = (0..4 * 900_u64)
        .map(|n| format!("enrtree-branch:{}", "A".repeat(20) + &base32(n)))
        .collect();
    while level.len() > 30 {
        level = level.chunks(30).map(|part| maker.branch(part.to_vec())).collect();
    }
    let branch = maker.branch(level);
    maker.sign(branch, "enrtree-branch:".to_owned(), 1);
    let mut walk = TreeWalk::new(link.parse().unwrap(), 0);
    let mut asked = 0;
    while let Some(question) = walk.poll_output() {
        let found = maker.zone.get(question.name()).cloned().unwrap_or_default();
        walk.handle_answer(question, &found).ok();
        asked += 1;
    }
    assert_eq!(asked, TreeWalk::MAX_QUESTIONS);
}

fn base32(number: u64) -> String {
    BASE32_NOPAD.encode(&number.to_be_bytes()[3..])
}

#[test]
fn long_texts_and_texts_of_the_other_half_are_refused() {
    let mut maker = Maker::new(1, "one.org");
    let link: TreeLink = maker.link().parse().unwrap();
    let long = format!("enrtree-branch:{}", ",".repeat(TreeWalk::MAX_TEXT_BYTES));
    maker.sign(long, records(1).remove(0), 1);
    let mut walk = TreeWalk::new(link.clone(), 0);
    let failures = walk_all(&mut walk, &maker.zone);
    let failures: Vec<_> = failures.into_iter().map(|(_, failure)| failure).collect();
    assert_eq!(failures, [TreeError::Missing, TreeError::Misplaced]);
    maker.sign(maker.link(), "enrtree-branch:short".to_owned(), 1);
    let mut walk = TreeWalk::new(link, 0);
    let failures = walk_all(&mut walk, &maker.zone);
    let failures: Vec<_> = failures.into_iter().map(|(_, failure)| failure).collect();
    assert_eq!(failures, [TreeError::Misplaced, TreeError::Malformed]);
}

#[test]
fn links_are_checked() {
    let (link, _) = example();
    assert_eq!(link.to_string(), format!("enrtree://{KEY}@{DOMAIN}"));
    let long = format!("enrtree://{KEY}@{}", "a".repeat(201));
    for text in [
        "enrtree://nodes.example.org",
        "enrtree://AKPY@nodes.example.org",
        "http://AKPYQIUQIL7PSIACI32J7FGZW56E5FKHEFCCOFHILBIMW3M6LWXS2@a.org",
        "enrtree://AKPYQIUQIL7PSIACI32J7FGZW56E5FKHEFCCOFHILBIMW3M6LWXS2@",
        "enrtree://AKPYQIUQIL7PSIACI32J7FGZW56E5FKHEFCCOFHILBIMW3M6LWXS2@a b",
        &long,
    ] {
        assert_eq!(text.parse::<TreeLink>(), Err(TreeError::Link), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_breaks_a_walk(texts in proptest::collection::vec("(enrtree-root:v1 |enrtree-branch:|enrtree://|enr:)?[A-Z2-7,@.=a-z ]{0,80}", 0..8)) {
        let (link, mut zone) = example();
        for text in &texts {
            Entry::parse(text).ok();
        }
        for answers in zone.values_mut() {
            answers.extend(texts.iter().cloned());
        }
        let mut walk = TreeWalk::new(link, 0);
        walk_all(&mut walk, &zone);
        prop_assert_eq!(walk.into_records().len(), 3);
    }
}
