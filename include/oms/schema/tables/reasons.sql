-- Why stock moves.

create table oms.reason (
    reason_id         text collate "C" primary key,
    description       text not null,
    accepted_on_input boolean not null,
    writes_entry      boolean not null default true
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
    reason_group_id text collate "C" not null,
    reason_id       text collate "C" not null references oms.reason,
    primary key (reason_group_id, reason_id)
);
comment on table oms.reason_group_member is 'Editable groups of reasons; SHPFY_INV_DLT_REASON: what mode DELTA sends to Shopify (inventory.md 6.5).';
insert into oms.reason_group_member (reason_group_id, reason_id)
select 'SHPFY_INV_DLT_REASON', reason_id
  from oms.reason
 where writes_entry
   and reason_id not in ('VAR_EXT_RESET');
