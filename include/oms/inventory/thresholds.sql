-- Thresholds of products by stored rules. Rules: inventory.md 2.2, 2.3, 5.11.

-- name: configuration_facilities
select facility_id from oms.facility where facility_type_id = 'CONFIGURATION'

-- name: known_rules
select search_preference_id from oms.search_preference where is_active order by product_store_id, position

-- name: yesterday
select now() - interval '24 hours'

-- name: rules
-- The active rules in their order; of a store with a named rule, that one and those behind it. since: products that
-- changed since the last export, at least 24 hours, and an hour more: what a transaction that was open then has changed
-- bears the time at which it began. A rule that is new or has changed is due for all its products, and
-- so are those behind it in its store, or it would overrule them.
select search_preference_id, product_store_id, facility_ids, threshold, is_new,
       case when %(all)s::boolean then null
            when %(all)s::boolean is null and bool_or(is_new) over turn then null
            else least(exported_at, now() - interval '24 hours') - interval '1 hour' end as since
  from (select rule.*, rule.exported_at is null or rule.changed_at > rule.exported_at as is_new,
               wanted.position as first_position
          from oms.search_preference as rule
          left join oms.search_preference as wanted
                 on wanted.search_preference_id = %(wanted)s
                and wanted.product_store_id = rule.product_store_id
         where rule.is_active) as rule
 where %(wanted)s::text is null
    or position >= first_position
window turn as (partition by product_store_id order by position)
 order by product_store_id, position

-- name: mark_exported
update oms.search_preference
   set exported_at = now()
 where search_preference_id = %(rule)s

-- name: forget_export
update oms.search_preference as rule
   set exported_at = null
  from oms.export_file as file
 where file.export_id = %(export_id)s
   and rule.search_preference_id = file.subject

-- name: thresholds
-- One row for each product of the rule and each channel: what its facilities can give before the threshold, and the
-- threshold that it gets (or has, where none is assigned).
with rule as (
    select included_tags, included_tags_join, excluded_tags, excluded_tags_join, included_categories,
           included_categories_join, excluded_categories, excluded_categories_join
      from oms.search_preference
     where search_preference_id = %(rule)s
     union all
    select '{}', 'OR', '{}', 'OR', '{}', 'OR', '{}', 'OR'
     where %(rule)s::text is null
),
lower_case as materialized (
    select array(select lower(one) from unnest(included_tags) as one) as included_tags, included_tags_join,
           array(select lower(one) from unnest(excluded_tags) as one) as excluded_tags, excluded_tags_join,
           array(select lower(one) from unnest(included_categories) as one) as included_categories,
           included_categories_join,
           array(select lower(one) from unnest(excluded_categories) as one) as excluded_categories,
           excluded_categories_join
      from rule
),
candidate as (
    select product.product_id, product.internal_name,
           array(select lower(tag) from unnest(product.tags) as tag) as tags,
           array(select lower(member.category_id)
                   from oms.product_category_member as member
                  where member.product_id in (product.product_id, product.parent_product_id)
                    and member.from_date <= now()
                    and (member.thru_date is null or member.thru_date > now()))
           || case when product.category is not null then array[lower(product.category)] else '{}' end as categories
      from oms.product
     where not product.is_virtual
       and (%(since)s::timestamptz is null
            or product.updated_at >= %(since)s
            or exists (select from oms.product_category_member as member
                        where member.product_id in (product.product_id, product.parent_product_id)
                          and (member.from_date between %(since)s and now()
                               or member.thru_date between %(since)s and now())))
),
chosen as materialized (
    select product_id, internal_name
      from candidate
     cross join lower_case as rule
     where (included_tags = '{}' or oms.holds(tags, included_tags, included_tags_join))
       and (included_categories = '{}' or oms.holds(categories, included_categories, included_categories_join))
       and not (excluded_tags <> '{}' and oms.holds(tags, excluded_tags, excluded_tags_join))
       and not (excluded_categories <> '{}' and oms.holds(categories, excluded_categories, excluded_categories_join))
),
channel as (
    select distinct on (place.facility_id)
           place.facility_id, coalesce(place.external_id, place.facility_id) as external_id,
           channel.facility_group_id, channel.facility_group_name
      from oms.facility as place
      join oms.facility_group_member as member using (facility_id)
      join oms.facility_group as channel using (facility_group_id)
     where place.facility_type_id = 'CONFIGURATION'
       and channel.facility_group_type = 'CHANNEL_FAC_GROUP'
       and member.from_date <= now()
       and (member.thru_date is null or member.thru_date > now())
       and (%(facilities)s::text[] is null or place.facility_id = any(%(facilities)s::text[]))
       and (%(store)s::text is null or channel.product_store_id = %(store)s)
     order by place.facility_id, channel.facility_group_id
),
figure as materialized (
    select channel.facility_id, online.product_id, online.facility_sum
      from channel
     cross join lateral oms.online_atp(channel.facility_group_id) as online
)
select chosen.product_id, chosen.internal_name,
       (select min(identification.id_value)
          from oms.product_identification as identification
         where identification.product_id = chosen.product_id
           and identification.identification_type_id = 'SKU'
           and identification.from_date <= now()
           and (identification.thru_date is null or identification.thru_date > now())),
       channel.facility_id, channel.external_id, coalesce(figure.facility_sum, 0),
       coalesce(%(threshold)s, setting.minimum_stock, 0), channel.facility_group_name
  from chosen
 cross join channel
  left join figure on figure.product_id = chosen.product_id and figure.facility_id = channel.facility_id
  left join oms.product_facility as setting
         on setting.product_id = chosen.product_id and setting.facility_id = channel.facility_id
 order by chosen.product_id, channel.facility_id
