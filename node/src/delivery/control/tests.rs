use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::delivery::{
    Cluster, Mode, NodeConfig, OpenAdmission, Preset, RestartPolicy, Supervisor,
};
use crate::os_seeded;

struct Plane {
    address: SocketAddr,
    token: String,
    _supervisor: Supervisor,
}

async fn plane() -> Plane {
    let config = Cluster::in_memory(NodeConfig::new(Preset::Local, Mode::Core));
    let node = Node::start(config, Arc::new(OpenAdmission)).await.unwrap();
    let token = Token::random(&mut os_seeded().unwrap());
    let text = token.to_text().to_string();
    let supervisor = Supervisor::new(RestartPolicy::default());
    let control = Control::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = control.address();
    tokio::spawn(control.run(node, supervisor.watch(), token));
    Plane { address, token: text, _supervisor: supervisor }
}

impl Plane {
    async fn raw(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        let status = response.split(' ').nth(1).unwrap().parse().unwrap();
        (status, response.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let token = &self.token;
        self.raw(&format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Connection: close\r\n\r\n"
        ))
        .await
    }

    async fn post(&self, path: &str, body: &str) -> (u16, String) {
        let (token, length) = (&self.token, body.len());
        self.raw(&format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:80\r\nAuthorization: Bearer {token}\r\n\
             Connection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             \r\n{body}"
        ))
        .await
    }
}

#[tokio::test]
async fn programs_with_the_token_learn_the_status() {
    let plane = plane().await;
    let (code, body) = plane.get("/status").await;
    let status: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((code, &status["node"]["mode"]), (200, &"core".into()));
    let (code, metrics) = plane.get("/metrics").await;
    assert_eq!(code, 200);
    assert!(metrics.contains("\nlogos_messages_received 0\n"), "{metrics}");
    assert_eq!(plane.get("/offers/store").await, (200, "[]".to_owned()));
    assert_eq!(plane.get("/offers/everything").await.0, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_talk_on_a_channel() {
    let (one, other) = (plane().await, plane().await);
    let (_, status) = one.get("/status").await;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let node = &status["node"];
    let address = format!(
        "{}/p2p/{}",
        node["addresses"][0].as_str().unwrap(),
        node["peer_id"].as_str().unwrap()
    );
    other.post("/peers", &format!(r#"{{"address":"{address}"}}"#)).await;
    let secret = "07".repeat(32);
    for (plane, key) in [(&one, "01"), (&other, "02")] {
        let key = key.repeat(32);
        let opening = format!(r#"{{"id":"plans","secret":"{secret}","key":"{key}"}}"#);
        assert_eq!(plane.post("/channels", &opening).await.0, 201);
        assert_eq!(plane.post("/channels", &opening).await.0, 409);
    }
    let path = "/channels/plans/messages";
    let (code, accepted) = one.post(path, r#"{"payload":"6869"}"#).await;
    assert_eq!((code, accepted.as_str()), (202, r#"{"request":0}"#));
    let (code, heard) = other.get(path).await;
    let heard: serde_json::Value = serde_json::from_str(&heard).unwrap();
    assert_eq!((code, &heard["kind"], &heard["payload"]), (200, &"message".into(), &"6869".into()));
    loop {
        let (code, ended) = one.get(&format!("{path}/0")).await;
        let ended: serde_json::Value = serde_json::from_str(&ended).unwrap();
        assert_eq!(code, 200);
        if ended["state"] == "acked" {
            break;
        }
    }
    assert_eq!(one.get(&format!("{path}/7")).await.0, 404);
    let ephemeral = r#"{"payload":"6869","ephemeral":true}"#;
    assert_eq!(one.post(path, ephemeral).await, (202, "{}".to_owned()));
    assert_eq!(one.post("/channels/other/messages", ephemeral).await.0, 404);
    let closing = format!(
        "DELETE /channels/plans HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Connection: close\r\n\r\n",
        one.token
    );
    assert_eq!(one.raw(&closing).await.0, 204);
    assert_eq!(one.raw(&closing).await.0, 404);
}

#[tokio::test]
async fn nobody_else_does() {
    let plane = plane().await;
    let request =
        |headers: &str| format!("GET /status HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    let token = format!("Authorization: Bearer {}\r\n", plane.token);
    let wrong = format!("Authorization: Bearer {}\r\n", "00".repeat(32));
    for (headers, code) in [
        ("Host: localhost\r\n".to_owned(), 401),
        (format!("Host: localhost\r\n{wrong}"), 401),
        (format!("Host: evil.example\r\n{token}"), 403),
        (format!("Host: localhost\r\nOrigin: http://localhost\r\n{token}"), 403),
        (format!("Host: [::1]:8645\r\n{token}"), 200),
    ] {
        assert_eq!(plane.raw(&request(&headers)).await.0, code, "{headers}");
    }
}

#[tokio::test]
async fn health_needs_no_token_and_tells_whether_messages_get_through() {
    let plane = plane().await;
    let request = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let alone = (503, r#"{"health":"disconnected"}"#.to_owned());
    assert_eq!(plane.raw(request).await, alone);
}

#[tokio::test]
async fn messages_are_sent_and_followed() {
    let plane = plane().await;
    let body = r#"{"content_topic": "/a/1/b/c", "payload": "00ff"}"#;
    let (code, accepted) = plane.post("/messages", body).await;
    assert_eq!(code, 202);
    let accepted: serde_json::Value = serde_json::from_str(&accepted).unwrap();
    let path = format!("/messages/{}", accepted["request"].as_str().unwrap());
    let (code, progress) = plane.get(&path).await;
    assert_eq!((code, progress.as_str()), (200, r#"{"state":"accepted","ended":false}"#));
    assert_eq!(plane.get("/messages/ffff").await.0, 404);
    assert_eq!(plane.post("/messages", r#"{"content_topic": "x", "payload": ""}"#).await.0, 400);
    let large =
        format!(r#"{{"content_topic": "/a/1/b/c", "payload": "{}"}}"#, "00".repeat(153_600));
    assert_eq!(plane.post("/messages", &large).await.0, 413);
}

#[tokio::test]
async fn it_listens_on_this_machine_only() {
    let address = "0.0.0.0:0".parse().unwrap();
    assert_eq!(Control::listen(address).await.unwrap_err(), ControlError::NotLoopback(address));
}

#[test]
fn a_token_is_kept_in_a_file_and_never_printed() {
    let folder = crate::store::tests::Folder::new("token");
    let token = Token::random(&mut os_seeded().unwrap());
    let path = folder.join("token");
    token.write(&path).unwrap();
    assert!(Token::read(&path).unwrap() == token);
    assert_eq!(format!("{token:?}"), "Token(..)");
    std::fs::write(&path, "short").unwrap();
    assert!(Token::read(&path).is_err());
}
