create or replace function oms.push_change(location bigint, item bigint, delta integer) returns text
language sql immutable parallel safe as $$
    select format('{"changeFromQuantity":null,"delta":%s,"inventoryItemId":"gid://shopify/InventoryItem/%s",'
                  '"locationId":"gid://shopify/Location/%s"}', delta, item, location)
$$;
comment on function oms.push_change is 'One change of a payload. changeFromQuantity is null on purpose: a customer''s order between reading and sending is not a conflict.';
