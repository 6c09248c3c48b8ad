#!/usr/bin/env bash
# Starts the prover service on a PostgreSQL of its own: one instance with a port, and N workers.
#
#   node/deploy/prover-on-postgres.sh [workers] [folder]
#
# Needs `logos`, built with the feature `prover`, in PATH or in LOGOS, and the programs of
# PostgreSQL 15 or later in PATH or in PGBIN. Ends everything with Ctrl-C; the folder keeps the data.
# PostgreSQL does not start for root: run this as another user.
set -euo pipefail

workers=${1:-2}
folder=$(realpath -m "${2:-prover-data}")
logos=${LOGOS:-logos}
export PATH="${PGBIN:-/usr/lib/postgresql/15/bin}:$PATH"

mkdir -p "$folder"
chmod 700 "$folder"
if [ ! -d "$folder/postgres" ]; then
    initdb -D "$folder/postgres" -A trust -U prover > "$folder/initdb.log"
fi
if [ ! -f "$folder/custody.key" ]; then
    (umask 077 && head -c 32 /dev/urandom > "$folder/custody.key")
fi
pg_ctl -D "$folder/postgres" -l "$folder/postgres.log" -w start \
    -o "-k $folder -c listen_addresses="
stop() {
    kill $(jobs -p) 2> /dev/null || true
    wait || true
    pg_ctl -D "$folder/postgres" -m fast -w stop
}
trap stop EXIT
createdb -h "$folder" -U prover prover 2> /dev/null || true

export LOGOS_PROVER_STORE="postgres://prover@localhost/prover?host=$folder"
export LOGOS_PROVER_CUSTODY_KEY="$folder/custody.key"
"$logos" prover serve --workers 0 &
for _ in $(seq "$workers"); do
    "$logos" prover serve --worker-only --workers 1 &
done
wait
