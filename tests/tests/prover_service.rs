//! Proofs of the service, made through its port, under zerokit 3.0.0.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use logos_crypto::merkle::Depth;
use logos_crypto::secret::Secret;
use logos_node::prover::wire::v1;
use logos_node::prover::{
    Access, Circuits, Custody, EmbeddedStore, EpochSchedule, Group, InService, Instance, Metrics,
    Millis, Parts, Rules, Running, Service, SteppedClock, Store, bind, client,
};
use logos_rln::{RlnProof, Signal};
use rln::prelude::{
    CanonicalDeserialize, Fr, RLNBuilder, RLNProof, default_graph_multi, default_zkey_multi,
};

async fn start() -> Instance {
    let schedule = EpochSchedule::new(Millis(0), NonZeroU64::new(10_000).unwrap(), "test");
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::in_memory(&schedule, 0).unwrap());
    let parts = Parts {
        source: Arc::new(InService(Arc::clone(&store))),
        store,
        clock: Arc::new(SteppedClock::at(Millis(1_000_000))),
        schedule,
        group: Arc::new(Group::new(Depth::RLN, 1).unwrap()),
        custody: Some(Arc::new(Custody::new(&Secret::new([7; 32]), "test"))),
        circuits: Arc::new(Circuits::deployed()),
        access: Access::new(Vec::new(), None),
        rules: Rules::default(),
        metrics: Arc::new(Metrics::default()),
    };
    let (listener, _) = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let running = Running { workers: 1, ..Running::default() };
    Instance::start(Service::new(parts).await.unwrap(), Some(listener), &running).unwrap()
}

/// Is the proof theirs to accept, for this message and one of the service's roots?
fn verifies_there(bytes: &[u8], message: &[u8], roots: &[logos_crypto::Fr]) -> bool {
    let single = RLNBuilder::stateless().build();
    let proof = RLNProof::deserialize_compressed(bytes).unwrap();
    let field =
        |field: &logos_crypto::Fr| Fr::deserialize_compressed(field.to_bytes().as_slice()).unwrap();
    let roots: Vec<Fr> = roots.iter().map(field).collect();
    let x = field(&Signal::from_message(message).to_field());
    if RlnProof::from_bytes(bytes).unwrap().values.signals().count() == 1 {
        return single
            .verify_with_roots(&proof.proof, &proof.values, &x, &roots)
            .unwrap_or_default();
    }
    let (graph, zkey) = (default_graph_multi().clone(), default_zkey_multi().clone());
    let multi = RLNBuilder::stateless().graph(graph).zkey(zkey).build();
    multi.verify_with_roots(&proof.proof, &proof.values, &x, &roots).unwrap_or_default()
}

#[tokio::test]
async fn proofs_of_the_service_verify_under_zerokit() {
    let instance = start().await;
    let address = instance.address().unwrap();
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap();
    let mut client = client(&endpoint, None);
    let request = v1::RegisterRequest { member: b"m".to_vec(), limit: 50, ..Default::default() };
    client.register(request).await.unwrap();
    // Cold, from a partial proof, from slots, and several ids in one proof.
    for (number, message_ids) in [(0u8, 1), (1, 1), (2, 1), (3, 1), (4, 3)] {
        if number == 3 {
            while instance.service().parts().metrics.slots.get() == 0 {
                tokio::task::yield_now().await;
            }
        }
        let message = vec![number; 20];
        let request = v1::SubmitRequest {
            member: b"m".to_vec(),
            message: message.clone(),
            message_ids,
            ..Default::default()
        };
        let job = client.submit(request).await.unwrap().into_inner();
        let wait = v1::WaitJobRequest { id: job.id, timeout_ms: 60_000 };
        let proof = client.wait_job(wait).await.unwrap().into_inner().proof.unwrap().proof;
        let roots = instance.service().parts().group.roots();
        assert!(verifies_there(&proof, &message, &roots), "proof {number}");
        assert!(!verifies_there(&proof, b"another message", &roots));
    }
    assert!(instance.service().parts().metrics.from_slots.get() > 0);
    instance.drain_and_stop(Duration::from_secs(60)).await;
}
