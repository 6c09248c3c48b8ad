//! The log of members, and the deny list.

use sqlx::Row;
use sqlx::postgres::PgRow;

use super::{
    Done, MEMBERS_LOCK, PostgresStore, announce, array, bytes, failed, lock, number, signed, small,
};
use crate::prover::epoch::Millis;
use crate::prover::registry::{MemberRecord, RegisterRefusal, Registration};
use crate::prover::reservation::MemberKey;
use crate::prover::store::Denied;

pub(super) async fn register(
    store: &PostgresStore,
    registration: Registration,
    capacity: u64,
) -> Done<Result<MemberRecord, RegisterRefusal>> {
    if let Err(refusal) = registration.check() {
        return Ok(Err(refusal));
    }
    let mut transaction = store.begin().await?;
    // The log has no gaps, so members are added one at a time.
    lock(&mut transaction, MEMBERS_LOCK).await?;
    let rows = sqlx::query("SELECT * FROM members WHERE member = $1 OR name = $2")
        .bind(registration.member.0)
        .bind(&registration.name)
        .fetch_all(&mut *transaction)
        .await
        .map_err(failed)?;
    let kept = rows.iter().map(member_of).collect::<Done<Vec<_>>>()?;
    if let Some(known) = kept.iter().find(|kept| kept.member == registration.member) {
        let same = known.name == registration.name && known.limit == registration.limit;
        return Ok(if same { Ok(known.clone()) } else { Err(RegisterRefusal::IdentityTaken) });
    }
    if !kept.is_empty() {
        return Ok(Err(RegisterRefusal::NameTaken));
    }
    let row = sqlx::query("SELECT coalesce(max(index) + 1, 0) FROM members")
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
    let index = number(&row, 0)?;
    if index >= capacity {
        return Ok(Err(RegisterRefusal::Full));
    }
    let member = registration.at(index);
    sqlx::query("INSERT INTO members VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(signed(member.index))
        .bind(member.member.0)
        .bind(&member.name)
        .bind(i64::from(member.limit))
        .bind(&member.tier)
        .bind(&member.sealed)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    announce(&mut transaction).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(Ok(member))
}

pub(super) async fn members(
    store: &PostgresStore,
    from: u64,
    max: usize,
) -> Done<Vec<MemberRecord>> {
    let rows = sqlx::query("SELECT * FROM members WHERE index >= $1 ORDER BY index LIMIT $2")
        .bind(signed(from))
        .bind(signed(max as u64))
        .fetch_all(&store.pool)
        .await
        .map_err(failed)?;
    rows.iter().map(member_of).collect()
}

fn member_of(row: &PgRow) -> Done<MemberRecord> {
    Ok(MemberRecord {
        index: number(row, 0)?,
        member: MemberKey(array(row, 1)?),
        name: bytes(row, 2)?,
        limit: small(row, 3)?,
        tier: row.try_get(4).map_err(failed)?,
        sealed: row.try_get(5).map_err(failed)?,
    })
}

pub(super) async fn deny(
    store: &PostgresStore,
    name: Vec<u8>,
    entry: Option<Denied>,
) -> Done<bool> {
    let mut transaction = store.begin().await?;
    let old = sqlx::query("DELETE FROM denied WHERE name = $1")
        .bind(&name)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    if let Some(entry) = entry {
        sqlx::query(
            "INSERT INTO denied VALUES ($1, $2, $3, $4) ON CONFLICT (name) \
             DO UPDATE SET reason = $2, until = $3, since = $4",
        )
        .bind(&name)
        .bind(&entry.reason)
        .bind(signed(entry.until.0))
        .bind(signed(entry.since.0))
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)?;
    Ok(old.rows_affected() > 0)
}

pub(super) async fn denied(store: &PostgresStore, name: &[u8]) -> Done<Option<Denied>> {
    let row = sqlx::query("SELECT name, reason, until, since FROM denied WHERE name = $1")
        .bind(name)
        .fetch_optional(&store.pool)
        .await
        .map_err(failed)?;
    let entry = |row: PgRow| {
        Ok(Denied {
            name: bytes(&row, 0)?,
            reason: row.try_get(1).map_err(failed)?,
            until: Millis(number(&row, 2)?),
            since: Millis(number(&row, 3)?),
        })
    };
    row.map(entry).transpose()
}
