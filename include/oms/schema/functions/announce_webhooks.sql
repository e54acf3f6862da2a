create or replace function oms.announce_webhooks() returns trigger language plpgsql as $$
begin
    perform pg_notify('oms_webhook_received', heard.topic)
       from (select distinct topic from new_rows) as heard;
    return null;
end $$;
comment on function oms.announce_webhooks is 'Rings the bell of the jobs that read the inbox; the announcement is the topic.';

create or replace trigger announce_webhooks after insert on oms.webhook_inbox
    referencing new table as new_rows for each statement execute function oms.announce_webhooks();
