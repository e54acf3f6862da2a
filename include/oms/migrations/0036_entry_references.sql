-- What ledger entries name is looked up and locked once for a statement. A foreign key does so once for each row, which
-- is a third of the time of a large import.

alter table oms.inventory_ledger
    drop constraint inventory_ledger_inventory_item_id_fkey,
    drop constraint inventory_ledger_reason_id_fkey,
    drop constraint inventory_ledger_log_id_fkey;
comment on column oms.inventory_ledger.inventory_item_id is 'Position, oms.inventory_item: checked by oms.move_positions.';
comment on column oms.inventory_ledger.reason_id is 'oms.reason: checked by oms.check_entries.';
comment on column oms.inventory_ledger.log_id is 'File, oms.import_log: checked by oms.check_entries.';

create function oms.check_entries() returns trigger language plpgsql as $$
declare
    wrong record;
begin
    with log as materialized (
        select log_id
          from oms.import_log
         where log_id = any(array(select distinct log_id from new_entries where log_id is not null))
           for key share
    ),
    reason as materialized (
        select reason_id
          from oms.reason
         where reason_id = any(array(select distinct reason_id from new_entries where reason_id is not null))
           for key share
    )
    select entry.log_id, entry.reason_id into wrong
      from new_entries as entry
     where (entry.log_id is not null and entry.log_id not in (select log_id from log))
        or (entry.reason_id is not null and entry.reason_id not in (select reason_id from reason))
     limit 1;
    if found then
        raise exception 'a ledger entry names log % and reason %: one of them does not exist', wrong.log_id, wrong.reason_id
              using errcode = 'foreign_key_violation';
    end if;
    return null;
end $$;
comment on function oms.check_entries is 'The files and reasons of new ledger entries exist, and stay until the transaction has ended.';
create trigger check_entries after insert on oms.inventory_ledger
    referencing new table as new_entries for each statement execute function oms.check_entries();

create or replace function oms.move_positions() returns trigger language plpgsql as $$
declare
    places  text[];
    place   text;
    missing boolean;
begin
    with added as materialized (
        select inventory_item_id, sum(qoh_diff)::integer as qoh, sum(atp_diff)::integer as atp
          from new_entries
         group by inventory_item_id
    ),
    moved as (
        update oms.inventory_item as item
           set qoh = item.qoh + added.qoh, atp = item.atp + added.atp
          from added
         where item.inventory_item_id = added.inventory_item_id
           and (added.qoh <> 0 or added.atp <> 0)
     returning item.facility_id
    )
    select array(select distinct facility_id from moved),
           (select count(*) from moved) < (select count(*) from added where qoh <> 0 or atp <> 0)
           or exists (select
                        from added
                       where qoh = 0
                         and atp = 0
                         and not exists (select from oms.inventory_item as item
                                          where item.inventory_item_id = added.inventory_item_id))
      into places, missing;
    if missing then
        raise exception 'a ledger entry names a position that does not exist' using errcode = 'foreign_key_violation';
    end if;
    foreach place in array places loop
        perform pg_notify('oms_stock_changed', place);
    end loop;
    return null;
end $$;

create trigger never_deleted before delete or truncate on oms.inventory_item
    for each statement execute function oms.refuse_change();

create function oms.keep_what_entries_name() returns trigger language plpgsql as $$
declare
    named boolean;
begin
    if tg_table_name = 'import_log' then
        named := exists (select from oms.inventory_ledger where log_id = old.log_id);
    else
        named := exists (select from oms.inventory_ledger where reason_id = old.reason_id);
    end if;
    if named then
        raise exception 'ledger entries name this row of %.%: % refused', tg_table_schema, tg_table_name, tg_op
              using errcode = 'foreign_key_violation';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end $$;
comment on function oms.keep_what_entries_name is 'Files and reasons that stand in the ledger are neither deleted nor renamed.';
create trigger keep_what_entries_name before delete on oms.import_log
    for each row execute function oms.keep_what_entries_name();
create trigger keep_what_entries_name before delete or update of reason_id on oms.reason
    for each row execute function oms.keep_what_entries_name();
create trigger never_emptied before truncate on oms.import_log
    for each statement execute function oms.refuse_change();
create trigger never_emptied before truncate on oms.reason
    for each statement execute function oms.refuse_change();
