-- Carts, and the checkouts that orders make of them.

create table cart (
    id         uuid primary key,
    customer   uuid not null, -- the `sub` of whoever filled it
    currency   text not null, -- every product in it is priced in this one
    state      text not null default 'open',
    created_at timestamptz not null,
    changed_at timestamptz not null,
    constraint cart_state_known    check (state in ('open', 'checked_out')),
    constraint cart_currency_known check (currency in ('EUR', 'USD', 'GBP', 'JPY'))
);

create index cart_by_customer on cart (customer, id);

create table cart_line (
    cart     uuid not null references cart on delete cascade,
    sku      text collate "C" not null references product,
    quantity integer not null,
    added_at timestamptz not null,
    primary key (cart, sku),
    constraint cart_line_quantity_in_range check (quantity between 1 and 1000)
);

-- One row per order, for ever. `reopened` without a cart is the tombstone: the undo came before the checkout,
-- and the late checkout must be refused. No foreign key: a reopened cart may be deleted by its customer.
create table checkout (
    order_id   uuid primary key,
    cart       uuid,
    customer   uuid,
    state      text not null,
    snapshot   jsonb, -- the answer as it was given: prices fixed at that moment; a repeat gets it again
    created_at timestamptz not null,
    changed_at timestamptz not null,
    constraint checkout_state_known check (state in ('done', 'reopened')),
    constraint checkout_done_has_its_cart check (state = 'reopened' or (cart is not null and customer is not null)),
    constraint checkout_asked_as_a_whole check ((cart is null) = (customer is null))
);

-- However the code may err, one cart is never in two orders.
create unique index checkout_cart_once on checkout (cart) where state = 'done';

-- Empty, always: a cart is checked out exactly when one order holds it.
create view invariant_violation as
select 'a checked-out cart belongs to an order' as rule, cart.id as cart
from cart
where state = 'checked_out' and not exists (select from checkout where checkout.cart = cart.id and checkout.state = 'done')
union all
select 'a cart of an order is checked out', checkout.cart
from checkout left join cart on cart.id = checkout.cart
where checkout.state = 'done' and cart.state is distinct from 'checked_out';
