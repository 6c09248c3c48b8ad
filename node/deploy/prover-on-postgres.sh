#!/usr/bin/env bash
# Starts the prover service on a PostgreSQL of its own: one instance with a port, and N workers.
#
#   node/deploy/prover-on-postgres.sh [workers] [folder]
#
# Needs the programs of PostgreSQL 15 or later, in PATH, in PGBIN or where Debian puts them, and
# `logos` with the feature `prover`: in LOGOS, in PATH, or built here with
#
#   cargo build --release -p logos-node --features prover
#
# Ends everything with Ctrl-C; the folder (prover-data) keeps the data. PostgreSQL does not start for
# root: started by root, it runs as the user `postgres`, or as PGRUNAS says.
set -euo pipefail

fail() {
    echo "$1" >&2
    exit 1
}

workers=${1:-2}
folder=$(realpath -m "${2:-prover-data}")
here=$(dirname "$(realpath "$0")")
logos=${LOGOS:-$(command -v logos || echo "$here/../../target/release/logos")}
"$logos" prover serve --help > /dev/null 2>&1 ||
    fail "there is no logos with the feature prover: build it, or say where it is in LOGOS"
if [ -z "${PGBIN:-}" ] && ! command -v pg_ctl > /dev/null; then
    PGBIN=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | sort -V | tail -n 1)
fi
export PATH="${PGBIN:+$PGBIN:}$PATH"
command -v initdb > /dev/null || fail "PostgreSQL is not installed, or say where it is in PGBIN"

mkdir -p "$folder/postgres"
chmod 755 "$folder"
# The address of a socket has room for 107 bytes, which the folder's name may not leave.
sockets=$(mktemp -d /tmp/prover-XXXXXX)
as=()
if [ "$(id -u)" = 0 ]; then
    as=(runuser -u "${PGRUNAS:-postgres}" --)
    chown -R "${PGRUNAS:-postgres}" "$folder/postgres" "$sockets"
    "${as[@]}" test -w "$folder/postgres" ||
        fail "${PGRUNAS:-postgres} cannot reach $folder: choose a folder outside of root's home"
fi
chmod 700 "$folder/postgres"
cd "$folder"

if [ ! -f "$folder/custody.key" ]; then
    (umask 077 && head -c 32 /dev/urandom > "$folder/custody.key")
fi
if [ ! -f "$folder/postgres/PG_VERSION" ]; then
    "${as[@]}" initdb -D "$folder/postgres" -A trust -U prover > "$folder/initdb.log"
fi
stop() {
    kill $(jobs -p) 2> /dev/null || true
    wait || true
    "${as[@]}" pg_ctl -D "$folder/postgres" -m fast -w stop || true
    rm -rf "$sockets"
}
trap stop EXIT
trap 'exit 130' INT TERM
"${as[@]}" pg_ctl -D "$folder/postgres" -l "$folder/postgres/log" -w start \
    -o "-k $sockets -c listen_addresses="
createdb -h "$sockets" -U prover prover 2> /dev/null || true

export LOGOS_PROVER_STORE="postgres://prover@localhost/prover?host=$sockets"
export LOGOS_PROVER_CUSTODY_KEY="$folder/custody.key"
"$logos" prover serve --workers 0 &
for _ in $(seq "$workers"); do
    "$logos" prover serve --worker-only --workers 1 &
done
wait
