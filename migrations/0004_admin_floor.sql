-- What an admin has set and the owner may tighten, never loosen: for a key, its editable part as the admin left it, as
-- JSON; null where no admin has set anything that restricts. For an account, whether its default rule is an admin's.
alter table keys add column admin_spec text;
alter table accounts add column default_rule_locked boolean not null default false;
