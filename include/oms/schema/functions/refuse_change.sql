create or replace function oms.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '%.% is append-only: % refused; correct it with a new entry', tg_table_schema, tg_table_name, tg_op
          using errcode = 'restrict_violation';
end $$;
comment on function oms.refuse_change is 'Keeps append-only tables append-only.';

create or replace trigger append_only before update or delete or truncate on oms.inventory_ledger
    for each statement execute function oms.refuse_change();

create or replace trigger append_only before update or truncate on oms.product_change
    for each statement execute function oms.refuse_change();

create or replace trigger append_only before update or delete or truncate on oms.sync_book
    for each statement execute function oms.refuse_change();

create or replace trigger append_only before update or delete or truncate on oms.shipment_receipt
    for each statement execute function oms.refuse_change();

create or replace trigger append_only before update or delete or truncate on oms.sync_learned
    for each statement execute function oms.refuse_change();

create or replace trigger append_only before update or delete or truncate on oms.order_event
    for each statement execute function oms.refuse_change();

create or replace trigger never_deleted before delete or truncate on oms.inventory_item
    for each statement execute function oms.refuse_change();

create or replace trigger never_emptied before truncate on oms.import_log
    for each statement execute function oms.refuse_change();

create or replace trigger never_emptied before truncate on oms.reason
    for each statement execute function oms.refuse_change();

create or replace trigger frozen
    before update of message_id, shop_id, order_id, kind, subject, lane, cause_key, payload on oms.outbox_message
    for each statement execute function oms.refuse_change();
