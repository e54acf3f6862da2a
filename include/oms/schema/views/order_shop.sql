create or replace view oms.order_shop as
select order_id, shop_id
  from oms.order_header;
comment on view oms.order_shop is 'The shop in which an order was sold; null: another channel.';
