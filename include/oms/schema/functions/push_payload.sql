create or replace function oms.push_payload(batch_id uuid, run_in_uri text, changes text) returns text
language sql immutable parallel safe as $$
    select format('{"changes":[%s],"name":"available","reason":"correction",'
                  '"referenceDocumentUri":"gid://oms/SyncBatch/%s?run=%s"}', changes, batch_id, run_in_uri)
$$;
comment on function oms.push_payload is 'The `input` of inventoryAdjustQuantities as canonical JSON; run_in_uri is percent-encoded.';
