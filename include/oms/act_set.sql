-- name: make
-- asked: what the caller wants of the item. verdict: why it is left as it is; null: it takes part in the act.
-- Then what was read under lock, and what the act does to the item, its stock and the level it was sold from.
create temp table if not exists act_item (
    order_id            bigint not null,
    order_item_seq      integer not null,
    asked_units         integer not null default 0,
    asked_facility_id   text collate "C",
    asked_location_id   bigint,
    asked_key           text,
    verdict             text,
    remark              text,

    product_id          bigint,
    status              text,
    open_units          integer not null default 0,
    kept                integer not null default 0,
    cancelled           integer not null default 0,
    committed           integer not null default 0,
    is_fulfilling       boolean not null default false,
    held_at             bigint,
    stood_at            text collate "C",
    reserved            integer not null default 0,
    reserved_at         text collate "C",
    issued              integer not null default 0,
    packed_in           bigint,
    is_off_shelf        boolean not null default false,

    units               integer not null default 0,
    qoh                 integer not null default 0,
    atp                 integer not null default 0,
    available           integer not null default 0,
    on_hand             integer not null default 0,
    learned             text,
    uncommitted         integer not null default 0,
    kept_more           integer not null default 0,
    cancelled_more      integer not null default 0,
    issued_more         integer not null default 0
) on commit delete rows

-- name: empty
delete from pg_temp.act_item

-- name: refused
select order_id, order_item_seq, verdict, remark
  from pg_temp.act_item
 where verdict <> 'ALREADY'
 order by order_id, order_item_seq

-- name: units
select coalesce(sum(units), 0)
  from pg_temp.act_item
 where verdict is null
