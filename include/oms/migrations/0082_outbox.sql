-- One outbox: everything that Shopify (stock levels apart) or a person is told, from its decision to its proof.
-- Source: spec orders-addendum.md I.

create table oms.outbox_message (
    message_id     uuid primary key default gen_random_uuid(),
    number         bigint generated always as identity unique,
    shop_id        text collate "C" references oms.shop,
    order_id       bigint references oms.order_header,
    kind           text collate "C" not null check (kind <> ''),
    subject        text collate "C" not null check (subject <> ''),
    lane           text collate "C" not null,
    cause_key      text collate "C",
    payload        jsonb not null check (jsonb_typeof(payload) = 'object'),
    status         text not null default 'PLANNED'
                   check (status in ('PLANNED', 'SENT', 'UNKNOWN', 'DONE', 'REJECTED', 'WITHDRAWN', 'GIVEN_UP')),
    attempts       integer not null default 0 check (attempts >= 0),
    failures       integer not null default 0 check (failures >= 0),
    planned_at     timestamptz not null default now(),
    next_try_at    timestamptz default now(),
    first_sent_at  timestamptz,
    last_sent_at   timestamptz,
    answered_at    timestamptz,
    shopify_id     text collate "C",
    error_code     text,
    error_message  text,
    run_id         text not null,
    replaces_id    uuid references oms.outbox_message on delete set null,
    unique (kind, cause_key),
    check ((status in ('DONE', 'REJECTED', 'WITHDRAWN', 'GIVEN_UP')) = (answered_at is not null)),
    check (status not in ('SENT', 'UNKNOWN') or first_sent_at is not null),
    check (status not in ('PLANNED', 'SENT') or next_try_at is not null)
);
comment on table oms.outbox_message is 'What Shopify or a person is told, once each: planned in the transaction of its decision, SENT before the call, its end proven (orders-addendum.md I).';
comment on column oms.outbox_message.message_id is 'The idempotency key of a call, the Message-ID of a mail.';
comment on column oms.outbox_message.number is 'In the order of planning; what a person types.';
comment on column oms.outbox_message.shop_id is 'Null: a mail.';
comment on column oms.outbox_message.subject is 'What it is about: a newer message of the same kind on the same subject supersedes one that was not sent.';
comment on column oms.outbox_message.lane is 'Messages of one lane go one after the other: those of an order, else of a subject; a mail has its own.';
comment on column oms.outbox_message.cause_key is 'Planned once for its cause, as long as the message is kept.';
comment on column oms.outbox_message.payload is 'What is told, frozen; the kind makes the call of it.';
comment on column oms.outbox_message.failures is 'Calls and proofs in a row that did not tell its end.';
comment on column oms.outbox_message.next_try_at is 'Not before. Null: nobody tries by itself, a person has to decide.';
comment on column oms.outbox_message.shopify_id is 'What the call has made or changed; no other message may take it for its own.';
create unique index outbox_one_at_a_time on oms.outbox_message (lane) where status = 'SENT';
create index outbox_open on oms.outbox_message (shop_id, number) where status in ('PLANNED', 'SENT', 'UNKNOWN');
create index outbox_lane on oms.outbox_message (lane, number);
create index outbox_newer on oms.outbox_message (kind, subject, number) where status = 'PLANNED';
create index outbox_order on oms.outbox_message (order_id) where order_id is not null;
