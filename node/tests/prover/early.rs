//! Answers before proofs are recorded, on a disk that takes its time.

use super::disk::Disk;
use super::*;

/// A service on such a disk with slots for Alice, who has used three ids.
async fn hot() -> (Disk, Bench) {
    let disk = Disk::default();
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::on(disk.clone(), &schedule(), 0).unwrap());
    let bench = Bench::with(|setup| setup.store = Some(store)).await;
    warm_up(&bench).await;
    (disk, bench)
}

pub(crate) async fn warm_up(bench: &Bench) {
    bench.register(b"alice").await;
    let metrics = &bench.service().parts().metrics;
    for number in 0u8..3 {
        bench.prove(b"alice", &[number]).await;
    }
    while metrics.slots.get() < 3 {
        tokio::task::yield_now().await;
    }
}

fn order(message: &[u8], early: bool) -> v1::SubmitRequest {
    let (member, message) = (b"alice".to_vec(), message.to_vec());
    v1::SubmitRequest { member, message, early, ..Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_answer_does_not_wait_for_the_disk_and_is_recorded_as_it_was() {
    let (disk, bench) = hot().await;
    let mut client = bench.client();
    disk.hold(true);
    let job = client.submit(order(b"now", true)).await.unwrap().into_inner();
    let proof = job.proof.clone().unwrap();
    assert_eq!((job.state(), proof.seq), (v1::JobState::Proved, 0));
    assert!(bench.service().verify(b"now", 0, &proof.proof).is_ok());
    assert_eq!(bench.service().parts().store.proofs(4, 1).await.unwrap(), []);
    disk.hold(false);
    let wait = v1::WaitJobRequest { id: job.id.clone(), timeout_ms: 60_000 };
    let recorded = client.wait_job(wait).await.unwrap().into_inner();
    let kept = recorded.proof.clone().unwrap();
    assert_eq!((recorded.state(), kept.seq, &kept.proof), (v1::JobState::Done, 4, &proof.proof));
    assert_eq!(recorded.reservation, job.reservation);
    let again = client.submit(order(b"now", true)).await.unwrap().into_inner();
    assert_eq!(again, recorded, "one key, one job");
    assert_eq!(bench.used(b"alice").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_being_recorded_gets_no_second_proof() {
    let (disk, bench) = hot().await;
    disk.hold(true);
    let submit = |early| {
        let mut client = bench.client();
        async move { client.submit(order(b"once", early)).await.unwrap().into_inner() }
    };
    let first = submit(true).await;
    let others = [tokio::spawn(submit(true)), tokio::spawn(submit(false))];
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(others.iter().all(|other| !other.is_finished()), "they wait for the disk");
    disk.hold(false);
    for other in others {
        let other = other.await.unwrap();
        assert_eq!(other.reservation, first.reservation);
        assert_eq!(other.proof.unwrap().proof, first.proof.clone().unwrap().proof);
    }
    assert_eq!(bench.used(b"alice").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_was_answered_early_is_not_given_again_after_the_power_failed() {
    let (disk, bench) = hot().await;
    disk.hold(true);
    let job = bench.client().submit(order(b"now", true)).await.unwrap().into_inner();
    let answered = job.reservation.unwrap().first_id;
    let store = EmbeddedStore::on(disk.after_power_failure(), &schedule(), 0).unwrap();
    disk.hold(false);
    let store: Arc<dyn Store> = Arc::new(store);
    assert!(store.job(JobId(job.id.try_into().unwrap())).await.unwrap().is_none());
    let bench = Bench::with(|setup| setup.store = Some(store)).await;
    let mut given = 0;
    // With the key that the crash forgot, and with others, until nothing is left.
    for number in 0..=LIMIT {
        let message = if number == 0 { b"now".to_vec() } else { number.to_be_bytes().to_vec() };
        let Ok(job) = bench.client().submit(order(&message, false)).await else { break };
        assert_ne!(job.into_inner().reservation.unwrap().first_id, answered);
        given += 1;
    }
    assert!((1..LIMIT).contains(&given), "{given}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_slot_an_early_answer_is_an_ordinary_one() {
    let bench = Bench::start().await;
    bench.register(b"alice").await;
    let job = bench.submit_and_wait(order(b"cold", true)).await;
    assert_eq!(job.proof.unwrap().seq, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_drains_records_what_it_answered() {
    let folder = bench::Folder::new();
    let file = folder.0.join("prover.redb");
    let bench = Bench::with(|setup| setup.file = Some(file.clone())).await;
    warm_up(&bench).await;
    let mut client = bench.client();
    let mut answered = Vec::new();
    for number in 10u8..16 {
        let job = client.submit(order(&[number], true)).await.unwrap().into_inner();
        answered.push(job.id);
    }
    bench.stop().await;
    let bench = Bench::with(|setup| setup.file = Some(file)).await;
    for id in answered {
        let job = bench.client().get_job(v1::JobRequest { id }).await.unwrap().into_inner();
        assert_eq!(job.state(), v1::JobState::Done);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_id_goes_to_one_key_however_many_ask_with_it() {
    let bench = Bench::start().await;
    warm_up(&bench).await;
    for number in 3..LIMIT - 1 {
        bench.prove(b"alice", &number.to_le_bytes()).await;
    }
    let ask = || {
        let mut client = bench.client();
        tokio::spawn(async move { client.submit(order(b"last", false)).await })
    };
    let asked: Vec<_> = (0..8).map(|_| ask()).collect();
    for answer in asked {
        let job = answer.await.unwrap().unwrap().into_inner();
        assert!(job.reservation.unwrap().first_id < LIMIT);
    }
    assert_eq!(bench.used(b"alice").await, LIMIT);
}
