-- Stock levels on their way to the shops, and what each of them would show.

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
create index sync_batch_payload on oms.sync_batch (answered_at) where payload <> '';

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
    foreign_queue             integer not null default 0,
    waits                     boolean not null default false,
    primary key (shop_id, shopify_location_id, shopify_inventory_item_id)
) with (fillfactor = 80);
comment on table oms.sync_level is 'The book of a level: what Shopify would show as available if it and the OMS knew of the same orders (inventory.md 6.7). Sum of sync_book.';
comment on column oms.sync_level.opened_at is 'First comparison with Shopify; before it the book holds only acts and is not compared with.';
comment on column oms.sync_level.compared is 'Snapshot of the last comparison of this level alone; rows held back from DELTA are those neither it nor the location mark has seen.';
comment on column oms.sync_level.set_aside_code is 'Why Shopify refused the level; nothing is sent until mapping, activation or a hard sync gives a reason to try again (INV-54).';
comment on column oms.sync_level.foreign_queue is 'Demand of orders from elsewhere without a reservation that the last comparison has seen: a run that leaves out such orders leaves out what came since (inventory.md 5.3).';
comment on column oms.sync_level.waits is 'Its first comparison was put off: nobody knew its stock yet, a file was coming in, or too many levels would have gone to 0. The next push in mode DELTA takes it up.';
create index sync_level_waits on oms.sync_level (shop_id, shopify_location_id) where waits;

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
    tx                        xid8 not null default pg_current_xact_id(),
    primary key (shop_id, shopify_location_id, shopify_inventory_item_id)
);
comment on table oms.sync_look is 'The last guarded look at a level that found a drift; a look that finds none deletes it (inventory.md 6.7).';
comment on column oms.sync_look.seen is 'available + committed + reserved of one answer (on_hand where the basis is QOH).';
comment on column oms.sync_look.known is 'Book plus K, the units Shopify holds committed as far as the OMS was told; drift = seen - known.';
comment on column oms.sync_look.snapshot is 'Snapshot of the plan that looked: what the OMS had taken in by then.';
comment on column oms.sync_look.tx is 'The transaction that stored the look, after the reading: an import that began in a later one has seen all of it.';

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

create table oms.sync_learned (
    fact_id                   bigint generated always as identity primary key,
    shop_id                   text collate "C" not null,
    shopify_location_id       bigint not null,
    shopify_inventory_item_id bigint not null,
    kind                      text not null check (kind in ('fulfilled', 'cancelled', 'sold', 'refunded', 'fulfilling')),
    order_id                  bigint not null,
    order_item_seq            integer not null,
    recorded_at               timestamptz not null default now(),
    tx                        xid8 not null default pg_current_xact_id(),
    foreign key (order_id, order_item_seq) references oms.order_item
);
comment on table oms.sync_learned is 'What the OMS learned of a level that moves one side of a guarded comparison alone, append-only (inventory.md 6.7).';
comment on column oms.sync_learned.kind is 'fulfilled: by somebody else; cancelled: and not restocked; sold: handed over at once; refunded: what was delivered came back; fulfilling: we are about to tell Shopify of a fulfilment.';
create index sync_learned_level on oms.sync_learned (shop_id, shopify_location_id, shopify_inventory_item_id, tx);
create index sync_learned_tx on oms.sync_learned (tx);

create table oms.sync_untaken (
    shop_id                   text collate "C" not null,
    shopify_location_id       bigint not null,
    shopify_inventory_item_id bigint not null,
    units                     integer not null check (units > 0),
    since                     timestamptz not null default now(),
    primary key (shop_id, shopify_location_id, shopify_inventory_item_id)
);
comment on table oms.sync_untaken is 'Units that Shopify holds committed and the OMS does not know, at every guarded look since then (inventory.md 6.8).';
comment on column oms.sync_untaken.units is 'The smallest number that a look has found.';
