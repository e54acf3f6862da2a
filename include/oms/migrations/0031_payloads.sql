-- The frozen text of a call to Shopify is made where its lines are.
-- Source: spec inventory.md 6.4; shopify.md 1.3.

create function oms.push_change(location bigint, item bigint, delta integer) returns text
language sql immutable parallel safe as $$
    select format('{"changeFromQuantity":null,"delta":%s,"inventoryItemId":"gid://shopify/InventoryItem/%s",'
                  '"locationId":"gid://shopify/Location/%s"}', delta, item, location)
$$;
comment on function oms.push_change is 'One change of a payload. changeFromQuantity is null on purpose: a customer''s order between reading and sending is not a conflict.';

create function oms.push_payload(batch_id uuid, run_in_uri text, changes text) returns text
language sql immutable parallel safe as $$
    select format('{"changes":[%s],"name":"available","reason":"correction",'
                  '"referenceDocumentUri":"gid://oms/SyncBatch/%s?run=%s"}', changes, batch_id, run_in_uri)
$$;
comment on function oms.push_payload is 'The `input` of inventoryAdjustQuantities as canonical JSON; run_in_uri is percent-encoded.';
