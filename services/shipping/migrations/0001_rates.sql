-- Where the carrier goes, and what it costs. A country belongs to one zone; a zone has a price per service and
-- weight bracket. Changed by staff through the API, seeded here so that every way of running starts alike.

create table country (
    code text primary key constraint country_code check (code ~ '^[A-Z]{2}$'),
    zone text not null constraint country_zone check (zone in ('domestic', 'europe', 'world'))
);

create table rate (
    zone           text    not null constraint rate_zone check (zone in ('domestic', 'europe', 'world')),
    service        text    not null constraint rate_service check (service in ('standard', 'express')),
    -- The bracket: parcels heavier than the next lighter bracket, up to and including this weight.
    up_to_grams    integer not null constraint rate_bracket check (up_to_grams between 1 and 30000),
    price_amount   bigint  not null constraint rate_price check (price_amount > 0),
    price_currency text    not null constraint rate_currency check (price_currency = 'EUR'),
    days           integer not null constraint rate_days check (days between 1 and 60),
    primary key (zone, service, up_to_grams)
);

insert into country (code, zone) values
    ('DE', 'domestic'),
    ('AT', 'europe'), ('BE', 'europe'), ('BG', 'europe'), ('CH', 'europe'), ('CY', 'europe'), ('CZ', 'europe'),
    ('DK', 'europe'), ('EE', 'europe'), ('ES', 'europe'), ('FI', 'europe'), ('FR', 'europe'), ('GB', 'europe'),
    ('GR', 'europe'), ('HR', 'europe'), ('HU', 'europe'), ('IE', 'europe'), ('IS', 'europe'), ('IT', 'europe'),
    ('LI', 'europe'), ('LT', 'europe'), ('LU', 'europe'), ('LV', 'europe'), ('MT', 'europe'), ('NL', 'europe'),
    ('NO', 'europe'), ('PL', 'europe'), ('PT', 'europe'), ('RO', 'europe'), ('SE', 'europe'), ('SI', 'europe'),
    ('SK', 'europe'),
    ('AU', 'world'), ('BR', 'world'), ('CA', 'world'), ('IN', 'world'), ('JP', 'world'), ('KR', 'world'),
    ('MX', 'world'), ('NZ', 'world'), ('SG', 'world'), ('US', 'world'), ('ZA', 'world');

insert into rate (zone, service, up_to_grams, price_amount, price_currency, days)
select zone, service, up_to_grams, price_amount, 'EUR', days
from (values
    ('domestic', 'standard',  2,  '{490, 590, 690, 990, 1590, 1990}'::bigint[]),
    ('domestic', 'express',   1,  '{1190, 1390, 1590, 1990, 2690, 3290}'),
    ('europe',   'standard',  5,  '{1090, 1290, 1690, 2390, 3590, 4490}'),
    ('europe',   'express',   2,  '{2490, 2890, 3590, 4990, 7490, 9490}'),
    ('world',    'standard', 14,  '{1890, 2490, 3990, 6490, 10990, 14990}'),
    ('world',    'express',   4,  '{3990, 4990, 7490, 11990, 18990, 24990}')
) as tariff (zone, service, days, prices)
cross join lateral unnest(prices, '{1000, 2000, 5000, 10000, 20000, 30000}'::integer[]) as bracket (price_amount, up_to_grams);
