-- The books of several nodes: groups, rules, account limits, money in, and meters that more than one process may move.

-- Several keys that share a quota. One period for both parts of it; null is unlimited.
create table groups (
    id text primary key,
    account_id text not null references accounts (id),
    name text not null,
    description text not null,
    quota_tokens bigint,
    quota_nanos bigint,
    quota_period text,
    timezone text not null,
    carried text not null default '[]',
    created_at bigint not null,
    unique (account_id, name)
);

-- Templates that keys are bound to. `hours` is the rule's own small record as the management API writes it.
create table rules (
    id text primary key,
    account_id text not null references accounts (id),
    name text not null,
    description text not null,
    enabled boolean not null,
    quota_nanos bigint,
    quota_period text,
    hours text,
    timezone text,
    carried text not null default '[]',
    created_at bigint not null,
    unique (account_id, name)
);

-- Deleting a group keeps its keys; a rule is deleted only when nothing refers to it.
alter table keys add column group_id text references groups (id);
alter table keys add column rule_id text references rules (id);
-- Periods and zones from before an edit, in force until their period is over; 
-- the same column stands in groups and rules.
alter table keys add column carried text not null default '[]';
alter table accounts add column carried text not null default '[]';
create index keys_by_group on keys (group_id, created_at, id);
create index keys_by_rule on keys (rule_id);

-- What bounds all of an account's keys, shaped as a key's limits; the rule of keys that have none of their own; and
-- whether its calls must be paid for: by a subscription, by a balance, or, where it is not metered, by nobody.
alter table accounts add column limits text not null default '{}';
alter table accounts add column default_rule_id text references rules (id);
alter table accounts add column metered boolean not null default false;

-- Credits per billing cycle, which is a calendar month counted from the anchor. Nothing rolls over.
create table subscriptions (
    account_id text primary key references accounts (id),
    cycle_nanos bigint not null,
    anchor bigint not null,
    timezone text not null,
    falls_back boolean not null
);

-- Money in and corrections. What calls take is in `calls`; the balance is the sum of both.
create table wallet_entries (
    id text primary key,
    account_id text not null references accounts (id),
    at bigint not null,
    kind text not null,
    amount_nanos bigint not null,
    note text not null,
    made_by text
);
create index wallet_entries_by_account on wallet_entries (account_id, at, id);

-- A manual reset: what it took off one meter, in the meter's unit. Sliding meters have one entry a bucket. No boundary
-- of any period moves.
create table adjustments (
    id text primary key,
    at bigint not null,
    scope text not null,
    owner_id text not null,
    measure text not null,
    period text not null,
    zone text not null,
    period_start bigint not null,
    bucket bigint not null,
    amount bigint not null,
    made_by text not null
);
create index adjustments_by_owner on adjustments (scope, owner_id, measure, period);

-- The processes that admit calls. One whose row is gone is fenced: it can write down no call, so it can send none.
create table nodes (
    id text primary key,
    started_at bigint not null,
    expires_at bigint not null
);

-- The meters of one owner, where several processes move them: whoever moves one locks the row first. A process that
-- has the database to itself keeps its meters in memory, and this table stays empty.
create table books (
    owner text primary key,
    meters text not null
);

-- Which group a call counted for, who paid for it, and which process answers for it while it is in flight.
alter table calls add column group_id text;
alter table calls add column funding text not null default 'none';
alter table calls add column node text not null default '';
create index calls_by_group on calls (group_id, at, id);

-- The rollups gain the same two columns, and so a longer primary key.
alter table usage rename to usage_before;
create table usage (
    bucket bigint not null,
    account_id text not null,
    group_id text not null,
    key_id text not null,
    funding text not null,
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
    primary key (bucket, account_id, group_id, key_id, funding, model, provider, endpoint, outcome)
);
insert into usage
select bucket, account_id, '', key_id, 'none', model, provider, endpoint, outcome, calls, requests, input_tokens,
       cached_input_tokens, output_tokens, reasoning_tokens, cost_nanos, total_ms
from usage_before;
drop table usage_before;
create index usage_by_key on usage (key_id, bucket);
create index usage_by_account on usage (account_id, bucket);
create index usage_by_group on usage (group_id, bucket);
