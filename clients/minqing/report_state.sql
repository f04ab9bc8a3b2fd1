-- The present state: review, case, departments, announcements. In: the report's id, the case's or null. Out: heading, details.
select 1 as place, '复核 review' as heading,
       concat_ws(E'\n', '状态 state: ' || v.state || ', 等级 ' || v.severity, '判定人 decided by: ' || v.decided_by,
                 '结论 as: ' || coalesce(v.kind, v.domain, case when v.state = 'decided' then '不予立案 none' end), '说明 note: ' || v.note) as details
from minqing.reviews v
where v.report = $1::uuid
union all
select 2, '事件 case ' || c.number,
       concat_ws(E'\n', 'id: ' || c.id,
                 '状态 state: ' || c.state || ', 第 ' || c.version || ' 版 version, 等级 ' || c.severity
                     || case when c.restricted then ' 〔受限 restricted〕' else '' end,
                 '类别 kind: ' || concat_ws(' ', d.name_zh, k.name_zh, coalesce(c.kind, c.domain)),
                 '主办 lead: ' || l.name_zh || ' ' || c.lead,
                 '协办 supporting: ' || (select string_agg(p.name_zh || ' ' || a.department || ' (' || a.state || ')', ', ' order by a.department)
                                        from minqing.assignments a join minqing.departments p on p.code = a.department
                                        where a."case" = c.id and a.role = 'supporting'),
                 '签收期限 sign by: ' || minqing.wire_time(c.sign_by), '办结期限 handle by: ' || minqing.wire_time(c.handle_by),
                 '上报数 reports: ' || c.report_count,
                 case when c.disagrees then '模型与人员意见不一致 the model disagrees with the officer' end)
from minqing.cases c
join minqing.domains d on d.code = c.domain
join minqing.departments l on l.code = c.lead
left join minqing.kinds k on k.code = c.kind
where c.id = $2::uuid
union all
select 3, '通知 announcements',
       string_agg(case n.topic when 1 then 'case' when 2 then 'restricted' when 3 then 'review' when 4 then 'status' when 5 then 'task'
                               else 'notice' end
                  || ' → ' || coalesce(nullif(n.audience, ''), 'command') || coalesce(' ' || nullif(n.scope, ''), '') || ': 第 ' || n.version
                  || ' 版 version, 已发布 published ' || n.published_version
                  || case when n.waiting then ' 〔等设备上线 waiting for the device〕' else '' end
                  || case when not n.live then ' 〔已结束 ended〕' else '' end, E'\n' order by n.topic, n.audience, n.scope)
from minqing.v_announcements n
where n.ref in ($1::uuid, $2::uuid)
having count(*) > 0
order by place
