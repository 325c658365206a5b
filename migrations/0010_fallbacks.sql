-- The models that stand in for one where nobody serves it, in order: their names, as a JSON list.
alter table models add column fallbacks text not null default '[]';
