-- Who still uses a secret that a rotation has replaced: which it was, since when another is in force, and when and from
-- which address it was last used. Noted in batches, never by a call.
alter table key_secrets add column hint text not null default '';
alter table key_secrets add column replaced_at bigint;
alter table key_secrets add column last_used_at bigint;
alter table key_secrets add column last_used_from text;
create index key_secrets_by_key on key_secrets (key_id, expires_at);
