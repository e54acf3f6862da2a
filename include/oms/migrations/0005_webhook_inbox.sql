-- What Shopify tells us by itself waits here until a job takes it in.
-- Sources: spec inventory.md 5.16, shopify.md 4.3, orders.md 10.

create table oms.webhook_inbox (
    shop_id            text collate "C" not null references oms.shop,
    webhook_id         text collate "C" not null check (webhook_id <> ''),
    event_id           text collate "C",
    topic              text collate "C" not null check (topic ~ '^[a-z_]+/[a-z_]+$'),
    api_version        text,
    triggered_at       timestamptz,
    received_at        timestamptz not null default now(),
    payload            json not null,
    status             text not null default 'NEW'
                       check (status in ('NEW', 'DONE', 'STALE', 'IGNORED', 'FAILED')),
    processed_at       timestamptz,
    error              text,
    primary key (shop_id, webhook_id),
    check ((status = 'NEW') = (processed_at is null))
);
comment on table oms.webhook_inbox is 'Deliveries whose signature was right, each once however often it came; the jobs of a topic work them off.';
comment on column oms.webhook_inbox.webhook_id is 'X-Shopify-Webhook-Id: the same on every repetition of a delivery.';
comment on column oms.webhook_inbox.event_id is 'X-Shopify-Event-Id: one act in the shop; several topics may tell of it.';
comment on column oms.webhook_inbox.topic is 'In the form of the header, such as inventory_levels/update.';
comment on column oms.webhook_inbox.payload is 'The body as it came, byte for byte, which the signature was made of.';
comment on column oms.webhook_inbox.status is 'NEW: waits. DONE: taken in. STALE: something newer was taken in before. IGNORED: nothing to do. FAILED: see error; set back to NEW to try again.';
create index webhook_inbox_waiting on oms.webhook_inbox (topic, shop_id, received_at) where status = 'NEW';
create index webhook_inbox_age on oms.webhook_inbox (received_at);

create function oms.announce_webhooks() returns trigger language plpgsql as $$
begin
    perform pg_notify('oms_webhook_received', heard.topic)
       from (select distinct topic from new_rows) as heard;
    return null;
end $$;
comment on function oms.announce_webhooks is 'Rings the bell of the jobs that read the inbox; the announcement is the topic.';
create trigger announce_webhooks after insert on oms.webhook_inbox
    referencing new table as new_rows for each statement execute function oms.announce_webhooks();
