//! The log of members, and the deny list.

use std::collections::BTreeMap;

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::{
    Done, MEMBERS_LOCK, PostgresStore, announce, array, bytes, failed, lock, number, signed, small,
};
use crate::prover::epoch::Millis;
use crate::prover::registry::{Amendment, Leaf, MemberRecord, RegisterRefusal, Registration};
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
    let kept = rows.iter().filter_map(|row| member_of(row).transpose());
    let kept = kept.collect::<Done<Vec<_>>>()?;
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
    put_leaves(&mut transaction, &BTreeMap::from([(index, Some(&registration))])).await?;
    announce(&mut transaction).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(Ok(registration.at(index)))
}

pub(super) async fn amend(store: &PostgresStore, amendment: &Amendment) -> Done<bool> {
    let mut transaction = store.begin().await?;
    lock(&mut transaction, MEMBERS_LOCK).await?;
    let row = sqlx::query("SELECT value FROM settings WHERE name = $1")
        .bind(amendment.cursor)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(failed)?;
    let kept: Option<String> = row.map(|row| row.try_get(0).map_err(failed)).transpose()?;
    if kept != amendment.before {
        return Ok(false);
    }
    put_leaves(&mut transaction, &amendment.last_of_each()).await?;
    sqlx::query("INSERT INTO settings VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2")
        .bind(amendment.cursor)
        .bind(&amendment.after)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    announce(&mut transaction).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(true)
}

/// Gives leaves to members, or to nobody, in one statement. The caller holds the lock of members.
async fn put_leaves(
    connection: &mut PgConnection,
    leaves: &BTreeMap<u64, Option<&Registration>>,
) -> Done<()> {
    let head =
        sqlx::query("UPDATE heads SET value = value + $1 WHERE name = 'members' RETURNING value")
            .bind(signed(leaves.len() as u64))
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
    let first = number(&head, 0)?.saturating_sub(leaves.len() as u64);
    let indices: Vec<i64> = leaves.keys().map(|index| signed(*index)).collect();
    let numbers: Vec<i64> =
        (first..).zip(leaves).map(|(before, _)| signed(before.saturating_add(1))).collect();
    let who = || leaves.values();
    let members: Vec<Option<&[u8]>> =
        who().map(|one| one.map(|one| one.member.0.as_slice())).collect();
    let names: Vec<Option<&[u8]>> = who().map(|one| one.map(|one| one.name.as_slice())).collect();
    let limits: Vec<i64> = who().map(|one| one.map_or(0, |one| i64::from(one.limit))).collect();
    let tiers: Vec<&str> = who().map(|one| one.map_or("", |one| one.tier.as_str())).collect();
    let sealed: Vec<Option<&[u8]>> =
        who().map(|one| one.and_then(|one| one.sealed.as_deref())).collect();
    sqlx::query(
        "INSERT INTO members (index, member, name, message_limit, tier, sealed, number) \
         SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bigint[], $5::text[], \
         $6::bytea[], $7::bigint[]) ON CONFLICT (index) DO UPDATE SET member = excluded.member, \
         name = excluded.name, message_limit = excluded.message_limit, tier = excluded.tier, \
         sealed = excluded.sealed, number = excluded.number",
    )
    .bind(indices)
    .bind(members)
    .bind(names)
    .bind(limits)
    .bind(tiers)
    .bind(sealed)
    .bind(numbers)
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}

pub(super) async fn leaves(store: &PostgresStore, after: u64, max: usize) -> Done<Vec<Leaf>> {
    let rows = sqlx::query("SELECT * FROM members WHERE number > $1 ORDER BY number LIMIT $2")
        .bind(signed(after))
        .bind(signed(max as u64))
        .fetch_all(&store.pool)
        .await
        .map_err(failed)?;
    let leaf = |row: &PgRow| {
        Ok(Leaf { number: number(row, 6)?, index: number(row, 0)?, member: member_of(row)? })
    };
    rows.iter().map(leaf).collect()
}

pub(super) async fn at(store: &PostgresStore, leaf: u64) -> Done<Option<MemberRecord>> {
    let query = sqlx::query("SELECT * FROM members WHERE index = $1");
    let row = query.bind(signed(leaf)).fetch_optional(&store.pool).await.map_err(failed)?;
    row.as_ref().map_or(Ok(None), member_of)
}

pub(super) async fn named(store: &PostgresStore, name: &[u8]) -> Done<Option<MemberRecord>> {
    let query = sqlx::query("SELECT * FROM members WHERE name = $1 ORDER BY number DESC LIMIT 1");
    let row = query.bind(name).fetch_optional(&store.pool).await.map_err(failed)?;
    row.as_ref().map_or(Ok(None), member_of)
}

pub(super) async fn keyed(store: &PostgresStore, key: MemberKey) -> Done<Option<MemberRecord>> {
    let query = sqlx::query("SELECT * FROM members WHERE member = $1 ORDER BY number DESC LIMIT 1");
    let row = query.bind(key.0).fetch_optional(&store.pool).await.map_err(failed)?;
    row.as_ref().map_or(Ok(None), member_of)
}

/// The member of a leaf, if it has one.
fn member_of(row: &PgRow) -> Done<Option<MemberRecord>> {
    let member: Option<&[u8]> = row.try_get(1).map_err(failed)?;
    if member.is_none() {
        return Ok(None);
    }
    Ok(Some(MemberRecord {
        index: number(row, 0)?,
        member: MemberKey(array(row, 1)?),
        name: bytes(row, 2)?,
        limit: small(row, 3)?,
        tier: row.try_get(4).map_err(failed)?,
        sealed: row.try_get(5).map_err(failed)?,
    }))
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
