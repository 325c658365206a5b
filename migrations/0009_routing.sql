-- What a provider is given: how long calls wait for it, in milliseconds, and how many it takes at once. Null: as for
-- everyone, and as many as come.
alter table providers add column connect_ms bigint;
alter table providers add column first_byte_ms bigint;
alter table providers add column idle_ms bigint;
alter table providers add column total_ms bigint;
alter table providers add column max_concurrency bigint;
