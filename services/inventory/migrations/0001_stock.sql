-- What is on the shelf, what of it is promised to orders, and every movement that made it so.
--
-- The rules that must hold whatever the code does are written here as constraints with names.
-- `stock` is a running total; `movement` is the truth it can be recomputed from.

-- One row per SKU. Byte order (collation "C") makes cursors and lock order the same everywhere.
create table stock (
    sku      text collate "C" primary key,
    on_hand  bigint not null default 0, -- pieces in the building
    reserved bigint not null default 0, -- of these, promised to orders
    version  bigint not null default 0, -- rises by one with every change: receivers drop what is older
    constraint stock_on_hand_not_negative    check (on_hand >= 0),
    constraint stock_reserved_not_negative   check (reserved >= 0),
    constraint stock_reserved_within_on_hand check (reserved <= on_hand)
);

-- One row per order, for ever. `released` without lines is the tombstone: the release came before its reservation,
-- and the late reservation must be refused.
create table reservation (
    order_id    uuid primary key,
    state       text not null,
    reserved_by text not null, -- subject of the caller's token
    created_at  timestamptz not null,
    changed_at  timestamptz not null,
    constraint reservation_state_known check (state in ('held', 'committed', 'shipped', 'released'))
);

create index reservation_by_state on reservation (state, order_id);

-- What was promised. Kept after release and shipping: it answers a repeated request.
create table reservation_line (
    order_id uuid not null references reservation,
    sku      text collate "C" not null references stock,
    quantity integer not null,
    primary key (order_id, sku),
    constraint reservation_line_quantity_positive check (quantity > 0)
);

-- A reservation as it is read: with its lines, by SKU.
create view reservation_with_lines as
select reservation.*,
       coalesce((select jsonb_agg(jsonb_build_object('sku', sku, 'quantity', quantity) order by sku)
                 from reservation_line as line where line.order_id = reservation.order_id), '[]') as lines
from reservation;

-- The journal. Append only.
--   kind       quantity   on_hand    reserved
--   received   > 0        + quantity
--   adjusted   <> 0       + quantity
--   shipped    < 0        + quantity + quantity
--   reserved   > 0                   + quantity
--   released   < 0                   + quantity
create table movement (
    id        bigint generated always as identity primary key,
    sku       text collate "C" not null references stock,
    kind      text not null,
    quantity  bigint not null,
    reference text, -- names a receipt or adjustment, so that a repeat counts once
    reason    text, -- why somebody adjusted
    order_id  uuid references reservation,
    actor     text not null, -- subject of the caller's token, or the event that caused it
    at        timestamptz not null,
    constraint movement_quantity_fits_kind check (
        case kind
            when 'received' then quantity > 0
            when 'reserved' then quantity > 0
            when 'shipped'  then quantity < 0
            when 'released' then quantity < 0
            when 'adjusted' then quantity <> 0
            else false
        end),
    constraint movement_names_its_order check ((order_id is not null) = (kind in ('reserved', 'released', 'shipped'))),
    constraint movement_received_has_reference check (kind <> 'received' or reference is not null),
    constraint movement_adjusted_has_reason check ((reason is not null) = (kind = 'adjusted'))
);

create index movement_by_sku on movement (sku, id desc);

-- A receipt counts once, however often it is reported.
create unique index movement_reference_once on movement (sku, kind, reference) where reference is not null;

-- An order takes, returns and ships a SKU once each, however often it is asked.
create unique index movement_order_once on movement (order_id, sku, kind) where order_id is not null;

create function refuse_to_rewrite_movements() returns trigger language plpgsql as $$
begin
    raise exception 'movements are append-only' using errcode = 'restrict_violation', constraint = 'movement_append_only';
end
$$;

create trigger movement_append_only before update or delete or truncate on movement
    for each statement execute function refuse_to_rewrite_movements();

-- Empty, always. A row names the rule that is broken, the SKU, and the two numbers that should be equal.
create view invariant_violation as
with journal as (
    select sku,
           sum(quantity) filter (where kind in ('received', 'adjusted', 'shipped')) as on_hand,
           sum(quantity) filter (where kind in ('reserved', 'released', 'shipped')) as reserved
    from movement
    group by sku
), promised as (
    select sku, sum(quantity) as reserved
    from reservation_line
    join reservation using (order_id)
    where state in ('held', 'committed')
    group by sku
)
select 'on_hand = received - shipped ± adjusted' as rule, stock.sku, stock.on_hand::numeric as stands, coalesce(journal.on_hand, 0) as expected
from stock left join journal using (sku)
where stock.on_hand <> coalesce(journal.on_hand, 0)
union all
select 'reserved = what the journal says', stock.sku, stock.reserved, coalesce(journal.reserved, 0)
from stock left join journal using (sku)
where stock.reserved <> coalesce(journal.reserved, 0)
union all
select 'reserved = lines of live reservations', stock.sku, stock.reserved, coalesce(promised.reserved, 0)
from stock left join promised using (sku)
where stock.reserved <> coalesce(promised.reserved, 0);
