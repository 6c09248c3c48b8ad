//! Proofs from here for JavaScript to check, and JavaScript's proofs checked here and by zerokit.
//!
//! `make FOLDER` writes `native` and `zerokit`, each a proof with what it is about; `check FOLDER`
//! checks all that stands in `FOLDER/made`. What a proof is about are four files beside each other:
//! `NAME.proof`, `NAME.root`, `NAME.epoch` (the external nullifier) and `NAME.message`.
#![allow(clippy::unwrap_used, reason = "the program is a test: it stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use logos_crypto::Fr;
use logos_rln::wire::{ByteOrder, write_witness};
use logos_rln::{
    ExternalNullifier, Identity, Membership, MerklePath, Message, MessageLimit, Prover, RlnProof,
    Signal, Verifier,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use rln::prelude::{
    ArkGroth16Backend, CanonicalDeserialize, CanonicalSerialize, PoseidonHash, RLN, RLNBuilder,
    RLNProof, RLNWitnessInput, Stateless,
};

type Zerokit = RLN<Stateless, ArkGroth16Backend<PoseidonHash>>;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["make", folder] => make(Path::new(folder)),
        ["check", folder] => check(&Path::new(folder).join("made")),
        _ => Err(io::Error::other("usage: javascript make|check FOLDER")),
    }
}

fn zerokit() -> Zerokit {
    RLNBuilder::stateless().build()
}

fn make(folder: &Path) -> io::Result<()> {
    let made = folder.join("made");
    if made.is_dir() {
        fs::remove_dir_all(&made)?;
    }
    fs::create_dir_all(&made)?;
    let mut rng = ChaCha20Rng::from_seed([8; 32]);
    let limit = MessageLimit::new(100).unwrap();
    let path = MerklePath::new((0..20).map(|_| Fr::random(&mut rng)).collect(), 77).unwrap();
    let member = Membership::new(Identity::random(&mut rng).secret().duplicate(), limit, path);
    let epoch = ExternalNullifier::new(b"1763701200", b"chat");
    let text = b"hello from elsewhere";
    let message = Message::new(epoch, Signal::from_message(text), limit.id(3).unwrap());

    let prover = Prover::new(logos_rln_keys::single());
    let native = prover.prove(&member, &message, &mut rng).unwrap().to_bytes();
    let witness = write_witness(&member, &message, ByteOrder::Little);
    let witness = RLNWitnessInput::deserialize_compressed(witness.expose()).unwrap();
    let (proof, values) = zerokit().generate_proof(&witness).unwrap();
    let mut theirs = Vec::new();
    RLNProof::new(proof, values).serialize_compressed(&mut theirs).unwrap();

    for (name, proof) in [("native", native), ("zerokit", theirs)] {
        fs::write(folder.join(format!("{name}.proof")), proof)?;
        fs::write(folder.join(format!("{name}.root")), member.root().to_bytes())?;
        fs::write(folder.join(format!("{name}.epoch")), epoch.to_field().to_bytes())?;
        fs::write(folder.join(format!("{name}.message")), text)?;
    }
    Ok(())
}

/// Checks every proof of a folder, and that there is one.
fn check(folder: &Path) -> io::Result<()> {
    let verifier = Verifier::new(logos_rln_keys::single_verifying_key());
    let zerokit = zerokit();
    let mut checked = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "proof") {
            check_one(&path, &verifier, &zerokit)?;
            checked += 1;
        }
    }
    if checked == 0 {
        return Err(io::Error::other("no proof from JavaScript"));
    }
    print(&format!("{checked} proofs from JavaScript verify here and under zerokit"));
    Ok(())
}

fn check_one(path: &Path, verifier: &Verifier, zerokit: &Zerokit) -> io::Result<()> {
    let part = |extension: &str| fs::read(PathBuf::from(path).with_extension(extension));
    let field = |bytes: Vec<u8>| Fr::from_bytes(&bytes.try_into().unwrap()).unwrap();
    let (bytes, root, epoch) = (part("proof")?, field(part("root")?), field(part("epoch")?));
    let signal = Signal::from_message(&part("message")?);
    let proof = RlnProof::from_bytes(&bytes).unwrap();
    let epoch = ExternalNullifier::from_field(epoch);
    let ours = verifier.verify_in_epoch(&proof, signal, &[root], epoch);

    let theirs = RLNProof::deserialize_compressed(&bytes[..]).unwrap();
    let [x, root] = [signal.to_field(), root]
        .map(|element| rln::prelude::Fr::deserialize_compressed(&element.to_bytes()[..]).unwrap());
    let accepted = zerokit.verify_with_roots(&theirs.proof, &theirs.values, &x, &[root]);
    match (ours, accepted) {
        (Ok(()), Ok(true)) => Ok(()),
        verdicts => Err(io::Error::other(format!("{}: {verdicts:?}", path.display()))),
    }
}

fn print(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(io::stdout(), "{line}");
}
