-- How long a model keeps its callers waiting is told from what the rollups of accounts add up, since nothing scans the
-- logs: how many answers began, and after how many milliseconds together. What the logs still know is counted in.
alter table account_usage add column first_bytes bigint not null default 0;
alter table account_usage add column first_byte_ms bigint not null default 0;
update account_usage
set first_bytes = (
        select count(calls.first_byte_ms)
        from calls
        where calls.account_id = account_usage.account_id and calls.at >= account_usage.bucket
          and calls.at < account_usage.bucket + 900000000 and calls.state = 'settled'
          and calls.model = account_usage.model and calls.endpoint = account_usage.endpoint
          and case when calls.status < 400 then 'succeeded' else 'failed' end = account_usage.outcome
    ),
    first_byte_ms = (
        select cast(coalesce(sum(calls.first_byte_ms), 0) as bigint)
        from calls
        where calls.account_id = account_usage.account_id and calls.at >= account_usage.bucket
          and calls.at < account_usage.bucket + 900000000 and calls.state = 'settled'
          and calls.model = account_usage.model and calls.endpoint = account_usage.endpoint
          and case when calls.status < 400 then 'succeeded' else 'failed' end = account_usage.outcome
    )
where outcome <> 'refused';
