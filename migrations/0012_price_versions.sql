-- A price has versions, each with a start: which is in force is arithmetic on the clock. Rows are only added. They name
-- their model by its name and outlive it, since calls name the version they were charged by.
create table price_versions (
    model text not null,
    version bigint not null,
    starts_at bigint not null,
    price text,
    source text not null,
    created_by text references accounts (id),
    created_at bigint not null,
    primary key (model, version)
);
insert into price_versions (model, version, starts_at, price, source, created_by, created_at)
select name, 1, 0, price, 'entered', null, 0 from models where price is not null;
alter table models drop column price;

-- 0: none, or from before there were versions.
alter table calls add column price_version bigint not null default 0;
