-- Counters, jobs, stream, nullifiers, members of the prover service. PostgreSQL 15 or later.
CREATE TABLE counters (
    member bytea PRIMARY KEY,
    epoch bigint NOT NULL,
    next bigint NOT NULL
);
CREATE TABLE jobs (
    id bytea PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY,
    member bytea NOT NULL,
    epoch bigint NOT NULL,
    first_id bigint NOT NULL,
    id_count bigint NOT NULL,
    signal bytea NOT NULL,
    sender bytea NOT NULL,
    subject bytea NOT NULL,
    deadline bigint NOT NULL,
    created bigint NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    state smallint NOT NULL DEFAULT 0,
    reason smallint,
    worker bytea,
    until bigint,
    seq bigint,
    ended bigint
);
CREATE INDEX jobs_open ON jobs (number) WHERE state < 2;
CREATE INDEX jobs_ended ON jobs (ended) WHERE state >= 2;
CREATE TABLE reservations (
    id bytea PRIMARY KEY,
    member bytea NOT NULL,
    epoch bigint NOT NULL,
    first_id bigint NOT NULL,
    id_count bigint NOT NULL,
    created bigint NOT NULL
);
CREATE INDEX reservations_created ON reservations (created);
CREATE TABLE proofs (
    seq bigint PRIMARY KEY,
    job bytea NOT NULL UNIQUE,
    sender bytea NOT NULL,
    subject bytea NOT NULL,
    epoch bigint NOT NULL,
    first_id bigint NOT NULL,
    id_count bigint NOT NULL,
    proof bytea NOT NULL,
    at bigint NOT NULL
);
CREATE INDEX proofs_at ON proofs (at);
-- The last number given out. Its row is locked from there to the commit, so that numbers become
-- visible in their order.
CREATE TABLE heads (
    name text PRIMARY KEY,
    value bigint NOT NULL
);
INSERT INTO heads VALUES ('proofs', 0), ('doubles', 0);
CREATE TABLE nullifiers (
    epoch bigint NOT NULL,
    nullifier bytea NOT NULL,
    x bytea NOT NULL,
    y bytea NOT NULL,
    PRIMARY KEY (epoch, nullifier)
) PARTITION BY LIST (epoch);
CREATE TABLE doubles (
    seq bigint PRIMARY KEY,
    epoch bigint NOT NULL,
    nullifier bytea NOT NULL,
    x1 bytea NOT NULL,
    y1 bytea NOT NULL,
    x2 bytea NOT NULL,
    y2 bytea NOT NULL,
    at bigint NOT NULL
);
CREATE TABLE members (
    index bigint PRIMARY KEY,
    member bytea NOT NULL UNIQUE,
    name bytea NOT NULL UNIQUE,
    message_limit bigint NOT NULL,
    tier text NOT NULL,
    sealed bytea
);
CREATE TABLE denied (
    name bytea PRIMARY KEY,
    reason text NOT NULL,
    until bigint NOT NULL,
    since bigint NOT NULL
);
CREATE TABLE settings (
    name text PRIMARY KEY,
    value text NOT NULL
);
