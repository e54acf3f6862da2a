-- Changes of stock by API call: tokens, answers kept for repetitions, and the change itself.
-- Sources: spec inventory.md 3.5, 3.6, 5.5, 5.17, 5.18, 6.8.

create table oms.api_token (
    token_id           text collate "C" primary key check (token_id ~ '^[0-9a-f]{12}$'),
    client             text collate "C" not null check (client ~ '^[A-Za-z0-9_.-]{1,40}$'),
    secret_hash        bytea not null check (octet_length(secret_hash) = 32),
    scopes             text[] not null check (cardinality(scopes) > 0),
    created_at         timestamptz not null default now(),
    expires_at         timestamptz,
    revoked_at         timestamptz
);
comment on table oms.api_token is 'Who may call the API: a bearer token is oms_<token_id>_<secret>; only the hash of the secret is here.';
comment on column oms.api_token.client is 'The system that calls. Its tokens share their idempotency keys, so that a new token repeats the calls of the old one.';
comment on column oms.api_token.secret_hash is 'SHA-256 of the secret, 32 random bytes, which no dictionary holds.';

create table oms.api_call (
    client             text collate "C" not null,
    idempotency_key    text collate "C" not null check (length(idempotency_key) between 1 and 64),
    element_no         integer not null check (element_no >= 0),
    body_hash          bytea not null,
    answer             jsonb not null,
    called_at          timestamptz not null default now(),
    primary key (client, idempotency_key, element_no)
);
comment on table oms.api_call is 'Answers to calls with an Idempotency-Key, written in the transaction of their effect; a repetition within 30 days gets them again (inventory.md 3.6).';
comment on column oms.api_call.element_no is '0: the body was one object; else the place in the list, from 1. Elements that were refused are not here: they may be tried again.';
comment on column oms.api_call.body_hash is 'SHA-256 of the whole body; the same for all rows of a key.';
create index api_call_age on oms.api_call (called_at);

-- Rules that file imports and the API share -----------------------------------------------------

create view oms.facility_reference as
select facility_id as reference, facility_id
  from oms.facility
 union all
select external_id, facility_id
  from oms.facility as named
 where external_id is not null
   and not exists (select from oms.facility as own where own.facility_id = named.external_id);
comment on view oms.facility_reference is 'What a facility may be called: its own id or, where no facility has that id, its id in the ERP or POS (inventory.md 3.5).';

create view oms.identification_spelling as
select match_key, identification_type_id from oms.identification_type
 union all
select 'SHOPIFYPRODUCTID', 'SHOPIFY_PROD_ID';
comment on view oms.identification_spelling is 'What a kind of identifier may be called, without case and punctuation (inventory.md 3.5).';

create function oms.match_key(spelling text) returns text language sql immutable parallel safe
    return upper(regexp_replace(spelling, '[^[:alnum:]]', '', 'g'));
comment on function oms.match_key is 'A spelling without case and punctuation.';

create function oms.is_counted(happened_at timestamptz, counted_as_of timestamptz) returns boolean
    language sql immutable parallel safe
    return coalesce(happened_at <= counted_as_of, false);
comment on function oms.is_counted is 'Whether the newest accepted count already contains a movement, which then changes nothing (inventory.md 6.8).';

create function oms.counting_entry(of_item bigint, counted_as_of timestamptz) returns bigint
    language sql stable parallel safe as $$
    select entry.entry_id
      from oms.inventory_ledger as entry
      join oms.import_log as log using (log_id)
     where entry.inventory_item_id = of_item
       and entry.effective_at = counted_as_of
       and log.kind = 'reset'
     order by entry.entry_id desc
     limit 1
$$;
comment on function oms.counting_entry is 'The ledger entry of a count; null if the count changed nothing and left none.';

-- The call ---------------------------------------------------------------------------------------

create function oms.refusal(status integer, code text, field text, detail text) returns jsonb
    language sql immutable
    return jsonb_build_object('status', status, 'code', code, 'field', field, 'detail', detail);
comment on function oms.refusal is 'The answer to an element that changes nothing, with an HTTP status.';

create function oms.adjust_position(
    by_client text, with_key text, with_body bytea, element_no integer, element jsonb
) returns jsonb language plpgsql as $$
declare
    units        integer     := element ->> 'availableDelta';
    happened_at  timestamptz := element ->> 'effectiveDate';
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
            format('%L is no kind of identifier; known are %s', element ->> 'idType',
                   (select string_agg(identification_type_id, ', ' order by identification_type_id)
                      from oms.identification_type)));
    end if;
    select count(*) as products, min(product_id) as product_id, bool_or(is_virtual) as is_virtual,
           bool_or(product_type_id = 'MARKETING_PKG_PICK') as is_kit
      into product
      from oms.product_identification as identification
      join oms.product using (product_id)
     where identification.identification_type_id = id_type
       and identification.id_value = element ->> 'idValue'
       and identification.from_date <= now()
       and (identification.thru_date is null or identification.thru_date > now());
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

create procedure oms.adjust_inventory(
    by_client text, with_key text, with_body bytea, elements jsonb, patience interval, inout answers jsonb
) language plpgsql as $$
declare
    element  jsonb;
    answer   jsonb;
    give_up  timestamptz := clock_timestamp() + patience;
    several  boolean     := jsonb_array_length(elements) > 1;
begin
    answers := '[]';
    for element in select * from jsonb_array_elements(elements) loop
        begin
            if clock_timestamp() > give_up then
                answer := oms.refusal(503, 'ERR_BUSY', null, 'not begun: the elements before it took too long; send it again');
            else
                answer := oms.adjust_position(by_client, with_key, with_body, (element ->> 'element_no')::integer, element);
            end if;
        exception
            when lock_not_available or deadlock_detected then
                answer := oms.refusal(503, 'ERR_BUSY', null,
                    'nothing was recorded: something else, such as an import, is changing this position; send it again');
            when numeric_value_out_of_range then
                answer := oms.refusal(422, 'ERR_RANGE', 'availableDelta',
                    'nothing was recorded: the position would leave the range of whole numbers');
        end;
        answers := answers || answer;
        if several then
            perform set_config('synchronous_commit', 'off', true);
        end if;
        commit;
    end loop;
    if several then
        perform pg_logical_emit_message(true, 'oms', '');
    end if;
end $$;
comment on procedure oms.adjust_inventory is
'The elements of a call one after the other, each in a transaction of its own, in one round trip. The log of a list is
flushed to disk once: its last transaction writes a message for that, and nobody is answered before.';
