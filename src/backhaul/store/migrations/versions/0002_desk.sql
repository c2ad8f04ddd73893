alter table turn add column heard_desk int not null default 0;

-- How the shop works with its desk, without the vendor: that is the link's.
alter table shop add column desk jsonb not null default '{}';
-- Up to when a person has answered for returns and refunds that another program wrote into commerce.
alter table shop add column writers_answered_at bigint not null default 0;

alter table return_case add column desk_return_id text not null default '';
-- One return in the desk stands for one case only, whoever of two comes first.
create unique index return_case_desk on return_case (shop_id, desk_return_id) where desk_return_id <> '';
-- A desk names an order by the number that a global id ends in.
create index return_case_commerce_number on return_case (shop_id, (regexp_replace(commerce_order_id, '^.*/', '')))
    where commerce_order_id <> '';

-- Returns and refunds on the channel's orders in commerce that neither the hub nor the desk made.
create table stranger (
    shop_id uuid not null references shop,
    ident text not null,
    kind text not null check (kind in ('return', 'refund')),
    order_id text not null,
    at bigint not null,
    primary key (shop_id, ident)
);
create index stranger_at on stranger (shop_id, at);

-- Orders on which another program wrote within 30 days, since a person last answered for it.
create view strangers_of_shop as
    select s.id as shop_id, count(distinct t.order_id) as orders from shop s
    cross join lateral (select max(at) as at from stranger where shop_id = s.id) newest
    join stranger t on t.shop_id = s.id and t.at > greatest(s.writers_answered_at, newest.at - 30 * 86400)
    group by s.id;
