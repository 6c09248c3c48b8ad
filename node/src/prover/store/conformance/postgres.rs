//! A PostgreSQL of the tests' own: made when first asked for, gone with the process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use super::{PostgresStore, runtime, schedule};

/// Where the system's package puts the programs.
const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

/// Makes a cluster in a folder of its own, prints the folder, and takes all down when its input
/// ends, which it does with the process that holds the other end.
const SCRIPT: &str = r#"
set -e
folder=$(mktemp -d /tmp/logos-postgres-XXXXXX)
stop() {
    "$BIN/pg_ctl" -D "$folder/data" -m immediate -w stop > /dev/null 2>&1 || true
    rm -rf "$folder"
}
trap stop EXIT
"$BIN/initdb" -D "$folder/data" -A trust -U postgres --no-sync > /dev/null
"$BIN/pg_ctl" -D "$folder/data" -l "$folder/log" -w start > /dev/null \
    -o "-k $folder -c listen_addresses= -c max_connections=300 -c fsync=off"
echo "$folder"
read -r _ || true
"#;

struct Cluster {
    folder: String,
    _server: Mutex<Child>,
}

/// The address of a new, empty database; `None`, said aloud, where PostgreSQL is not installed.
pub(super) fn database() -> Option<String> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let cluster = CLUSTER.get_or_init(start).as_ref()?;
    let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let url = |name: &str| format!("postgres://postgres@localhost/{name}?host={}", cluster.folder);
    runtime().block_on(async {
        let pool = sqlx::PgPool::connect(&url("postgres")).await.unwrap();
        let make = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::query(make).execute(&pool).await.unwrap();
    });
    Some(url(&name))
}

pub(super) async fn connect(url: &str, skew: u64) -> PostgresStore {
    PostgresStore::connect(url, 20, &schedule(), skew).await.unwrap()
}

fn start() -> Option<Cluster> {
    if !Path::new(PROGRAMS).join("initdb").exists() {
        eprintln!("skipped on PostgreSQL: {PROGRAMS}/initdb is not installed");
        return None;
    }
    // initdb refuses to run for root.
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "bash"]);
        command
    } else {
        Command::new("bash")
    };
    command.args(["-c", SCRIPT]).env("BIN", PROGRAMS).current_dir("/tmp");
    let mut server =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("bash runs");
    let mut folder = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut folder).unwrap();
    assert!(!folder.is_empty(), "PostgreSQL did not start");
    Some(Cluster { folder: folder.trim().to_owned(), _server: Mutex::new(server) })
}
