-- What a shop offers at locations that nobody keeps in order. Source: spec inventory.md 2.4.

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
