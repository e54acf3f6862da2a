-- Which webhooks a shop is to send, so that a subscription that the shop removed can be made again.
-- Sources: spec orders.md 10, shopify.md 4.2, 4.3.

create table oms.webhook_subscription (
    shop_id            text collate "C" not null references oms.shop,
    topic              text collate "C" not null check (topic ~ '^[a-z_]+/[a-z_]+$'),
    uri                text not null check (uri ~ '^https?://'),
    is_wanted          boolean not null default true,
    changed_at         timestamptz not null default now(),
    changed_by         text not null,
    primary key (shop_id, topic)
);
comment on table oms.webhook_subscription is 'What we asked a shop to tell us: written before the shop is asked, so that a run that was killed is made good by the next.';
comment on column oms.webhook_subscription.uri is 'Where the shop delivers to.';
comment on column oms.webhook_subscription.is_wanted is 'False: to be removed from the shop; then the row goes too.';

comment on column oms.webhook_inbox.payload is 'The body as it came, which the signature was made of; only escapes that stand for no character (NUL, half a surrogate pair) are U+FFFD.';
