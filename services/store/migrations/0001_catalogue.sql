-- What is sold: products in categories, what the shelf holds of them, and how often they were bought.

create table category (
    slug   text collate "C" primary key,
    name   text not null,
    parent text collate "C" references category, -- a category of the parent is one of its own products' too
    constraint category_is_not_its_own_parent check (parent <> slug)
);

-- One row per product, for ever: what was sold once must be nameable later. Withdrawn products stay.
-- Byte order (collation "C") makes cursors and lock order the same everywhere.
create table product (
    sku          text collate "C" primary key,
    name         text not null,
    description  text not null,
    category     text collate "C" not null constraint product_category_known references category,
    price        bigint not null, -- minor units of the currency
    currency     text not null,   -- fixed for life: carts rely on it
    weight_grams integer not null,
    withdrawn    boolean not null default false,
    sold         bigint not null default 0, -- pieces in confirmed orders
    version      bigint not null default 1, -- rises by one with every edit, not with `sold`
    created_at   timestamptz not null,
    changed_at   timestamptz not null,
    -- What a search looks at: name and SKU count for more than the description.
    search       tsvector not null generated always as (
        setweight(to_tsvector('english'::regconfig, name || ' ' || sku), 'A') ||
        setweight(to_tsvector('english'::regconfig, description), 'B')
    ) stored,
    constraint product_price_in_range     check (price between 1 and 100000000000),
    constraint product_currency_known     check (currency in ('EUR', 'USD', 'GBP', 'JPY')),
    constraint product_weight_in_range    check (weight_grams between 1 and 1000000),
    constraint product_sold_not_negative  check (sold >= 0)
);

create index product_by_search on product using gin (search);
create index product_by_category on product (category, sku);

-- One index for each order of the list; the SKU makes each order total, which a cursor needs.
create index product_by_name on product (name, sku);
create index product_by_price on product (price, sku);
create index product_by_age on product (created_at, sku);
create index product_by_sales on product (sold, sku);

-- Apart from the product, so that listing reads narrow rows.
create table picture (
    sku text collate "C" primary key references product,
    svg text not null
);

-- What inventory said last. Without a foreign key: stock may be announced before the product is known here.
create table availability (
    sku       text collate "C" primary key,
    available bigint not null, -- pieces that can still be sold
    version   bigint not null, -- inventory's: what is older is dropped
    constraint availability_not_negative check (available >= 0)
);
