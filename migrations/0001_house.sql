-- One text for SQLite and PostgreSQL. Ids are text; money is bigint nano-credits; times are bigint microseconds since
-- 1970 UTC; lists are JSON in text. No enum, blob, JSON or interval columns, so that both databases hold the same.

-- What the installation knows of itself: the check value of its master key, the pending set-up link, the version of
-- its configuration. One row a fact.
create table settings (
    name text primary key,
    value text not null
);

-- Emails are stored in lower case, so that the unique index is the only judge of "already taken".
create table accounts (
    id text primary key,
    email text not null unique,
    name text not null,
    role text not null,
    password_hash text,
    enabled boolean not null,
    timezone text not null,
    created_at bigint not null
);

-- Signed-in browsers. `data` is the session's own small record; expired rows are deleted as they are met.
create table sessions (
    id text primary key,
    data text not null,
    expires_at bigint not null
);
create index sessions_by_expiry on sessions (expires_at);

-- The outcome of a form posted without JavaScript, for the one page that shows it. Sealed under a key that only the
-- browser's cookie holds: whoever reads the database reads nothing.
create table flashes (
    id text primary key,
    sealed text not null,
    expires_at bigint not null
);

-- Only the keyed hash of a management token or a key is kept.
create table management_tokens (
    id text primary key,
    account_id text not null references accounts (id),
    name text not null,
    hash text not null unique,
    created_at bigint not null,
    last_used_at bigint
);

-- One column a limit: null is unlimited. A key is never deleted, since its calls name it; revoking is a status.
create table keys (
    id text primary key,
    account_id text not null references accounts (id),
    name text not null,
    hint text not null,
    hash text not null unique,
    status text not null,
    expires_at bigint,
    models text not null,
    ip_allowlist text not null,
    endpoints text not null,
    timezone text not null,
    rpm bigint,
    tpm bigint,
    rpd bigint,
    token_quota_max bigint,
    token_quota_reset text,
    monthly_tokens bigint,
    monthly_spend_nanos bigint,
    credit_quota_nanos bigint,
    max_tokens_per_request bigint,
    max_cost_per_request_nanos bigint,
    created_at bigint not null,
    last_used_at bigint,
    revoked_at bigint
);
create index keys_newest on keys (created_at, id);
create index keys_by_account on keys (account_id, created_at, id);

-- `credentials` is sealed under the master key; `hints` is what may be shown of them.
create table providers (
    id text primary key,
    name text not null unique,
    kind text not null,
    base_url text not null,
    credentials text not null,
    hints text not null,
    enabled boolean not null,
    usage_option boolean not null,
    created_at bigint not null
);

-- Prices are nano-credits per million tokens. `free` with null prices costs nothing; neither is a model without a
-- price, whose calls are refused.
create table models (
    name text primary key,
    display_name text not null,
    context_length bigint,
    max_output_tokens bigint,
    capabilities text not null,
    free boolean not null,
    input_nanos bigint,
    cached_input_nanos bigint,
    output_nanos bigint,
    enabled boolean not null
);

create table routes (
    model text not null references models (name) on delete cascade,
    place bigint not null,
    provider_id text not null references providers (id),
    upstream_model text not null,
    weight bigint not null,
    priority bigint not null,
    primary key (model, place)
);

-- The journal and the logs are one table: a row is written pending before dispatch, and settled once. What the row
-- held stands beside what it was charged, so that after a crash the whole hold can be charged from the row alone.
create table calls (
    id text primary key,
    at bigint not null,
    key_id text not null,
    key_name text not null,
    account_id text not null,
    endpoint text not null,
    dialect text not null,
    model text not null,
    stream boolean not null,
    client_ip text not null,
    user_agent text not null,
    client_request_id text,
    state text not null,
    held_input bigint not null,
    held_output bigint not null,
    held_nanos bigint not null,
    status bigint not null,
    refusal text,
    input_tokens bigint not null,
    cached_input_tokens bigint not null,
    output_tokens bigint not null,
    reasoning_tokens bigint not null,
    requests bigint not null,
    cost_nanos bigint not null,
    cost_basis text not null,
    usage_source text,
    provider text not null,
    first_byte_ms bigint,
    total_ms bigint,
    attempts text not null
);
create index calls_newest on calls (at, id);
create index calls_by_key on calls (key_id, at, id);
create index calls_by_account on calls (account_id, at, id);
create index calls_by_client_request on calls (client_request_id);
-- What a crash left behind is found at start without reading the logs.
create index calls_pending on calls (id) where state = 'pending';

-- Quarter hours, because every zone's midnight falls on one: any calendar in any zone adds up from these rows. Names
-- stand as they were at the call, so moving or renaming rewrites no history.
create table usage (
    bucket bigint not null,
    account_id text not null,
    key_id text not null,
    model text not null,
    provider text not null,
    endpoint text not null,
    outcome text not null,
    calls bigint not null,
    requests bigint not null,
    input_tokens bigint not null,
    cached_input_tokens bigint not null,
    output_tokens bigint not null,
    reasoning_tokens bigint not null,
    cost_nanos bigint not null,
    total_ms bigint not null,
    primary key (bucket, account_id, key_id, model, provider, endpoint, outcome)
);
create index usage_by_key on usage (key_id, bucket);
create index usage_by_account on usage (account_id, bucket);
