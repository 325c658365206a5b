-- What a `POST` of the management API with an `Idempotency-Key` was answered, so that a repetition is answered the same
-- and does nothing. `body_hash` is keyed, since bodies hold credentials. No status: it is under way, or broke off. The
-- answer is kept without its secret.
create table idempotency (
    account_id text not null references accounts (id),
    path text not null,
    key text not null,
    body_hash text not null,
    began_at bigint not null,
    expires_at bigint not null,
    status bigint,
    answer text,
    primary key (account_id, path, key)
);
create index idempotency_by_expiry on idempotency (expires_at);
