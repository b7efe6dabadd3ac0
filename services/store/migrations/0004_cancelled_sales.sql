-- A cancelled order counts as sold no more, nor does one whose cancellation is heard of first: then the row has no lines.

alter table sale
    add column lines jsonb, -- {"SKU": pieces}, as they were counted
    add column cancelled boolean not null default false;

update sale set lines = (
    select jsonb_object_agg(line->>'sku', line->'quantity') from jsonb_array_elements(snapshot->'lines') as line)
from checkout where checkout.order_id = sale.order_id and checkout.snapshot is not null;
