-- Secrets that a rotation has replaced, honoured until they expire. The secret in force is in `keys`.
create table key_secrets (
    hash text primary key,
    key_id text not null references keys (id),
    expires_at bigint not null
);
create index key_secrets_by_expiry on key_secrets (expires_at);
