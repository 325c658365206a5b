-- What the dashboard adds up: the rollups of an account without its keys and groups, which are most of their rows. Ten
-- thousand busy keys have a million rollups a month, and these are a few thousand of them. Posted with the rollups, in the
-- same transaction, and held to them by `tollgate audit`.
create table account_usage (
    bucket bigint not null,
    account_id text not null,
    model text not null,
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
    primary key (bucket, account_id, model, endpoint, outcome)
);
insert into account_usage
select bucket, account_id, model, endpoint, outcome, sum(calls), sum(requests), sum(input_tokens),
       sum(cached_input_tokens), sum(output_tokens), sum(reasoning_tokens), sum(cost_nanos), sum(total_ms)
from usage
group by bucket, account_id, model, endpoint, outcome;
create index account_usage_by_account on account_usage (account_id, bucket);
