-- Where stock is: product stores, facilities, their locations and groups.

create table oms.product_store (
    product_store_id                 text collate "C" primary key,
    store_name                       text not null,
    time_zone                        text not null default 'UTC',
    reserve_inventory                boolean not null default true,
    hold_preorder_physical_inventory boolean not null default false,
    lock_packed_orders               boolean not null default true
);
comment on table oms.product_store is 'A business unit that sells under one set of rules.';
comment on column oms.product_store.reserve_inventory is 'False: orders of this store neither reserve stock nor count as queue demand; mode DELTA is then refused (inventory.md 6.8).';
comment on column oms.product_store.hold_preorder_physical_inventory is 'HOLD_PRORD_PHYCL_INV: a product with a pre- or back-order queue shows 0 online (inventory.md 2.2).';
comment on column oms.product_store.lock_packed_orders is 'A packed order can be neither unpacked nor rejected (orders.md 13).';

create table oms.facility_type (
    facility_type_id text collate "C" primary key,
    is_virtual       boolean not null,
    description      text not null
);
comment on table oms.facility_type is 'Kinds of facilities; a virtual one is a queue or a setting and never holds stock (inventory.md 1.1).';
insert into oms.facility_type values
    ('WAREHOUSE',        false, 'Warehouse'),
    ('RETAIL_STORE',     false, 'Retail store'),
    ('OUTLET_STORE',     false, 'Outlet store'),
    ('VIRTUAL_FACILITY', true,  'Queue or parking of orders'),
    ('CONFIGURATION',    true,  'Holder of the thresholds of a channel');

create table oms.facility (
    facility_id      text collate "C" primary key check (facility_id <> ''),
    facility_name    text not null,
    external_id      text collate "C" unique check (external_id <> ''),
    facility_type_id text collate "C" not null references oms.facility_type,
    deplete_on_pack  boolean not null default false
);
comment on table oms.facility is 'A place that holds stock, or a virtual one that orders wait at.';
comment on column oms.facility.external_id is 'Id of the facility in the ERP or POS.';
comment on column oms.facility.deplete_on_pack is 'QOH falls when an order is packed, not when it is shipped (orders.md 13).';
create index facility_by_id on oms.facility (normalize(facility_id, NFC));
create index facility_by_external_id on oms.facility (normalize(external_id, NFC));
comment on index oms.facility_by_id is 'A facility by its id, in whatever form of Unicode that was set up.';
comment on index oms.facility_by_external_id is 'A facility by its id in the ERP or POS, in whatever form of Unicode that was set up.';
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
    facility_id     text collate "C" not null references oms.facility,
    location_seq_id text collate "C" not null check (location_seq_id <> ''),
    location_type   text not null default 'FLT_PICKLOC' check (location_type in ('FLT_PICKLOC', 'FLT_BULK')),
    primary key (facility_id, location_seq_id)
);
comment on table oms.facility_location is 'Storage locations; the pick face (FLT_PICKLOC) is the default of its facility, TLTLTLLL01 where there is none.';

create table oms.product_store_facility (
    product_store_id text collate "C" not null references oms.product_store,
    facility_id      text collate "C" not null references oms.facility,
    from_date        timestamptz not null default now(),
    thru_date        timestamptz,
    primary key (product_store_id, facility_id),
    check (thru_date is null or thru_date >= from_date)
);
comment on table oms.product_store_facility is 'Which facilities serve a product store.';

create table oms.facility_group (
    facility_group_id   text collate "C" primary key check (facility_group_id <> ''),
    facility_group_name text not null,
    facility_group_type text not null default 'CHANNEL_FAC_GROUP'
                        check (facility_group_type in ('CHANNEL_FAC_GROUP', 'BROKERING_GROUP', 'OTHER')),
    product_store_id    text collate "C" references oms.product_store
);
comment on table oms.facility_group is 'Facilities with a shared purpose; a CHANNEL_FAC_GROUP is a selling channel, its CONFIGURATION members hold its thresholds.';

create table oms.facility_group_member (
    facility_group_id text collate "C" not null references oms.facility_group,
    facility_id       text collate "C" not null references oms.facility,
    from_date         timestamptz not null default now(),
    thru_date         timestamptz,
    primary key (facility_group_id, facility_id),
    check (thru_date is null or thru_date >= from_date)
);
comment on table oms.facility_group_member is 'Membership of a facility in a group, active while now is in [from_date, thru_date).';

create table oms.search_preference (
    search_preference_id     text collate "C" primary key check (search_preference_id ~ '^[A-Za-z0-9_.-]+$'),
    product_store_id         text collate "C" not null references oms.product_store,
    position                 integer not null,
    preference_type          text not null default 'THRESHOLD_INV_QUERY' check (preference_type in ('THRESHOLD_INV_QUERY')),
    included_tags            text[] not null default '{}',
    included_tags_join       text not null default 'OR' check (included_tags_join in ('AND', 'OR')),
    excluded_tags            text[] not null default '{}',
    excluded_tags_join       text not null default 'OR' check (excluded_tags_join in ('AND', 'OR')),
    included_categories      text[] not null default '{}',
    included_categories_join text not null default 'OR' check (included_categories_join in ('AND', 'OR')),
    excluded_categories      text[] not null default '{}',
    excluded_categories_join text not null default 'OR' check (excluded_categories_join in ('AND', 'OR')),
    facility_ids             text[] not null default '{}',
    threshold                integer check (threshold between 0 and 1000000000),
    is_active                boolean not null default true,
    changed_at               timestamptz not null default now(),
    exported_at              timestamptz,
    constraint search_preference_turn unique (product_store_id, position) deferrable initially deferred
);
comment on table oms.search_preference is 'A stored choice of products by tags and categories, and the threshold they get (inventory.md 5.11).';
comment on column oms.search_preference.position is 'Turn among the rules of its store: of two that match a product, the later wins.';
comment on column oms.search_preference.facility_ids is 'CONFIGURATION facilities of the channels it is meant for; empty: all of the store.';
comment on column oms.search_preference.threshold is 'Units to assign; null: the export shows the present ones.';
comment on column oms.search_preference.changed_at is 'A rule that changed after its last export is exported for all its products.';
comment on column oms.search_preference.exported_at is 'When what was due of it had been recorded for export.';
