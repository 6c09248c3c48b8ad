//! Nullifiers, one partition an epoch.

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::{Done, PostgresStore, announce, array, failed, lock, next_number, number, signed};
use crate::prover::epoch::{Epoch, Millis};
use crate::prover::mark::{Evidence, Mark, Recorded};

/// The advisory lock under which partitions are made and dropped.
const PARTITIONS_LOCK: i64 = 0x6c6f_676f_7303;

pub(super) async fn record(
    store: &PostgresStore,
    now: Millis,
    marks: Vec<Mark>,
) -> Done<Vec<Recorded>> {
    for epoch in marks.iter().map(|mark| mark.epoch) {
        ensure_partition(store, epoch).await?;
    }
    let mut transaction = store.begin().await?;
    // One order for everybody, so that two proofs with common nullifiers do not block each other.
    let mut order: Vec<(usize, &Mark)> = marks.iter().enumerate().collect();
    order.sort_by_key(|(_, mark)| (mark.epoch, mark.nullifier));
    let mut recorded = Vec::with_capacity(marks.len());
    for (place, mark) in order {
        recorded.push((place, record_one(&mut transaction, now, mark).await?));
    }
    announce(&mut transaction).await?;
    transaction.commit().await.map_err(failed)?;
    recorded.sort_by_key(|(place, _)| *place);
    Ok(recorded.into_iter().map(|(_, recorded)| recorded).collect())
}

async fn record_one(connection: &mut PgConnection, now: Millis, mark: &Mark) -> Done<Recorded> {
    let added =
        sqlx::query("INSERT INTO nullifiers VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
            .bind(signed(mark.epoch.0))
            .bind(mark.nullifier)
            .bind(mark.x)
            .bind(mark.y)
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
    if added.rows_affected() == 1 {
        return Ok(Recorded::Fresh);
    }
    let Some(first) = self::mark(connection, mark.epoch, mark.nullifier).await? else {
        // The epoch was dropped in between: nothing is known of it any more.
        return Ok(Recorded::Fresh);
    };
    if first.is_same_point(mark) {
        return Ok(Recorded::Duplicate);
    }
    let seq = next_number(connection, "doubles").await?;
    sqlx::query("INSERT INTO doubles VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(signed(seq))
        .bind(signed(mark.epoch.0))
        .bind(mark.nullifier)
        .bind(first.x)
        .bind(first.y)
        .bind(mark.x)
        .bind(mark.y)
        .bind(signed(now.0))
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(Recorded::DoubleSignal { seq })
}

/// Makes the partition of an epoch if nobody did.
async fn ensure_partition(store: &PostgresStore, epoch: Epoch) -> Done<()> {
    let name = partition(epoch);
    let row = sqlx::query("SELECT to_regclass($1) IS NOT NULL")
        .bind(&name)
        .fetch_one(&store.pool)
        .await
        .map_err(failed)?;
    if row.try_get(0).map_err(failed)? {
        return Ok(());
    }
    let mut transaction = store.begin().await?;
    lock(&mut transaction, PARTITIONS_LOCK).await?;
    // Made of a number alone.
    let make = AssertSqlSafe(format!(
        "CREATE TABLE IF NOT EXISTS {name} PARTITION OF nullifiers FOR VALUES IN ({})",
        signed(epoch.0)
    ));
    sqlx::query(make).execute(&mut *transaction).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

fn partition(epoch: Epoch) -> String {
    format!("nullifiers_{}", signed(epoch.0))
}

pub(super) async fn mark(
    connection: &mut PgConnection,
    epoch: Epoch,
    nullifier: [u8; 32],
) -> Done<Option<Mark>> {
    let row = sqlx::query("SELECT x, y FROM nullifiers WHERE epoch = $1 AND nullifier = $2")
        .bind(signed(epoch.0))
        .bind(nullifier)
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    let mark = |row: PgRow| Ok(Mark { epoch, nullifier, x: array(&row, 0)?, y: array(&row, 1)? });
    row.map(mark).transpose()
}

pub(super) async fn double_signals(
    store: &PostgresStore,
    from: u64,
    max: usize,
) -> Done<Vec<Evidence>> {
    let rows = sqlx::query("SELECT * FROM doubles WHERE seq >= $1 ORDER BY seq LIMIT $2")
        .bind(signed(from))
        .bind(signed(max as u64))
        .fetch_all(&store.pool)
        .await
        .map_err(failed)?;
    rows.iter().map(evidence_of).collect()
}

fn evidence_of(row: &PgRow) -> Done<Evidence> {
    let (epoch, nullifier) = (Epoch(number(row, 1)?), array(row, 2)?);
    Ok(Evidence {
        seq: number(row, 0)?,
        first: Mark { epoch, nullifier, x: array(row, 3)?, y: array(row, 4)? },
        second: Mark { epoch, nullifier, x: array(row, 5)?, y: array(row, 6)? },
        at: Millis(number(row, 7)?),
    })
}

/// Drops whole partitions: no row is touched.
pub(super) async fn forget(store: &PostgresStore, before: Epoch) -> Done<()> {
    let mut transaction = store.begin().await?;
    lock(&mut transaction, PARTITIONS_LOCK).await?;
    let rows = sqlx::query(
        "SELECT substr(child.relname, 12)::bigint FROM pg_inherits \
         JOIN pg_class child ON child.oid = inhrelid \
         WHERE inhparent = 'nullifiers'::regclass",
    )
    .fetch_all(&mut *transaction)
    .await
    .map_err(failed)?;
    for row in &rows {
        let epoch = Epoch(number(row, 0)?);
        if epoch < before {
            let drop = AssertSqlSafe(format!("DROP TABLE {}", partition(epoch)));
            sqlx::query(drop).execute(&mut *transaction).await.map_err(failed)?;
        }
    }
    transaction.commit().await.map_err(failed)
}
