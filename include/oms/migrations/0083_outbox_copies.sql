-- A restored or copied database sends no message: the one it was made from may have sent it.
-- Source: spec orders-addendum.md I.

create trigger refuse_after_restore before update of status on oms.outbox_message
    for each statement execute function oms.refuse_after_restore();
create index outbox_answered on oms.outbox_message (answered_at);
