-- For operators, after this database or a listener's was put back to an earlier moment: says again how all stock stands,
-- with versions above all that anybody may have heard. Returns how many products that is.
create function announce_stock_again() returns bigint language plpgsql as $$
declare
    announced bigint;
begin
    -- In the order in which all others take them.
    perform from stock order by sku for no key update;
    with again as (
        update stock set version = greatest(version + 1, (extract(epoch from clock_timestamp()) * 1000)::bigint)
        returning sku, on_hand, reserved, version, gen_random_uuid() as id)
    insert into messaging.outbox (id, subject, aggregate, body)
    select id, 'inventory.stock.changed.v1', sku, jsonb_build_object(
        'specversion', '1.0', 'id', id, 'source', '/inventory', 'type', 'inventory.stock.changed.v1', 'subject', sku,
        'time', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'datacontenttype', 'application/json',
        'data', jsonb_build_object('sku', sku, 'on_hand', on_hand, 'reserved', reserved,
            'available', on_hand - reserved, 'version', version))
    from again order by sku;
    get diagnostics announced = row_count;
    return announced;
end
$$;
