-- How a shop's portal for buyers is set; a shop without a row has none open.
create table portal (
    shop_id uuid primary key references shop,
    open boolean not null default false,
    kinds text[] not null default '{return}',
    texts jsonb not null default '{}',
    redirect jsonb not null default '{}',
    opened_at timestamptz,
    filled_at timestamptz
);

-- A buyer who has named an order and its postal code. The token is in the buyer's cookie alone; the code is nowhere.
create table portal_visit (
    id uuid primary key,
    token bytea not null unique,
    csrf text not null,
    shop_id uuid not null references shop,
    order_id text not null,
    found_at timestamptz not null default now(),
    ends_at timestamptz not null,
    offer bytea,
    asked jsonb not null default '{}',
    asked_at timestamptz,
    case_id uuid references return_case
);
create index portal_visit_shop on portal_visit (shop_id, found_at);
create index portal_visit_case on portal_visit (case_id) where case_id is not null;

-- Look-ups that found nothing, counted by a mark that tells neither order nor address.
create table portal_try (
    mark bytea primary key,
    count int not null,
    since timestamptz not null default now()
);
create index portal_try_since on portal_try (since);
