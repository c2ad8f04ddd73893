-- Times named *_at of type bigint are Unix seconds by the shop's clock; timestamptz is the database's own clock.
-- Every row that belongs to a shop carries shop_id.

create table connection (
    id uuid primary key,
    vendor text not null,
    role text not null,
    title text not null,
    environment text not null check (environment in ('live', 'simulated')),
    settings jsonb not null default '{}',
    secrets bytea,
    tokens bytea,
    api_base text not null default '',
    auth_base text not null default '',
    clock jsonb,
    state text not null default 'never_connected' check (state in ('never_connected', 'connected', 'expired', 'disabled')),
    state_text text not null default '',
    account text not null default '',
    access_expires_at bigint,
    refresh_expires_at bigint,
    issued_at bigint,
    granted_scopes text[] not null default '{}',
    webhook_key text not null unique,
    webhooks jsonb not null default '{}',
    last_heard_at timestamptz,
    last_read_at timestamptz,
    refresh_claim timestamptz,
    created_at timestamptz not null default now()
);
create unique index connection_account on connection (vendor, account, environment) where account <> '';

create table shop (
    id uuid primary key,
    channel_id text not null,
    channel_key text not null,
    name text not null,
    market text not null,
    currency text not null,
    time_zone text not null,
    mode text not null default 'observe' check (mode in ('observe', 'live')),
    live_since bigint,
    payer text not null default 'channel',
    booker text not null default 'hub',
    safe_gateways text[] not null default '{}',
    location text not null default '',
    learnt jsonb not null default '{}',
    capabilities jsonb not null default '{}',
    created_at timestamptz not null default now()
);

create table link (
    shop_id uuid not null references shop,
    role text not null,
    connection_id uuid not null references connection,
    shop_key text not null default '',
    directions jsonb not null default '{}',
    primary key (shop_id, role)
);
create index link_connection on link (connection_id);

create table inbox (
    id uuid primary key,
    connection_id uuid not null references connection,
    delivery text not null,
    topic text not null,
    raw bytea not null,
    drift text not null default '',
    copies int not null default 1,
    received_at timestamptz not null default now(),
    unique (connection_id, delivery)
);
create index inbox_received on inbox (received_at);

create table refused_webhook (
    connection_id uuid not null references connection,
    day date not null default current_date,
    cause text not null,
    count bigint not null,
    primary key (connection_id, day, cause)
);

create table return_case (
    id uuid primary key,
    shop_id uuid not null references shop,
    channel_kind text not null check (channel_kind in ('return', 'cancellation')),
    channel_id text not null,
    order_id text not null default '',
    kind text not null default 'unknown',
    status text not null default 'new',
    raw_status text not null default '',
    raw_kind text not null default '',
    reason_key text not null default '',
    reason_text text not null default '',
    requested_at bigint not null default 0,
    updated_at bigint not null default 0,
    next_action text,
    deadline bigint,
    total bigint,
    currency text,
    ended boolean not null default false,
    attention boolean not null default false,
    mode text not null default 'observe',
    group_key text not null default '',
    commerce_order_id text not null default '',
    commerce_order_name text not null default '',
    view bytea,
    body bytea,
    policy_version int,
    opened_at timestamptz not null default now(),
    seq bigint generated always as identity,
    unique (shop_id, channel_kind, channel_id)
);
create index return_case_grid on return_case (shop_id, status, updated_at desc, id desc);
create index return_case_all on return_case (updated_at desc, id desc);
create index return_case_shop on return_case (shop_id, updated_at desc, id desc);
create index return_case_due on return_case (deadline, id) where deadline is not null and not ended;
create index return_case_order on return_case (shop_id, order_id);
create index return_case_commerce on return_case (shop_id, commerce_order_id) where commerce_order_id <> '';
create index return_case_group on return_case (shop_id, group_key) where group_key <> '';

-- The claim on a subject ("turn"), narrow because every run rewrites it. Cases, sweeps of a shop, logins of a connection.
create table turn (
    subject_id uuid primary key,
    kind text not null check (kind in ('case', 'sweep', 'login')),
    shop_id uuid,
    generation bigint not null default 0,
    claim bigint not null default 0,
    owner bigint,
    until timestamptz,
    dirty boolean not null default false,
    heard_channel int not null default 0,
    heard_commerce int not null default 0,
    attend_at bigint,
    rank int not null default 0
) with (fillfactor = 70);
create index turn_due on turn (shop_id, attend_at) where attend_at is not null;
create index turn_held on turn (until) where owner is not null;

create table return_line (
    case_id uuid not null references return_case,
    unit_id text not null,
    shop_id uuid not null,
    order_line_id text not null,
    sku text not null default '',
    name text not null default '',
    refund bigint,
    commerce_line_id text not null default '',
    received_at bigint,
    condition text,
    disposition text,
    primary key (case_id, unit_id)
);
create index return_line_sku on return_line (shop_id, sku);

create table parcel (
    id uuid primary key,
    shop_id uuid not null,
    tracking_number text not null,
    carrier text not null default '',
    unique (shop_id, tracking_number)
);
create table parcel_case (
    parcel_id uuid not null references parcel,
    case_id uuid not null references return_case,
    primary key (parcel_id, case_id)
);

create table order_link (
    shop_id uuid not null references shop,
    channel_order_id text not null,
    commerce_order_id text not null,
    how text not null,
    by text not null default 'search',
    learnt_at timestamptz not null default now(),
    primary key (shop_id, channel_order_id)
);
create index order_link_commerce on order_link (shop_id, commerce_order_id);

create table sku_alias (
    shop_id uuid not null references shop,
    channel_sku text not null,
    commerce_sku text not null,
    by text not null,
    at timestamptz not null default now(),
    primary key (shop_id, channel_sku)
);

create table effect (
    id uuid primary key,
    case_id uuid not null references return_case,
    shop_id uuid not null,
    target text not null,
    kind text not null,
    wanted bytea not null,
    state text not null,
    safety bytea not null,
    key text not null,
    request bytea,
    because text not null,
    by text not null,
    claim bigint not null,
    attempts int not null default 0,
    reported boolean not null default true,
    created_at bigint not null,
    sent_at bigint,
    dead_at bigint,
    answered_at bigint,
    code text not null default '',
    text text not null default '',
    result text not null default '',
    written_at timestamptz not null default now(),
    seq bigint generated always as identity
);
create unique index effect_open on effect (case_id, target) where state in ('intent', 'sent', 'accepted');
create index effect_case on effect (case_id, seq);

create table history (
    id uuid primary key,
    shop_id uuid,
    case_id uuid,
    at bigint not null,
    who text not null,
    what text not null,
    text text not null,
    detail jsonb,
    written_at timestamptz not null default now()
);
create index history_case on history (case_id, id);
create index history_shop on history (shop_id, id);

create table exception (
    id uuid primary key,
    shop_id uuid,
    case_id uuid,
    connection_id uuid,
    key text not null,
    lane text not null,
    text text not null,
    todo text not null,
    waits_kind text,
    waits_id text,
    deadline bigint,
    retry text not null default '',
    console boolean not null default false,
    opened_at timestamptz not null default now(),
    closed_at timestamptz,
    closed_by text
);
create unique index exception_open on exception (coalesce(case_id, connection_id), key) where closed_at is null;
create index exception_list on exception (shop_id, opened_at desc, id desc) where closed_at is null;
create index exception_wait on exception (shop_id, waits_kind, waits_id) where closed_at is null and waits_kind is not null;

create table command (
    id uuid primary key,
    case_id uuid not null references return_case,
    shop_id uuid not null,
    kind text not null,
    body bytea not null,
    by text not null,
    at bigint not null,
    written_at timestamptz not null default now()
);
create index command_case on command (case_id, id);

create table idempotency (
    key text primary key,
    request text not null,
    answer bytea,
    at timestamptz not null default now()
);

create table attachment (
    id uuid primary key,
    shop_id uuid not null,
    case_id uuid,
    name text not null,
    mime text not null,
    sha256 text not null,
    bytes bytea not null,
    by text not null,
    at timestamptz not null default now()
);
create index attachment_case on attachment (case_id);

-- Append-only: a rule refuses update and delete.
create table refund_entry (
    id uuid primary key,
    shop_id uuid not null references shop,
    case_id uuid,
    key text not null,
    kind text not null,
    amount bigint not null,
    currency text not null,
    at bigint not null,
    source text not null,
    text text not null default '',
    written_at timestamptz not null default now(),
    unique (shop_id, key)
);
create index refund_entry_case on refund_entry (case_id);
-- What somebody else has refunded stands for one case only, whoever of two comes first.
create unique index refund_entry_adopted on refund_entry (shop_id, source) where kind = 'adopted';
create function refuse_change() returns trigger language plpgsql as
    $$ begin raise exception '% is append-only', tg_table_name; end $$;
create trigger refund_entry_append_only before update or delete on refund_entry for each row execute function refuse_change();
create trigger history_append_only before update or delete on history for each row execute function refuse_change();

create table policy (
    shop_id uuid not null references shop,
    version int not null,
    body bytea not null,
    by text not null,
    effective_at timestamptz not null default now(),
    primary key (shop_id, version)
);

create table cursor (
    shop_id uuid not null references shop,
    name text not null,
    value bytea not null,
    at timestamptz not null default now(),
    primary key (shop_id, name)
);

create table budget (
    connection_id uuid not null,
    shop_key text not null,
    api text not null,
    tokens double precision not null,
    capacity double precision not null,
    per_s double precision not null,
    granted double precision not null default 0,
    at timestamptz not null default clock_timestamp(),
    primary key (connection_id, shop_key, api)
) with (fillfactor = 50);

-- Appended deltas of what the pages count; folded now and then.
create table case_count (
    shop_id uuid not null,
    status text not null,
    attention boolean not null,
    delta int not null
);
create index case_count_shop on case_count (shop_id);

create table signin_link (
    hash bytea primary key,
    name text not null,
    role text not null default 'owner',
    expires_at timestamptz not null,
    used_at timestamptz
);
create table session (
    hash bytea primary key,
    name text not null,
    role text not null,
    csrf text not null,
    created_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create table api_token (
    hash bytea primary key,
    name text not null,
    role text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    used_at timestamptz
);

create table worker (
    id uuid primary key,
    pid int not null,
    host text not null,
    started_at timestamptz not null default now(),
    beat_at timestamptz not null default now(),
    oldest_job_s double precision not null default 0
);
