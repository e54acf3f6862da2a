-- Calls keep positions within the range of figures, as files do: a reset to a figure in range must stay possible.
-- Rules: inventory.md 3.5 (quantity), 5.17.
create or replace function oms.adjust_position(
    by_client text, with_key text, with_body bytea, element_no integer, element jsonb
) returns jsonb language plpgsql as $$
declare
    units        integer     := element ->> 'availableDelta';
    happened_at  timestamptz := least((element ->> 'effectiveDate')::timestamptz,
                                      case when element ? 'effectiveDate' then now() end);
    policy       text        := coalesce(element ->> 'negativePolicy', 'allow');
    location_id  text        := element ->> 'locationSeqId';
    earlier      oms.api_call;
    place        record;
    id_type      text;
    product      record;
    reason       oms.reason;
    item         oms.inventory_item;
    answer       jsonb;
    asked        integer;
    recorded     integer     := 0;
begin
    if with_key is not null then
        perform pg_advisory_xact_lock(hashtextextended(by_client || ' ' || with_key, 517));
        select * into earlier from oms.api_call as call
         where call.client = by_client and call.idempotency_key = with_key
           and call.element_no = adjust_position.element_no;
        if not found then
            select * into earlier from oms.api_call as call
             where call.client = by_client and call.idempotency_key = with_key
             limit 1;
        end if;
        if earlier.called_at < now() - interval '30 days' then
            delete from oms.api_call as call
             where call.client = by_client and call.idempotency_key = with_key;
        elsif earlier.body_hash <> with_body then
            return oms.refusal(409, 'ERR_KEY_REUSED', 'Idempotency-Key',
                format('the key was used at %s with another body; another change needs another key', earlier.called_at));
        elsif earlier.element_no = adjust_position.element_no then
            return earlier.answer || '{"duplicate": true}';
        end if;
    end if;

    select facility_id, is_virtual into place
      from oms.facility_reference
      join oms.facility using (facility_id)
      join oms.facility_type using (facility_type_id)
     where reference = element ->> 'facilityId';
    if not found then
        return oms.refusal(404, 'ERR_FACILITY_NOT_FOUND', 'facilityId',
            format('no facility has the id %L', element ->> 'facilityId'));
    elsif place.is_virtual then
        return oms.refusal(422, 'ERR_VIRTUAL_FACILITY', 'facilityId',
            format('%s is a virtual facility, which never holds stock', place.facility_id));
    end if;

    select identification_type_id into id_type
      from oms.identification_spelling
     where match_key = oms.match_key(element ->> 'idType');
    if id_type is null then
        return oms.refusal(400, 'ERR_ID_TYPE', 'idType',
            format('unknown idType %L; known are %s', element ->> 'idType', oms.known_id_types()));
    end if;
    select count(*) as products, min(product_id) as product_id, bool_or(is_virtual) as is_virtual,
           bool_or(product_type_id = 'MARKETING_PKG_PICK') as is_kit
      into product
      from oms.identified(id_type, element ->> 'idValue') as identified (product_id)
      join oms.product using (product_id);
    if product.products = 0 then
        return oms.refusal(404, 'ERR_PRODUCT_NOT_FOUND', 'idValue',
            format('no product has the %s %L today', id_type, element ->> 'idValue'));
    elsif product.products > 1 then
        return oms.refusal(422, 'ERR_PRODUCT_AMBIGUOUS', 'idValue',
            format('%s products have the %s %L', product.products, id_type, element ->> 'idValue'));
    elsif product.is_virtual then
        return oms.refusal(422, 'ERR_VIRTUAL_PRODUCT', 'idValue', 'a parent product has no stock; name one of its variants');
    elsif product.is_kit then
        return oms.refusal(422, 'ERR_KIT', 'idValue', 'a kit has no stock of its own; adjust its components');
    end if;

    if location_id is null then
        location_id := oms.default_location(place.facility_id);
    elsif location_id <> 'TLTLTLLL01'
          and not exists (select from oms.facility_location as known
                           where known.facility_id = place.facility_id and known.location_seq_id = location_id) then
        return oms.refusal(404, 'ERR_LOCATION_NOT_FOUND', 'locationSeqId',
            format('facility %s has no location %L', place.facility_id, location_id));
    end if;

    select * into reason from oms.reason where reason_id = element ->> 'varianceReasonId';
    if not coalesce(reason.accepted_on_input, false) then
        return oms.refusal(400, 'ERR_REASON_NOT_FOUND', 'varianceReasonId',
            format('%L is not a reason that a call may give', element ->> 'varianceReasonId'));
    end if;

    select * into item from oms.inventory_item as known
     where known.product_id = product.product_id and known.facility_id = place.facility_id
       and known.location_seq_id = location_id
       for no key update;
    if units <> 0 and reason.writes_entry then
        if item.inventory_item_id is null and (policy <> 'reject' or units > 0) then
            insert into oms.inventory_item (product_id, facility_id, location_seq_id)
            values (product.product_id, place.facility_id, location_id)
            on conflict do nothing;
            select * into item from oms.inventory_item as known
             where known.product_id = product.product_id and known.facility_id = place.facility_id
               and known.location_seq_id = location_id
               for no key update;
        end if;
        asked := case when oms.is_counted(happened_at, item.counted_as_of) then 0 else units end;
        recorded := oms.next_level(null, coalesce(item.qoh, 0), asked, policy) - coalesce(item.qoh, 0);
        if recorded <> asked and policy = 'reject' then
            return oms.refusal(422, 'ERR_NEGATIVE', 'availableDelta',
                format('%s units would bring QOH from %s to below 0, which negativePolicy reject forbids',
                       units, coalesce(item.qoh, 0)));
        end if;
        insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, reason_id, effective_at, source_key,
                                          comments, counted_by_entry)
        values (item.inventory_item_id, recorded, recorded, reason.reason_id, coalesce(happened_at, now()),
                concat_ws(':', 'api', by_client, coalesce(with_key, gen_random_uuid()::text),
                          adjust_position.element_no, case when with_key is not null then (extract(epoch from now()) * 1000)::bigint end),
                element ->> 'comments',
                case when asked <> units then oms.counting_entry(item.inventory_item_id, item.counted_as_of) end);
    end if;

    answer := jsonb_strip_nulls(jsonb_build_object(
        'status', 200,
        'inventoryItemId', item.inventory_item_id,
        'qoh', coalesce(item.qoh, 0) + recorded,
        'atp', coalesce(item.atp, 0) + recorded,
        'recordedDelta', recorded,
        'duplicate', false,
        'outcome', case when asked <> units then 'ALREADY_COUNTED'
                        when recorded <> asked then 'FLOORED'
                        when not reason.writes_entry or units = 0 then 'UNCHANGED'
                        else 'APPLIED' end,
        'note', case when asked <> units
                     then format('happened at %s; the count of %s already contains it', happened_at, item.counted_as_of)
                     when recorded <> asked
                     then format('%s of %s units recorded, %s more would bring QOH below 0',
                                 abs(recorded), abs(asked), abs(asked - recorded)) end));
    if with_key is not null then
        insert into oms.api_call (client, idempotency_key, element_no, body_hash, answer)
        values (by_client, with_key, adjust_position.element_no, with_body, answer);
    end if;
    return answer;
end $$;
comment on function oms.adjust_position is
'One variance by API: finds facility, product and location, records what the count and the negative policy let pass, and
keeps the answer under its Idempotency-Key (inventory.md 5.17). Returns the answer, or a refusal that changed nothing.';
