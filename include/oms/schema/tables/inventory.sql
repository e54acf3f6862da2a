-- The ledger, its positions and reservations, and reports about them.

create table oms.inventory_item (
    inventory_item_id bigint generated always as identity primary key,
    product_id        bigint not null references oms.product,
    facility_id       text collate "C" not null references oms.facility,
    location_seq_id   text collate "C" not null default 'TLTLTLLL01',
    qoh               integer not null default 0,
    atp               integer not null default 0,
    counted_as_of     timestamptz,
    counted_by        bigint,
    counted_before    timestamptz,
    unique (product_id, facility_id, location_seq_id)
) with (fillfactor = 85);
comment on table oms.inventory_item is 'Position: the running sum of the ledger, kept by its trigger; never written by hand.';
comment on column oms.inventory_item.qoh is 'Quantity on hand, units.';
comment on column oms.inventory_item.atp is 'Available to promise, units; below 0 when more is promised than is there.';
comment on column oms.inventory_item.counted_as_of is 'asOf of the newest accepted count; older counts are STALE, earlier movements already counted (inventory.md 6.8).';
comment on column oms.inventory_item.counted_by is 'Log of the file that counted_as_of is from; null: none, one from before this was noted, or one that an undoing brought back. No foreign key: a log is never deleted, and a check for each row would slow files with a moment down.';
comment on column oms.inventory_item.counted_before is 'What counted_as_of was before that file.';
create statistics oms.inventory_item_places (ndistinct) on product_id, facility_id from oms.inventory_item;
comment on statistics oms.inventory_item_places is 'Positions are nearly one for each product and facility: without it the planner of online_atp expects a tenth.';

create table oms.inventory_ledger (
    entry_id          bigint generated always as identity primary key,
    inventory_item_id bigint not null,
    qoh_diff          integer not null,
    atp_diff          integer not null,
    reason_id         text collate "C",
    effective_at      timestamptz not null default now(),
    recorded_at       timestamptz not null default now(),
    tx                xid8 not null default pg_current_xact_id(),
    log_id            bigint,
    line_number       bigint,
    order_id          bigint,
    order_item_seq    integer,
    shipment_id       bigint,
    source_key        text collate "C",
    run_id            text,
    comments          text,
    counted_by_entry  bigint references oms.inventory_ledger,
    undoes_entry      bigint references oms.inventory_ledger,
    check ((log_id is null) = (line_number is null)),
    check (log_id is not null or order_id is not null or shipment_id is not null or source_key is not null),
    foreign key (shipment_id) references oms.shipment
);
comment on table oms.inventory_ledger is 'Every change of stock, append-only; each entry names its cause (design 8.2). A new entry moves its position.';
comment on column oms.inventory_ledger.effective_at is 'When it happened in the store.';
comment on column oms.inventory_ledger.recorded_at is 'When the OMS learned of it.';
comment on column oms.inventory_ledger.tx is 'Transaction that wrote it: pushes select by its visibility, never by time (design 5).';
comment on column oms.inventory_ledger.source_key is 'Unique key of a cause that is neither a file line: an API call, an ERP document line, an order item event, a job run.';
comment on column oms.inventory_ledger.counted_by_entry is 'The count that already contains this late movement, which then carries 0 (inventory.md 6.8).';
comment on column oms.inventory_ledger.undoes_entry is 'The entry that this one takes back: as many units the other way, at the same moment. An entry is taken back once.';
comment on column oms.inventory_ledger.inventory_item_id is 'Position, oms.inventory_item: checked by oms.move_positions.';
comment on column oms.inventory_ledger.reason_id is 'oms.reason: checked by oms.check_entries.';
comment on column oms.inventory_ledger.log_id is 'File, oms.import_log: checked by oms.check_entries.';
create unique index inventory_ledger_file_line on oms.inventory_ledger (log_id, line_number) where log_id is not null;
create unique index inventory_ledger_source_key on oms.inventory_ledger (source_key) where source_key is not null;
create index inventory_ledger_tx on oms.inventory_ledger (tx);
create index inventory_ledger_order on oms.inventory_ledger (order_id, order_item_seq) where order_id is not null;
create index inventory_ledger_item on oms.inventory_ledger (inventory_item_id, effective_at, entry_id)
    include (qoh_diff, atp_diff, recorded_at, tx);
create unique index inventory_ledger_undoes on oms.inventory_ledger (undoes_entry) where undoes_entry is not null;
comment on index oms.inventory_ledger_item is 'The history of a position: summed from the index alone, now or at an instant, and by the time it happened.';

create table oms.inventory_reservation (
    order_id          bigint not null,
    order_item_seq    integer not null,
    inventory_item_id bigint not null references oms.inventory_item,
    quantity          integer not null check (quantity > 0),
    reserved_at       timestamptz not null default now(),
    primary key (order_id, order_item_seq, inventory_item_id),
    foreign key (order_id, order_item_seq) references oms.order_item
);
comment on table oms.inventory_reservation is 'Open reservations, of a kit also those of its components; closing one deletes the row, the ledger keeps the history.';
create index inventory_reservation_item on oms.inventory_reservation (inventory_item_id);

create table oms.ledger_commit (
    tx           xid8 primary key default pg_current_xact_id(),
    committed_at timestamptz,
    began_at     timestamptz not null default now(),
    check (committed_at >= began_at)
) with (fillfactor = 70);
comment on table oms.ledger_commit is 'When a transaction that wrote ledger entries was committed: recorded_at is when it began, and until its end nobody saw its entries.';
comment on column oms.ledger_commit.committed_at is 'Set by the transaction''s last act; null only while it is under way.';
comment on column oms.ledger_commit.began_at is 'recorded_at of its entries.';
create index ledger_commit_under_way on oms.ledger_commit using gist (tstzrange(began_at, committed_at));
comment on index oms.ledger_commit_under_way is 'Which transactions were under way at an instant.';

create table oms.database_identity (
    only_row boolean primary key default true check (only_row),
    identity text not null,
    noted_at timestamptz not null default now()
);
comment on table oms.database_identity is 'The server and database in which our transaction numbers were given; after a restore it is another one.';

create table oms.drift_report (
    report_id   bigint generated always as identity primary key,
    shop_id     text collate "C" not null references oms.shop,
    run_id      text not null,
    status      text not null default 'STARTED' check (status in ('STARTED', 'FINISHED', 'ABANDONED')),
    started_at  timestamptz not null default now(),
    finished_at timestamptz,
    shop_levels bigint,
    our_levels  bigint,
    csv_file    text,
    chart_file  text,
    check ((status = 'STARTED') = (finished_at is null))
);
comment on table oms.drift_report is 'One comparison of a shop with our figures; ABANDONED: its run died, the next one began anew.';
comment on column oms.drift_report.shop_levels is 'Levels the shop told of; our_levels: levels of ours that were compared.';
create index drift_report_shop on oms.drift_report (shop_id, report_id desc);

create table oms.drift_line (
    report_id                 bigint not null references oms.drift_report on delete cascade,
    shopify_location_id       bigint not null,
    shopify_inventory_item_id bigint not null,
    product_id                bigint references oms.product,
    sku                       text,
    cause                     text collate "C" not null
                              check (cause in ('ORDER_NOT_IMPORTED', 'PUSH_PENDING', 'UNMAPPED', 'UNTRACKED',
                                               'INACTIVE_LEVEL', 'KIT_OWNED_BY_SHOPIFY', 'OTHER_WRITER', 'LATE_FILE',
                                               'REFUSED', 'UNKNOWN')),
    detail                    text,
    desired                   integer,
    shown                     integer,
    difference                integer generated always as (coalesce(shown, 0) - coalesce(desired, 0)) stored,
    available                 integer,
    committed                 integer,
    reserved                  integer,
    on_hand                   integer,
    book                      bigint,
    told                      bigint,
    open_units                bigint,
    shop_updated_at           timestamptz,
    primary key (report_id, shopify_location_id, shopify_inventory_item_id)
);
comment on table oms.drift_line is 'A level that showed something else than our figure at both looks, with the cause and the figures it follows from.';
comment on column oms.drift_line.told is 'K: units the shop holds committed as far as the OMS was told (inventory.md 6.7).';
comment on column oms.drift_line.open_units is 'Sum of lines on their way to the level.';
create index drift_line_product on oms.drift_line (product_id, report_id);

create table oms.drift_unserved (
    report_id           bigint not null references oms.drift_report on delete cascade,
    shopify_location_id bigint not null,
    location_name       text not null,
    reason              text not null,
    sells_online        boolean not null,
    products            integer not null,
    units               bigint not null,
    primary key (report_id, shopify_location_id)
);
comment on table oms.drift_unserved is 'Active locations of a shop that receive no figures of ours, as a drift report has found them.';
comment on column oms.drift_unserved.units is 'Available units of tracked items; they are offered online where the location fulfils online orders (sells_online).';
