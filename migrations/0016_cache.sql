-- How long a key's answers may serve identical calls. Null: it keeps none, and every call goes to a provider.
alter table keys add column cache_ttl_seconds bigint;
