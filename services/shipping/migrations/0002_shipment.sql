-- At most one shipment per order: the order's id is the key.
--
-- A row that is cancelled and has no booking is a tombstone: the order was undone before its booking arrived.
-- It stands in this table, not beside it, so that booking and undoing meet at the same key and one of them loses.

create table shipment (
    order_id        uuid        primary key,
    state           text        not null constraint shipment_state
                                check (state in ('booked', 'prepared', 'dispatched', 'delivered', 'cancelled')),
    customer_id     uuid,
    ship_to         jsonb,
    weight_grams    integer     constraint shipment_weight check (weight_grams between 1 and 30000),
    service         text        constraint shipment_service check (service in ('standard', 'express')),
    -- What the customer accepted; a later change of the rates does not touch it.
    price_amount    bigint      constraint shipment_price check (price_amount > 0),
    price_currency  text        constraint shipment_currency check (price_currency = 'EUR'),
    days            integer     constraint shipment_days check (days between 1 and 60),
    tracking_number text        constraint shipment_tracking_number unique,
    booked_at       timestamptz,
    changed_at      timestamptz not null,
    constraint shipment_booking check (
        num_nulls(customer_id, ship_to, weight_grams, service, price_amount, price_currency, days, tracking_number, booked_at)
        = case when booked_at is null then 9 else 0 end
    ),
    constraint shipment_tombstone check (booked_at is not null or state = 'cancelled')
);

create index shipment_by_customer on shipment (customer_id, order_id desc) where booked_at is not null;
create index shipment_by_state on shipment (state, order_id desc) where booked_at is not null;

-- What happened to a shipment, once per state. Only ever added to.
create table tracking_event (
    order_id uuid        not null references shipment,
    state    text        not null constraint tracking_event_state
                         check (state in ('booked', 'prepared', 'dispatched', 'delivered', 'cancelled')),
    at       timestamptz not null,
    position bigint      generated always as identity,
    primary key (order_id, state)
);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end
$$;

create trigger tracking_event_append_only before update or delete or truncate on tracking_event
    for each statement execute function refuse_change();

-- Empty, always: a shipment's state is that of its last tracking event.
create view invariant_violation as
select 'state = last tracking event' as rule, order_id, shipment.state as stands, last.state as expected
from shipment
left join lateral (
    select state from tracking_event where tracking_event.order_id = shipment.order_id order by position desc limit 1
) last on true
where shipment.state is distinct from last.state;
