-- The tables of the inventory spine: master data, ledger and positions, imports, orders as far as
-- stock needs them, and the book of every Shopify level.
-- Sources: design section 6; spec inventory.md 1.2, 3.2, 6; spec orders.md 1.1.

create schema if not exists oms;
create schema if not exists oms_staging;
comment on schema oms is 'Order management: the inventory ledger and all that feeds or reads it.';
comment on schema oms_staging is 'Unlogged tables of landed files, one or two for each open import log; empty after a database crash.';

-- ---------------------------------------------------------------------------------------------
-- Stores, facilities, groups
-- ---------------------------------------------------------------------------------------------

create table oms.product_store (
    product_store_id   text collate "C" primary key,
    store_name         text not null,
    time_zone          text not null default 'UTC',
    reserve_inventory  boolean not null default true,
    hold_preorder_physical_inventory boolean not null default false
);
comment on table oms.product_store is 'A business unit that sells under one set of rules.';
comment on column oms.product_store.reserve_inventory is 'False: orders of this store neither reserve stock nor count as queue demand; mode DELTA is then refused (inventory.md 6.8).';
comment on column oms.product_store.hold_preorder_physical_inventory is 'HOLD_PRORD_PHYCL_INV: a product with a pre- or back-order queue shows 0 online (inventory.md 2.2).';

create table oms.facility_type (
    facility_type_id   text collate "C" primary key,
    is_virtual         boolean not null,
    description        text not null
);
comment on table oms.facility_type is 'Kinds of facilities; a virtual one is a queue or a setting and never holds stock (inventory.md 1.1).';
insert into oms.facility_type values
    ('WAREHOUSE',        false, 'Warehouse'),
    ('RETAIL_STORE',     false, 'Retail store'),
    ('OUTLET_STORE',     false, 'Outlet store'),
    ('VIRTUAL_FACILITY', true,  'Queue or parking of orders'),
    ('CONFIGURATION',    true,  'Holder of the thresholds of a channel');

create table oms.facility (
    facility_id        text collate "C" primary key check (facility_id <> ''),
    facility_name      text not null,
    external_id        text collate "C" unique check (external_id <> ''),
    facility_type_id   text collate "C" not null references oms.facility_type,
    deplete_on_pack    boolean not null default false
);
comment on table oms.facility is 'A place that holds stock, or a virtual one that orders wait at.';
comment on column oms.facility.external_id is 'Id of the facility in the ERP or POS.';
comment on column oms.facility.deplete_on_pack is 'QOH falls when an order is packed, not when it is shipped (orders.md 13).';
insert into oms.facility (facility_id, facility_name, facility_type_id) values
    ('_NA_',                 'Brokering queue',          'VIRTUAL_FACILITY'),
    ('UNFILLABLE_PARKING',   'Unfillable',               'VIRTUAL_FACILITY'),
    ('UNF_HOLD_PARKING',     'Unfillable hold',          'VIRTUAL_FACILITY'),
    ('REJECTED_ITM_PARKING', 'Rejected items',           'VIRTUAL_FACILITY'),
    ('PICKUP_REJECTED',      'Rejected pickup items',    'VIRTUAL_FACILITY'),
    ('PRE_ORDER_PARKING',    'Pre-orders',               'VIRTUAL_FACILITY'),
    ('BACKORDER_PARKING',    'Back-orders',              'VIRTUAL_FACILITY'),
    ('RELEASED_ORD_PARKING', 'Released by hand',         'VIRTUAL_FACILITY'),
    ('GENERAL_OPS_PARKING',  'General',                  'VIRTUAL_FACILITY'),
    ('CONFIGURATION',        'Thresholds',               'CONFIGURATION');

create table oms.facility_location (
    facility_id        text collate "C" not null references oms.facility,
    location_seq_id    text collate "C" not null check (location_seq_id <> ''),
    location_type      text not null default 'FLT_PICKLOC' check (location_type in ('FLT_PICKLOC', 'FLT_BULK')),
    primary key (facility_id, location_seq_id)
);
comment on table oms.facility_location is 'Storage locations; the pick face (FLT_PICKLOC) is the default of its facility, TLTLTLLL01 where there is none.';

create table oms.product_store_facility (
    product_store_id   text collate "C" not null references oms.product_store,
    facility_id        text collate "C" not null references oms.facility,
    from_date          timestamptz not null default now(),
    thru_date          timestamptz,
    primary key (product_store_id, facility_id),
    check (thru_date is null or thru_date >= from_date)
);
comment on table oms.product_store_facility is 'Which facilities serve a product store.';

create table oms.facility_group (
    facility_group_id      text collate "C" primary key check (facility_group_id <> ''),
    facility_group_name    text not null,
    facility_group_type    text not null default 'CHANNEL_FAC_GROUP'
                           check (facility_group_type in ('CHANNEL_FAC_GROUP', 'BROKERING_GROUP', 'OTHER')),
    product_store_id       text collate "C" references oms.product_store
);
comment on table oms.facility_group is 'Facilities with a shared purpose; a CHANNEL_FAC_GROUP is a selling channel, its CONFIGURATION members hold its thresholds.';

create table oms.facility_group_member (
    facility_group_id  text collate "C" not null references oms.facility_group,
    facility_id        text collate "C" not null references oms.facility,
    from_date          timestamptz not null default now(),
    thru_date          timestamptz,
    primary key (facility_group_id, facility_id),
    check (thru_date is null or thru_date >= from_date)
);
comment on table oms.facility_group_member is 'Membership of a facility in a group, active while now is in [from_date, thru_date).';

-- ---------------------------------------------------------------------------------------------
-- Products
-- ---------------------------------------------------------------------------------------------

create table oms.product (
    product_id         bigint generated by default as identity (start with 10000) primary key,
    parent_product_id  bigint references oms.product,
    product_type_id    text not null default 'FINISHED_GOOD'
                       check (product_type_id in ('FINISHED_GOOD', 'MARKETING_PKG_PICK', 'DIGITAL_GOOD', 'GIFT_CARD', 'SERVICE')),
    internal_name      text not null,
    product_name       text not null,
    brand              text,
    description        text,
    price              numeric(18, 2),
    tags               text[] not null default '{}',
    features           jsonb not null default '{}',
    is_virtual         boolean not null default false,
    requires_shipping  boolean not null default true,
    source_updated_at  timestamptz,
    created_at         timestamptz not null default now(),
    updated_at         timestamptz not null default now()
);
comment on table oms.product is 'A parent product (is_virtual) or a sellable variant; MARKETING_PKG_PICK is a kit (inventory.md 1.1).';
comment on column oms.product.internal_name is 'SKU of a variant, handle of a parent; for people, looked up through product_identification.';
comment on column oms.product.source_updated_at is 'updatedAt of the payload the product was last taken from; an older payload changes nothing.';
create index product_parent on oms.product (parent_product_id);

create table oms.identification_type (
    identification_type_id  text collate "C" primary key,
    match_key               text collate "C" not null,
    description             text not null
);
comment on table oms.identification_type is 'Kinds of product identifiers; match_key is the spelling without case and punctuation (inventory.md 3.5).';
insert into oms.identification_type values
    ('SKU',                 'SKU',               'Stock keeping unit'),
    ('UPCA',                'UPCA',              'Barcode'),
    ('EAN',                 'EAN',               'European article number'),
    ('GTIN',                'GTIN',              'Global trade item number'),
    ('ISBN',                'ISBN',              'Book number'),
    ('ERP_ID',              'ERPID',             'Id in the ERP'),
    ('NETSUITE_PRODUCT_ID', 'NETSUITEPRODUCTID', 'NetSuite internal id'),
    ('MODEL_NO',            'MODELNO',           'Model number'),
    ('SHOPIFY_PROD_ID',     'SHOPIFYPRODID',     'Shopify product or variant id'),
    ('SHOPIFY_PROD_SKU',    'SHOPIFYPRODSKU',    'SKU as Shopify shows it');

create table oms.product_identification (
    product_id              bigint not null references oms.product,
    identification_type_id  text collate "C" not null references oms.identification_type,
    id_value                text collate "C" not null check (id_value <> ''),
    from_date               timestamptz not null default now(),
    thru_date               timestamptz,
    primary key (identification_type_id, id_value, product_id, from_date),
    check (thru_date is null or thru_date >= from_date)
);
comment on table oms.product_identification is 'Identifiers of products while valid; two products under one value make a lookup ambiguous, which is a row error.';
create index product_identification_product on oms.product_identification (product_id);

create table oms.product_assoc (
    product_id            bigint not null references oms.product,
    component_product_id  bigint not null references oms.product,
    quantity              integer check (quantity >= 0),
    from_date             timestamptz not null default now(),
    thru_date             timestamptz,
    primary key (product_id, component_product_id, from_date),
    check (product_id <> component_product_id)
);
comment on table oms.product_assoc is 'Components of kits (PRODUCT_COMPONENT); quantity null or 0 counts as 1 (inventory.md 2.5).';
create index product_assoc_component on oms.product_assoc (component_product_id);

create table oms.product_category_member (
    category_id        text collate "C" not null,
    product_id         bigint not null references oms.product,
    from_date          timestamptz not null default now(),
    thru_date          timestamptz,
    primary key (category_id, product_id, from_date)
);
comment on table oms.product_category_member is 'Products in categories such as PRE_ORDER, BACKORDER, NEW_LAUNCHED_PROD.';

create table oms.product_facility (
    product_id         bigint not null references oms.product,
    facility_id        text collate "C" not null references oms.facility,
    minimum_stock      integer not null default 0 check (minimum_stock >= 0),
    allow_brokering    boolean,
    allow_pickup       boolean,
    reorder_quantity   integer check (reorder_quantity >= 0),
    primary key (product_id, facility_id)
);
comment on table oms.product_facility is 'Settings, not stock: safety stock at a physical facility, threshold at a CONFIGURATION one; no row means the defaults.';
comment on column oms.product_facility.allow_brokering is 'Null counts as true.';

-- ---------------------------------------------------------------------------------------------
-- Ledger and positions
-- ---------------------------------------------------------------------------------------------

create table oms.reason (
    reason_id          text collate "C" primary key,
    description        text not null,
    accepted_on_input  boolean not null,
    writes_entry       boolean not null default true
);
comment on table oms.reason is 'Why stock moved (inventory.md 1.3).';
insert into oms.reason values
    ('MISMATCH',              'Rejected: count does not match',           true,  true),
    ('NOT_IN_STOCK',          'Rejected: not in stock',                   true,  true),
    ('NO_VARIANCE_LOG',       'Accepted, writes nothing',                 true,  false),
    ('REJ_RSN_DAMAGED',       'Rejected: damaged',                        true,  true),
    ('POS_SALE',              'Sold at an external till',                 true,  true),
    ('SHOPIFY_POS_SALE',      'Sold at a Shopify till',                   false, true),
    ('VAR_DAMAGED',           'Damaged',                                  true,  true),
    ('VAR_LOST',              'Lost',                                     true,  true),
    ('VAR_FOUND',             'Found',                                    true,  true),
    ('VAR_STOLEN',            'Stolen',                                   true,  true),
    ('VAR_SAMPLE',            'Given away as a sample',                   true,  true),
    ('WORN_DISPLAY',          'Worn on display',                          true,  true),
    ('VAR_MANUAL',            'Adjusted by a person',                     true,  true),
    ('VAR_INTEGR',            'Adjusted by an integration',               true,  true),
    ('CYCLE_COUNT',           'Counted',                                  true,  true),
    ('INACTIVE_STORE',        'Store closed',                             true,  true),
    ('VAR_EXT_RESET',         'Set to the figure of an external system',  true,  true),
    ('VAR_SHIP_RECV',         'Inbound shipment or transfer received',    false, true),
    ('VAR_SCH_SHIP_RECV',     'Scheduled restock received',               false, true),
    ('VAR_TRFR_ORD_SHIPPED',  'Transfer order shipped',                   false, true),
    ('RTN_ITM_RCPT',          'Return put back in stock',                 false, true);

create table oms.reason_group_member (
    reason_group_id    text collate "C" not null,
    reason_id          text collate "C" not null references oms.reason,
    primary key (reason_group_id, reason_id)
);
comment on table oms.reason_group_member is 'Editable groups of reasons; SHPFY_INV_DLT_REASON: what mode DELTA sends to Shopify (inventory.md 6.5).';
insert into oms.reason_group_member (reason_group_id, reason_id)
select 'SHPFY_INV_DLT_REASON', reason_id
  from oms.reason
 where writes_entry
   and reason_id not in ('VAR_EXT_RESET');

create table oms.inventory_item (
    inventory_item_id  bigint generated always as identity primary key,
    product_id         bigint not null references oms.product,
    facility_id        text collate "C" not null references oms.facility,
    location_seq_id    text collate "C" not null default 'TLTLTLLL01',
    qoh                integer not null default 0,
    atp                integer not null default 0,
    counted_as_of      timestamptz,
    unique (product_id, facility_id, location_seq_id)
) with (fillfactor = 85);
comment on table oms.inventory_item is 'Position: the running sum of the ledger, kept by its trigger; never written by hand.';
comment on column oms.inventory_item.qoh is 'Quantity on hand, units.';
comment on column oms.inventory_item.atp is 'Available to promise, units; below 0 when more is promised than is there.';
comment on column oms.inventory_item.counted_as_of is 'asOf of the newest accepted count; older counts are STALE, earlier movements already counted (inventory.md 6.8).';

create table oms.inventory_ledger (
    entry_id           bigint generated always as identity primary key,
    inventory_item_id  bigint not null references oms.inventory_item,
    qoh_diff           integer not null,
    atp_diff           integer not null,
    reason_id          text collate "C" references oms.reason,
    effective_at       timestamptz not null default now(),
    recorded_at        timestamptz not null default now(),
    tx                 xid8 not null default pg_current_xact_id(),
    log_id             bigint,
    line_number        bigint,
    order_id           bigint,
    order_item_seq     integer,
    shipment_id        bigint,
    source_key         text collate "C",
    run_id             text,
    comments           text,
    counted_by_entry   bigint references oms.inventory_ledger,
    check ((log_id is null) = (line_number is null)),
    check (log_id is not null or order_id is not null or shipment_id is not null or source_key is not null)
);
comment on table oms.inventory_ledger is 'Every change of stock, append-only; each entry names its cause (design 8.2). A new entry moves its position.';
comment on column oms.inventory_ledger.effective_at is 'When it happened in the store.';
comment on column oms.inventory_ledger.recorded_at is 'When the OMS learned of it.';
comment on column oms.inventory_ledger.tx is 'Transaction that wrote it: pushes select by its visibility, never by time (design 5).';
comment on column oms.inventory_ledger.source_key is 'Unique key of a cause that is neither a file line: an API call, an ERP document line, an order item event, a job run.';
comment on column oms.inventory_ledger.counted_by_entry is 'The count that already contains this late movement, which then carries 0 (inventory.md 6.8).';
create unique index inventory_ledger_file_line on oms.inventory_ledger (log_id, line_number) where log_id is not null;
create unique index inventory_ledger_source_key on oms.inventory_ledger (source_key) where source_key is not null;
create index inventory_ledger_item on oms.inventory_ledger (inventory_item_id, effective_at);
create index inventory_ledger_tx on oms.inventory_ledger (tx);

create function oms.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '%.% is append-only: % refused; correct it with a new entry', tg_table_schema, tg_table_name, tg_op
          using errcode = 'restrict_violation';
end $$;
comment on function oms.refuse_change is 'Keeps append-only tables append-only.';
create trigger append_only before update or delete or truncate on oms.inventory_ledger
    for each statement execute function oms.refuse_change();

create function oms.move_positions() returns trigger language plpgsql as $$
begin
    update oms.inventory_item as item
       set qoh = item.qoh + added.qoh, atp = item.atp + added.atp
      from (select inventory_item_id, sum(qoh_diff)::integer as qoh, sum(atp_diff)::integer as atp
              from new_entries
             group by inventory_item_id) as added
     where item.inventory_item_id = added.inventory_item_id
       and (added.qoh <> 0 or added.atp <> 0);
    if exists (select from new_entries where atp_diff <> 0 or qoh_diff <> 0) then
        perform pg_notify('oms_stock_changed', '');
    end if;
    return null;
end $$;
comment on function oms.move_positions is 'Position = sum of the ledger, at every commit; rings the bell of the push jobs.';
create trigger move_positions after insert on oms.inventory_ledger
    referencing new table as new_entries for each statement execute function oms.move_positions();

create table oms.product_change (
    change_id          bigint generated always as identity primary key,
    product_id         bigint not null references oms.product,
    cause              text not null,
    recorded_at        timestamptz not null default now(),
    tx                 xid8 not null default pg_current_xact_id()
);
comment on table oms.product_change is 'What may move online ATP without a ledger entry: settings, queue demand, every order event (design 5).';
create index product_change_tx on oms.product_change (tx);
create trigger append_only before update or truncate on oms.product_change
    for each statement execute function oms.refuse_change();

create function oms.ring_bell() returns trigger language plpgsql as $$
begin
    perform pg_notify('oms_stock_changed', '');
    return null;
end $$;
comment on function oms.ring_bell is 'Wakes the push jobs (design 5, seconds not quarter hours).';
create trigger ring_bell after insert on oms.product_change
    for each statement execute function oms.ring_bell();

create function oms.note_setting_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        insert into oms.product_change (product_id, cause) values (old.product_id, 'setting');
    elsif tg_op = 'INSERT'
          or (new.minimum_stock, new.allow_brokering) is distinct from (old.minimum_stock, old.allow_brokering) then
        insert into oms.product_change (product_id, cause) values (new.product_id, 'setting');
    end if;
    return null;
end $$;
comment on function oms.note_setting_change is 'A change of safety stock, threshold or allow_brokering makes the product a recent change.';
create trigger note_setting_change after insert or update or delete on oms.product_facility
    for each row execute function oms.note_setting_change();

-- ---------------------------------------------------------------------------------------------
-- Orders, as far as queue demand and reservations need them
-- ---------------------------------------------------------------------------------------------

create table oms.order_header (
    order_id           bigint generated always as identity primary key,
    product_store_id   text collate "C" not null references oms.product_store,
    shop_id            text collate "C",
    external_id        text collate "C",
    order_name         text,
    status             text not null default 'CREATED' check (status in ('CREATED', 'APPROVED', 'HOLD', 'COMPLETED', 'CANCELLED')),
    order_date         timestamptz not null default now(),
    entry_date         timestamptz not null default now(),
    unique (shop_id, external_id)
);
comment on table oms.order_header is 'A sales order of any channel; shop_id null: not from Shopify.';

create table oms.order_ship_group (
    order_id           bigint not null references oms.order_header,
    ship_group_seq     integer not null,
    facility_id        text collate "C" not null references oms.facility,
    primary key (order_id, ship_group_seq)
);
comment on table oms.order_ship_group is 'Where the items of an order wait (virtual facility = queue) or are to be shipped from.';

create table oms.order_item (
    order_id           bigint not null references oms.order_header,
    order_item_seq     integer not null,
    ship_group_seq     integer not null,
    product_id         bigint not null references oms.product,
    external_line_id   text collate "C",
    quantity           integer not null check (quantity > 0),
    cancel_quantity    integer not null default 0 check (cancel_quantity between 0 and quantity),
    status             text not null default 'CREATED' check (status in ('CREATED', 'APPROVED', 'COMPLETED', 'CANCELLED')),
    shopify_location_id bigint,
    committed_quantity integer not null default 0 check (committed_quantity >= 0),
    primary key (order_id, order_item_seq),
    foreign key (order_id, ship_group_seq) references oms.order_ship_group
);
comment on table oms.order_item is 'A line of an order, or one unit of it when order items are exploded.';
comment on column oms.order_item.shopify_location_id is 'Location at which Shopify holds the units.';
comment on column oms.order_item.committed_quantity is 'Units Shopify holds committed as far as the OMS was told: the K of inventory.md 6.7.';
create index order_item_open on oms.order_item (product_id) where status in ('CREATED', 'APPROVED');
create index order_item_committed on oms.order_item (shopify_location_id, product_id) where committed_quantity > 0;

create table oms.inventory_reservation (
    order_id           bigint not null,
    order_item_seq     integer not null,
    inventory_item_id  bigint not null references oms.inventory_item,
    quantity           integer not null check (quantity > 0),
    reserved_at        timestamptz not null default now(),
    primary key (order_id, order_item_seq, inventory_item_id),
    foreign key (order_id, order_item_seq) references oms.order_item
);
comment on table oms.inventory_reservation is 'Open reservations; closing one deletes the row, the ledger keeps the history.';
create index inventory_reservation_item on oms.inventory_reservation (inventory_item_id);

-- ---------------------------------------------------------------------------------------------
-- Imports
-- ---------------------------------------------------------------------------------------------

create table oms.import_load (
    load_id            bigint generated always as identity primary key,
    dag_id             text not null,
    run_id             text not null,
    created_at         timestamptz not null default now()
);
comment on table oms.import_load is 'The files that one run landed together; its chunks span them (design 4.3).';

create table oms.import_log (
    log_id             bigint generated always as identity primary key,
    load_id            bigint references oms.import_load,
    config_id          text not null,
    dag_id             text not null,
    run_id             text not null,
    connection_id      text not null,
    remote_path        text not null,
    file_name          text not null,
    file_size          bigint,
    file_mtime         bigint,
    content_sha256     bytea,
    domain             text not null,
    kind               text not null check (kind in ('reset', 'delta', 'settings', 'document')),
    schedule_now       boolean not null,
    force              boolean not null default false,
    params             jsonb not null default '{}',
    header             text,
    created_by_job_id  text,
    status             text not null default 'DmlsLanding'
                       check (status in ('DmlsLanding', 'DmlsPending', 'DmlsQueued', 'DmlsRunning', 'DmlsFinished',
                                         'DmlsFailed', 'DmlsCrashed', 'DmlsHeld', 'DmlsCancelled')),
    error_code         text,
    error_message      text,
    duplicate_of_log_id bigint references oms.import_log,
    total_count        bigint not null default 0,
    applied_count      bigint not null default 0,
    unchanged_count    bigint not null default 0,
    superseded_count   bigint not null default 0,
    duplicate_count    bigint not null default 0,
    skipped_count      bigint not null default 0,
    rejected_count     bigint not null default 0,
    created_at         timestamptz not null default now(),
    landed_at          timestamptz,
    started_at         timestamptz,
    finished_at        timestamptz,
    closed_at          timestamptz,
    moved_to           text,
    reject_file        text,
    constraint every_row_is_accounted_for check (
        status <> 'DmlsFinished'
        or total_count = applied_count + unchanged_count + superseded_count
                         + duplicate_count + skipped_count + rejected_count),
    check (closed_at is null or status in ('DmlsFinished', 'DmlsFailed', 'DmlsCancelled'))
);
comment on table oms.import_log is 'One row for each file that arrived: its state, its parameters and the account of its rows (inventory.md 3.2).';
comment on column oms.import_log.file_mtime is 'Modification time on the SFTP server, seconds since the epoch, as landed.';
comment on column oms.import_log.domain is 'Ordering domain: BALANCE for all that changes QOH or ATP (inventory.md 3.4).';
comment on column oms.import_log.closed_at is 'When close had moved the remote file; until then the same name is this arrival.';
comment on constraint every_row_is_accounted_for on oms.import_log is 'rows in = rows accounted for (design 8.3).';
create unique index import_log_open_file on oms.import_log (connection_id, remote_path) where closed_at is null;
create index import_log_content on oms.import_log (content_sha256, config_id);
create index import_log_pending on oms.import_log (domain, log_id) where closed_at is null;
alter table oms.inventory_ledger add foreign key (log_id) references oms.import_log;

create table oms.import_chunk (
    load_id            bigint not null references oms.import_load,
    chunk_no           integer not null,
    label              text not null,
    row_count          bigint not null,
    facility_ids       text[] not null default '{}',
    applied_at         timestamptz,
    primary key (load_id, chunk_no)
);
comment on table oms.import_chunk is 'The unit of applying: whole groups of all files of a load. applied_at set = a repetition changes nothing.';

create table oms.import_group (
    load_id            bigint not null references oms.import_load,
    group_key          text collate "C" not null,
    chunk_no           integer not null,
    primary key (load_id, group_key)
);
comment on table oms.import_group is 'Which chunk a group went to: stays the same when a file is landed again. Loads of one chunk have no rows here.';

create table oms.import_chunk_count (
    load_id            bigint not null,
    chunk_no           integer not null,
    log_id             bigint not null references oms.import_log,
    applied            bigint not null,
    unchanged          bigint not null,
    superseded         bigint not null,
    duplicate          bigint not null,
    skipped            bigint not null,
    rejected           bigint not null,
    primary key (load_id, chunk_no, log_id),
    foreign key (load_id, chunk_no) references oms.import_chunk
);
comment on table oms.import_chunk_count is 'What became of the rows of one file in one chunk; written in the transaction that applied them. rejected: found while applying.';

create table oms.import_reject (
    log_id             bigint not null references oms.import_log,
    line_number        bigint not null,
    error_column       text,
    error_code         text not null,
    error_message      text not null,
    raw                bytea not null,
    primary key (log_id, line_number)
);
comment on table oms.import_reject is 'Every rejected line once, byte for byte (without its line end), with its reason; the reject file is written from here.';

create table oms.import_row_note (
    log_id             bigint not null references oms.import_log,
    line_number        bigint not null,
    outcome            text not null,
    message            text,
    primary key (log_id, line_number)
);
comment on table oms.import_row_note is 'Remarks on rows that were not rejected: FLOORED, STALE, SKIPPED_EXCLUDED, DUPLICATE and the like.';

create function oms.next_level(level integer, start integer, asked integer, policy text) returns integer
    language sql immutable parallel safe
    return case when asked >= 0 or policy = 'allow' then coalesce(level, start) + asked
                when policy = 'reject' and coalesce(level, start) + asked < 0 then coalesce(level, start)
                else greatest(coalesce(level, start) + asked, least(coalesce(level, start), 0)) end;
comment on function oms.next_level is 'The level after a change under a negative policy: allow; floor: not below 0, or not further below; reject: left alone (inventory.md 5.5).';
create aggregate oms.running_level(start integer, asked integer, policy text) (
    sfunc = oms.next_level, stype = integer, parallel = safe);

create table oms.job_watermark (
    job                text not null,
    shop_id            text not null,
    scope              text not null default '',
    recorded_to        timestamptz not null,
    primary key (job, shop_id, scope)
);
comment on table oms.job_watermark is 'How far pulls from Shopify have come, in Shopify time (inventory.md 6.2, pulls).';

-- ---------------------------------------------------------------------------------------------
-- Shops and the book of every level
-- ---------------------------------------------------------------------------------------------

create table oms.shop (
    shop_id            text collate "C" primary key check (shop_id <> ''),
    shop_name          text not null,
    connection_id      text not null,
    product_store_id   text collate "C" not null references oms.product_store,
    inventory_master   text not null default 'OMS' check (inventory_master in ('OMS', 'SHOPIFY')),
    product_identifier text not null default 'SKU' check (product_identifier in ('SHOPIFY_PRODUCT_ID', 'SKU', 'BARCODE')),
    push_enabled       boolean not null default true
);
comment on table oms.shop is 'A Shopify shop and how to reach it.';
comment on column oms.shop.connection_id is 'Airflow connection: host = address of the shop, password = access token.';
comment on column oms.shop.push_enabled is 'False stops all pushes to this shop; nothing is lost, the next push sends the difference.';
alter table oms.order_header add foreign key (shop_id) references oms.shop;

create table oms.shop_location (
    shop_id             text collate "C" not null references oms.shop,
    shopify_location_id bigint not null,
    location_name       text not null,
    facility_group_id   text collate "C" references oms.facility_group,
    sync_mode           text not null default 'RECENT' check (sync_mode in ('RECENT', 'DELTA', 'OFF')),
    physical_basis      text not null default 'ATP' check (physical_basis in ('ATP', 'COMPUTED_ATP', 'QOH')),
    compared            pg_snapshot,
    compared_at         timestamptz,
    primary key (shop_id, shopify_location_id)
);
comment on table oms.shop_location is 'A Shopify location that receives our figures.';
comment on column oms.shop_location.facility_group_id is 'Channel group whose online ATP a consolidated location shows; null for a physical one.';
comment on column oms.shop_location.sync_mode is 'RECENT: compares with Shopify; DELTA: compares with the book; OFF: nothing is sent (inventory.md 6.1).';
comment on column oms.shop_location.compared is 'Snapshot of the last complete comparison (hard sync); null: mode DELTA still asks for one.';

create table oms.shop_location_facility (
    shop_id             text collate "C" not null,
    facility_id         text collate "C" not null references oms.facility,
    shopify_location_id bigint not null,
    primary key (shop_id, facility_id),
    foreign key (shop_id, shopify_location_id) references oms.shop_location
);
comment on table oms.shop_location_facility is 'Facility to location: _NA_ or several physical facilities make the location consolidated, one physical facility makes it physical (inventory.md 2.4).';
create index shop_location_facility_location on oms.shop_location_facility (shop_id, shopify_location_id);

create table oms.shop_product (
    shop_id                   text collate "C" not null references oms.shop,
    shopify_variant_id        bigint not null,
    shopify_product_id        bigint not null,
    shopify_inventory_item_id bigint,
    product_id                bigint not null references oms.product,
    tracked                   boolean not null default true,
    from_date                 timestamptz not null default now(),
    thru_date                 timestamptz,
    primary key (shop_id, shopify_variant_id)
);
comment on table oms.shop_product is 'A variant of the shop and the product it is; thru_date set: delinked.';
create index shop_product_product on oms.shop_product (shop_id, product_id) where thru_date is null;
create unique index shop_product_item on oms.shop_product (shop_id, shopify_inventory_item_id)
    where thru_date is null and shopify_inventory_item_id is not null;

create function oms.note_mapping_change() returns trigger language plpgsql as $$
begin
    insert into oms.product_change (product_id, cause)
    select distinct new_row.product_id, 'mapping'
      from new_rows as new_row
      left join old_rows as old_row using (shop_id, shopify_variant_id)
     where new_row.thru_date is null
       and (new_row.shopify_inventory_item_id, new_row.product_id, new_row.tracked, new_row.thru_date)
           is distinct from (old_row.shopify_inventory_item_id, old_row.product_id, old_row.tracked, old_row.thru_date);
    update oms.sync_level as level
       set set_aside_code = null, set_aside_at = null
      from new_rows as new_row
      join old_rows as old_row using (shop_id, shopify_variant_id)
     where level.set_aside_code is not null
       and level.shop_id = new_row.shop_id
       and level.shopify_inventory_item_id = new_row.shopify_inventory_item_id
       and (new_row.shopify_inventory_item_id, new_row.product_id, new_row.tracked, new_row.thru_date)
           is distinct from (old_row.shopify_inventory_item_id, old_row.product_id, old_row.tracked, old_row.thru_date);
    return null;
end $$;
comment on function oms.note_mapping_change is 'A mended mapping makes the product a recent change and gives its levels another try (INV-54).';
create trigger note_mapping_change after update on oms.shop_product
    referencing old table as old_rows new table as new_rows
    for each statement execute function oms.note_mapping_change();

create function oms.note_new_mapping() returns trigger language plpgsql as $$
begin
    insert into oms.product_change (product_id, cause)
    select distinct product_id, 'mapping' from new_rows where thru_date is null;
    return null;
end $$;
comment on function oms.note_new_mapping is 'A product new to a shop is a recent change.';
create trigger note_new_mapping after insert on oms.shop_product
    referencing new table as new_rows
    for each statement execute function oms.note_new_mapping();

create table oms.sync_mark (
    shop_id             text collate "C" not null,
    shopify_location_id bigint not null,
    snapshot            pg_snapshot not null,
    planned_at          timestamptz not null default now(),
    planned_by          text not null,
    primary key (shop_id, shopify_location_id),
    foreign key (shop_id, shopify_location_id) references oms.shop_location
);
comment on table oms.sync_mark is 'What the last plan of a location has seen; the next one takes what this snapshot did not see (design 5).';

create table oms.sync_batch (
    batch_id            uuid primary key,
    shop_id             text collate "C" not null references oms.shop,
    mode                text not null check (mode in ('RECENT', 'HARD', 'DELTA', 'RESTOCK', 'UPLOAD')),
    payload             text not null,
    line_count          integer not null check (line_count between 1 and 250),
    status              text not null default 'PLANNED'
                        check (status in ('PLANNED', 'SENT', 'APPLIED', 'REJECTED', 'UNKNOWN', 'SUPERSEDED')),
    attempts            integer not null default 0,
    first_sent_at       timestamptz,
    last_sent_at        timestamptz,
    answered_at         timestamptz,
    adjustment_group_id text,
    bulk_operation_id   text,
    error_code          text,
    error_message       text,
    replaces_batch_id   uuid references oms.sync_batch,
    run_id              text not null,
    created_at          timestamptz not null default now(),
    check ((status in ('PLANNED', 'SUPERSEDED')) or first_sent_at is not null)
);
comment on table oms.sync_batch is 'One call to Shopify: batch_id is the idempotency key, payload the frozen bytes (inventory.md 6.4).';
create index sync_batch_open on oms.sync_batch (shop_id, created_at) where status in ('PLANNED', 'SENT', 'UNKNOWN');

create function oms.refuse_other_payload() returns trigger language plpgsql as $$
begin
    raise exception 'the payload of batch % is frozen: another payload is another batch', old.batch_id
          using errcode = 'restrict_violation';
end $$;
comment on function oms.refuse_other_payload is 'A retry sends the same bytes with the same key.';
create trigger frozen_payload before update on oms.sync_batch
    for each row when (old.payload is distinct from new.payload) execute function oms.refuse_other_payload();

create table oms.sync_line (
    line_id                   bigint generated always as identity primary key,
    batch_id                  uuid not null references oms.sync_batch,
    shop_id                   text collate "C" not null,
    shopify_location_id       bigint not null,
    shopify_inventory_item_id bigint not null,
    product_id                bigint not null references oms.product,
    delta                     integer not null check (delta <> 0),
    desired                   integer not null,
    compared_with             integer not null,
    guarded                   boolean not null,
    status                    text not null default 'PLANNED'
                              check (status in ('PLANNED', 'SENT', 'APPLIED', 'REJECTED', 'UNKNOWN', 'SUPERSEDED')),
    error_code                text,
    error_message             text,
    created_at                timestamptz not null default now(),
    tx                        xid8 not null default pg_current_xact_id()
) with (fillfactor = 85);
comment on table oms.sync_line is 'One change of one level, stored before it is sent.';
comment on column oms.sync_line.status is 'PLANNED until its batch is answered; whether the batch is on its way (SENT) is said there only.';
comment on column oms.sync_line.compared_with is 'What desired was compared with: the reading of Shopify (unguarded RECENT, HARD) or the book (guarded).';
create index sync_line_batch on oms.sync_line (batch_id);
create index sync_line_level on oms.sync_line (shop_id, shopify_location_id, shopify_inventory_item_id, line_id);

create table oms.sync_level (
    shop_id                   text collate "C" not null,
    shopify_location_id       bigint not null,
    shopify_inventory_item_id bigint not null,
    book                      bigint not null default 0,
    opened_at                 timestamptz,
    compared                  pg_snapshot,
    set_aside_code            text,
    set_aside_at              timestamptz,
    primary key (shop_id, shopify_location_id, shopify_inventory_item_id)
) with (fillfactor = 80);
comment on table oms.sync_level is 'The book of a level: what Shopify would show as available if it and the OMS knew of the same orders (inventory.md 6.7). Sum of sync_book.';
comment on column oms.sync_level.opened_at is 'First comparison with Shopify; before it the book holds only acts and is not compared with.';
comment on column oms.sync_level.compared is 'Snapshot of the last comparison of this level alone; rows held back from DELTA are those neither it nor the location mark has seen.';
comment on column oms.sync_level.set_aside_code is 'Why Shopify refused the level; nothing is sent until mapping, activation or a hard sync gives a reason to try again (INV-54).';

create table oms.sync_look (
    shop_id                   text collate "C" not null,
    shopify_location_id       bigint not null,
    shopify_inventory_item_id bigint not null,
    drift                     integer not null check (drift <> 0),
    seen                      integer not null,
    known                     bigint not null,
    snapshot                  pg_snapshot not null,
    looked_at                 timestamptz not null default now(),
    run_id                    text not null,
    primary key (shop_id, shopify_location_id, shopify_inventory_item_id)
);
comment on table oms.sync_look is 'The last guarded look at a level that found a drift; a look that finds none deletes it (inventory.md 6.7).';
comment on column oms.sync_look.seen is 'available + committed + reserved of one answer (on_hand where the basis is QOH).';
comment on column oms.sync_look.known is 'Book plus K, the units Shopify holds committed as far as the OMS was told; drift = seen - known.';
comment on column oms.sync_look.snapshot is 'Snapshot of the plan that looked: what the OMS had taken in by then.';

create table oms.sync_book (
    entry_id                  bigint generated always as identity primary key,
    shop_id                   text collate "C" not null,
    shopify_location_id       bigint not null,
    shopify_inventory_item_id bigint not null,
    kind                      text not null check (kind in ('opening', 'line', 'line_left', 'set', 'act', 'drift')),
    amount                    integer not null,
    cause_key                 text collate "C" not null unique,
    recorded_at               timestamptz not null default now(),
    tx                        xid8 not null default pg_current_xact_id()
);
comment on table oms.sync_book is 'Entries of the books, append-only, each unique by its cause (inventory.md 6.7).';
comment on column oms.sync_book.kind is 'opening; line: planned delta; line_left: rejected or superseded line taken back; set: unguarded comparison; act: what Shopify did itself; drift: what two looks have found.';
create index sync_book_tx on oms.sync_book (tx);
create index sync_book_level on oms.sync_book (shop_id, shopify_location_id, shopify_inventory_item_id);
create trigger append_only before update or delete or truncate on oms.sync_book
    for each statement execute function oms.refuse_change();

create function oms.keep_books() returns trigger language plpgsql as $$
begin
    insert into oms.sync_level as kept (shop_id, shopify_location_id, shopify_inventory_item_id, book)
    select shop_id, shopify_location_id, shopify_inventory_item_id, sum(amount)
      from new_entries
     group by shop_id, shopify_location_id, shopify_inventory_item_id
     order by shop_id, shopify_location_id, shopify_inventory_item_id
    on conflict (shop_id, shopify_location_id, shopify_inventory_item_id) do update
       set book = kept.book + excluded.book;
    if exists (select from new_entries where kind in ('act', 'line_left', 'drift')) then
        perform pg_notify('oms_stock_changed', '');
    end if;
    return null;
end $$;
comment on function oms.keep_books is 'Book = sum of its entries, at every commit.';
create trigger keep_books after insert on oms.sync_book
    referencing new table as new_entries for each statement execute function oms.keep_books();
