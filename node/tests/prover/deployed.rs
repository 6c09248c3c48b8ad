//! The interface of the deployed prover.

use super::*;

#[tokio::test]
async fn a_client_of_the_deployed_prover_works_unchanged() {
    let bench = Bench::start().await;
    let sender = vec![0xaa; 20];
    bench.register(&sender).await;
    let mut client = RlnProverClient::new(bench.channel());
    let address = || Some(status::Address { value: vec![0xaa; 20] });
    let filter = status::RlnProofFilter { address: Some(format!("0x{}", "aa".repeat(20))) };
    let mut proofs = client.get_proofs(filter).await.unwrap().into_inner();
    let send = |hash: Vec<u8>| status::SendTransactionRequest {
        gas_price: Some(status::Wei { value: vec![0] }),
        sender: address(),
        chain_id: Some(status::U256 { value: vec![1] }),
        transaction_hash: hash,
        estimated_gas_used: 21_000,
    };
    let reply = client.send_transaction(send(vec![7; 32])).await.unwrap();
    assert!(reply.into_inner().result);
    let reply = proofs.message().await.unwrap().unwrap();
    let Some(status::rln_proof_reply::Resp::Proof(proof)) = reply.resp else { panic!("a proof") };
    assert_eq!((proof.sender, proof.tx_hash), (sender, vec![7; 32]));
    assert_eq!(proof.proof.len(), 288);
    let decoded = RlnProof::from_bytes(&proof.proof).unwrap();
    assert!(bench.service().verify(&[7; 32], 0, &decoded.to_bytes()).is_ok());
    let wrong = client.send_transaction(send(vec![7; 31])).await.unwrap_err();
    assert_eq!(wrong.code(), Code::InvalidArgument);
    let request = status::GetUserTierInfoRequest { user: address() };
    let info = client.get_user_tier_info(request).await.unwrap().into_inner();
    let Some(status::get_user_tier_info_reply::Resp::Res(info)) = info.resp else {
        panic!("a result")
    };
    assert_eq!((info.tx_count, info.tier.unwrap().quota), (1, LIMIT));
}

#[tokio::test]
async fn deny_list_and_nullifiers_of_the_deployed_prover_work_unchanged() {
    use status::get_deny_list_entry_reply::Resp;
    let bench = Bench::start().await;
    let mut client = RlnProverClient::new(bench.channel());
    let address = || Some(status::Address { value: vec![0xbb; 20] });
    let deny = |ttl_seconds, denied_epoch| status::AddToDenyListRequest {
        address: address(),
        reason: Some("spam".to_owned()),
        ttl_seconds,
        denied_epoch,
    };
    let epoch = i64::try_from(bench::schedule().at(NOW).0).unwrap();
    for (ttl_seconds, denied_epoch, until) in [
        (None, epoch, Some(bench::schedule().ends(bench::schedule().at(NOW)))),
        (Some(5), 0, Some(NOW.plus(5_000))),
        (None, 0, None),
    ] {
        let request = deny(ttl_seconds, denied_epoch);
        assert!(client.add_to_deny_list(request).await.unwrap().into_inner().success);
        let request = status::GetDenyListEntryRequest { address: address() };
        let reply = client.get_deny_list_entry(request).await.unwrap().into_inner();
        let Some(Resp::Entry(entry)) = reply.resp else { panic!("an entry") };
        let seconds = until.map(|until| i64::try_from(until.0 / 1000).unwrap());
        assert_eq!((entry.expires_at, entry.epoch), (seconds, epoch));
        assert_eq!(entry.address, format!("0x{}", "bb".repeat(20)));
    }
    let request = status::RemoveFromDenyListRequest { address: address(), ..Default::default() };
    assert!(client.remove_from_deny_list(request).await.unwrap().into_inner().was_present);
    let request = status::IsDeniedRequest { address: address() };
    assert!(!client.is_denied(request).await.unwrap().into_inner().is_denied);

    let nullifier = vec![9; 32];
    let check = status::CheckNullifierRequest { nullifier: nullifier.clone(), epoch };
    assert!(!client.check_nullifier(check.clone()).await.unwrap().into_inner().exists);
    let record = status::CheckAndRecordNullifierRequest { nullifier: nullifier.clone(), epoch };
    let mut valid = Vec::new();
    for _ in 0..2 {
        let reply = client.check_and_record_nullifier(record.clone()).await.unwrap();
        valid.push(reply.into_inner().is_valid);
    }
    assert_eq!(valid, [true, false]);
    assert!(client.check_nullifier(check).await.unwrap().into_inner().exists);
    let far = status::RecordNullifierRequest { nullifier, epoch: epoch + 9 };
    let status = client.record_nullifier(far).await.unwrap_err();
    assert_eq!(status_of(&status), (Code::FailedPrecondition, "STALE_EPOCH".to_owned()));
}

/// The bytes that a client made with the published definition sends, field by field.
#[test]
fn frames_are_those_of_the_published_definition() {
    use prost::Message;
    let request = status::SendTransactionRequest {
        gas_price: Some(status::Wei { value: vec![1] }),
        sender: Some(status::Address { value: vec![2; 20] }),
        chain_id: Some(status::U256 { value: vec![3] }),
        transaction_hash: vec![4; 32],
        estimated_gas_used: 300,
    };
    let mut frame = vec![0x0a, 3, 0x0a, 1, 1, 0x12, 22, 0x0a, 20];
    frame.extend([2; 20]);
    frame.extend([0x1a, 3, 0x0a, 1, 3, 0x22, 32]);
    frame.extend([4; 32]);
    frame.extend([0x28, 0xac, 0x02]);
    assert_eq!(request.encode_to_vec(), frame);
    let proof = status::RlnProof { sender: vec![1], tx_hash: vec![2], proof: vec![3], epoch: 4 };
    let resp = Some(status::rln_proof_reply::Resp::Proof(proof));
    let reply = status::RlnProofReply { resp }.encode_to_vec();
    assert_eq!(reply, [0x0a, 11, 0x0a, 1, 1, 0x12, 1, 2, 0x1a, 1, 3, 0x20, 4]);
}
