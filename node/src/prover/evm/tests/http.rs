//! The reader on a real HTTP server that speaks JSON-RPC.

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use logos_crypto::merkle::Depth;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::*;
use crate::hex;
use crate::prover::epoch::{EpochSchedule, Millis};
use crate::prover::group::Group;
use crate::prover::membership::MembershipSource;
use crate::prover::outbound::Outbound;
use crate::prover::store::{EmbeddedStore, Store};

const ADDRESS: [u8; 20] = [0xb9; 20];

/// A node that answers every eleventh request with an error of HTTP, and has no logs for more than
/// twenty blocks at once.
struct Node {
    world: World,
    requests: u64,
}

type Shared = Arc<Mutex<Node>>;

async fn answer(
    State(node): State<Shared>,
    Json(request): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    let mut node = node.lock().unwrap();
    node.requests += 1;
    if node.requests % 11 == 0 {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    Ok(Json(match request {
        Value::Array(calls) => calls.iter().rev().map(|call| one(&node.world, call)).collect(),
        call => one(&node.world, &call),
    }))
}

fn one(world: &World, call: &Value) -> Value {
    let (id, params) = (&call["id"], &call["params"]);
    assert_eq!(call["jsonrpc"], "2.0");
    let number = |value: &Value| {
        u64::from_str_radix(value.as_str().unwrap().strip_prefix("0x").unwrap(), 16).unwrap()
    };
    let result = match call["method"].as_str().unwrap() {
        "eth_chainId" => json!("0xe708"),
        "eth_blockNumber" => json!(format!("{:#x}", world.head())),
        "eth_getBlockByNumber" => {
            let block = world.blocks.get(usize::try_from(number(&params[0])).unwrap());
            block.map_or(Value::Null, |block| json!({ "hash": digits(&block.hash) }))
        }
        "eth_getLogs" => {
            let filter = &params[0];
            assert_eq!(filter["address"], digits(&ADDRESS));
            let (from, to) = (number(&filter["fromBlock"]), number(&filter["toBlock"]));
            if to - from >= 20 {
                let error = json!({ "code": -32005, "message": "query returns too many results" });
                return json!({ "jsonrpc": "2.0", "id": id, "error": error });
            }
            world.logs(from, to).iter().map(log).collect()
        }
        "eth_call" => {
            let (call, block) = (params[0]["data"].as_str().unwrap(), &params[1]);
            let block = if *block == "latest" { world.head() } else { number(block) };
            let argument = u64::from_str_radix(&call[call.len() - 16..], 16).unwrap();
            let answer = match world.contract {
                Contract::WakuRlnV2 => {
                    let is_empty = !world.empty(&[argument], block).is_empty();
                    [word(32), word(1), word(u64::from(!is_empty))].concat()
                }
                Contract::Status { .. } => {
                    let mut address = [0; 32];
                    address[12..].copy_from_slice(&holder(argument));
                    [address, word(0)].concat()
                }
            };
            json!(digits(&answer))
        }
        method => panic!("{method}"),
    };
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

fn log(log: &Log) -> Value {
    let topics: Vec<String> = log.topics.iter().map(|topic| digits(topic)).collect();
    json!({
        "address": digits(&ADDRESS), "topics": topics, "data": digits(&log.data),
        "blockNumber": format!("{:#x}", log.block), "logIndex": format!("{:#x}", log.index),
        "removed": false,
    })
}

fn digits(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

struct Served {
    node: Shared,
    chain: Chain,
    store: Arc<dyn Store>,
}

async fn serve(contract: Contract) -> Served {
    let node = Arc::new(Mutex::new(Node { world: World::new(contract), requests: 0 }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/v3/key", listener.local_addr().unwrap()).parse().unwrap();
    let router = Router::new().route("/v3/key", post(answer)).with_state(Arc::clone(&node));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let schedule = EpochSchedule::new(Millis(0), NonZeroU64::new(1000).unwrap(), "test");
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::in_memory(&schedule, 0).unwrap());
    let rpc = Rpc::new(Outbound::new(uri, &[]).unwrap());
    let chain = Chain::new(Arc::clone(&store), rpc, ADDRESS, reading(contract));
    Served { node, chain, store }
}

impl Served {
    /// Reads until nothing is left to read; the pauses are not waited for.
    async fn settle(&self, reader: &mut Reader) {
        use logos_crypto::tick::Tick;
        let mut now = reader.next_deadline().unwrap_or(Tick::ORIGIN);
        loop {
            while let Some(output) = reader.poll_output(now) {
                self.chain.step(reader, now, output).await.ok();
            }
            let deadline = reader.next_deadline().unwrap();
            if deadline >= now + Duration::from_secs(12) {
                return;
            }
            now = deadline;
        }
    }

    /// The root of the copy, and that of the chain.
    async fn roots(&self) -> [logos_crypto::Fr; 2] {
        let here = Group::new(Depth::RLN, 1).unwrap();
        here.follow(&*self.store).await.unwrap();
        let leaves = {
            let node = self.node.lock().unwrap();
            node.world.leaves(node.world.head() - 2)
        };
        let schedule = EpochSchedule::new(Millis(0), NonZeroU64::new(1000).unwrap(), "test");
        let store = EmbeddedStore::in_memory(&schedule, 0).unwrap();
        let (leaves, before, after) = (leaves.into_iter().collect(), None, "all".to_owned());
        let all = crate::prover::Amendment { leaves, cursor: "test", before, after };
        assert!(store.amend(all).await.unwrap());
        let there = Group::new(Depth::RLN, 1).unwrap();
        there.follow(&store).await.unwrap();
        [here.roots()[0], there.roots()[0]]
    }
}

#[tokio::test]
async fn the_tree_is_that_of_the_contract_also_after_a_reorganisation() {
    let served = serve(Contract::WakuRlnV2).await;
    let mut reader = Reader::new(reading(Contract::WakuRlnV2));
    let mine = |acts| served.node.lock().unwrap().world.mine(acts);
    for number in 0..400 {
        mine(vec![Act::Join { leaf: number, who: number + 1, rate: 20 }]);
    }
    served.settle(&mut reader).await;
    let [here, there] = served.roots().await;
    assert_eq!(here, there);
    assert_eq!(served.store.depths().await.unwrap().members, 398);

    mine(vec![Act::Erase { leaf: 7, is_cleared: true }, Act::Erase { leaf: 8, is_cleared: false }]);
    mine(vec![Act::Join { leaf: 8, who: 900, rate: 100 }]);
    (0..3).for_each(|_| mine(vec![]));
    served.settle(&mut reader).await;
    assert_eq!(served.roots().await[0], served.roots().await[1]);
    let name = served.node.lock().unwrap().world.member(900, 100).name;
    assert_eq!(served.store.member_named(&name).await.unwrap().unwrap().index, 8);

    served.node.lock().unwrap().world.fork(5);
    (0..9).for_each(|_| mine(vec![]));
    served.settle(&mut reader).await;
    assert_eq!(served.roots().await[0], served.roots().await[1]);
    assert!(served.store.member_at(7).await.unwrap().is_some(), "nobody was erased after all");
}

#[tokio::test]
async fn members_of_the_status_registry_are_named_by_their_holders() {
    let contract = Contract::Status { limit: 100 };
    let served = serve(contract).await;
    for who in 0..150 {
        served.node.lock().unwrap().world.mine(vec![Act::Join {
            leaf: who,
            who: who + 1,
            rate: 0,
        }]);
    }
    let slash = Act::Erase { leaf: 3, is_cleared: true };
    (0..3).for_each(|_| served.node.lock().unwrap().world.mine(vec![slash]));
    let mut reader = Reader::new(reading(contract));
    served.settle(&mut reader).await;
    let member = served.store.member_named(&holder(120)).await.unwrap().unwrap();
    assert_eq!((member.index, member.limit), (119, 100));
    assert_eq!(served.store.member_named(&holder(4)).await.unwrap(), None, "slashed");
    assert_eq!(served.roots().await[0], served.roots().await[1]);
}

#[tokio::test]
async fn the_source_reads_by_itself_until_it_is_stopped() {
    let served = serve(Contract::WakuRlnV2).await;
    for number in 0..10 {
        let join = Act::Join { leaf: number, who: number + 1, rate: 20 };
        served.node.lock().unwrap().world.mine(vec![join]);
    }
    let (stop, stopped) = watch::channel(false);
    let chain = served.chain.clone();
    let reading = tokio::spawn(async move { chain.run(stopped).await });
    while served.store.depths().await.unwrap().members < 8 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.send(true).unwrap();
    reading.await.unwrap();
}
