-- What happened to a report, in order, for people. Text is shown masked where it is.
-- In: the report's id, the case's or null. Out: local time, milliseconds since the row before (null: none), what, details.
with report as (
    select r.id, r.account, r.person, r.received_at, r.observed_at, coalesce(r.masked, r.text) as shown, r.masked is not null as is_masked,
           r.area, r.area_from, r.area_conflict, r.domain, r.kind, r.severity, r.origin, r.attachments, r.subject_key, r.traceparent
    from minqing.reports r
    where r.id = $1::uuid
),
steps as (
    select r.observed_at as at, 1 as place, 0::bigint as n, 'observed' as what,
           concat_ws(E'\n', '现场时间 observed', '内容 text: ' || r.shown || case when r.is_masked then ' 〔已脱敏 masked〕' else '' end) as details
    from report r
    union all
    select r.received_at, 2, 0, 'received',
           concat_ws(E'\n',
               '账号 account: ' || r.account || coalesce(' ' || p.name, ''),
               '地点 area: ' || coalesce(minqing.area_name(r.area), '') || ' ' || r.area
                   || ' (' || case r.area_from when 'given' then '填报 given' when 'polygon' then '按坐标 from the location'
                                               when 'nearest' then '就近 nearest' else '设备所属 home of the device' end || ')'
                   || case when r.area_conflict then ' 〔与坐标不符 conflicts with the location〕' else '' end,
               '人员意见 officer''s view: ' || nullif(concat_ws(' ', r.domain, r.kind, r.severity), ''),
               '来源 origin: ' || r.origin,
               '附件 attachments: ' || nullif(cardinality(r.attachments), 0),
               '含封存的个人信息 has sealed personal data, key ' || r.subject_key,
               'trace: ' || split_part(r.traceparent, '-', 2))
    from report r
    left join minqing.persons p on p.id = r.person
    union all
    select c.at, 3, 0, 'classified',
           concat_ws(E'\n',
               '判定 decision: ' || concat_ws(' ', coalesce(d.name_zh, '无 none'), c.domain, k.name_zh, c.kind, '等级 ' || c.severity)
                   || case when c.review then ' → 待复核 to be reviewed' else '' end,
               '模型 model ' || c.model || ': ' || concat_ws(' ', coalesce(c.model_domain, '无 none'), c.model_kind) || ' '
                   || round(100 * c.probability::numeric, 1) || '%, 等级 ' || c.model_severity,
               '依据 because: ' || (select string_agg('“' || (p ->> 'text') || '”', ' ') from jsonb_array_elements(c.because -> 'phrases') p),
               '其次 runner-up: ' || (c.because #>> '{runner_up,domain}') || ' '
                   || round((c.because #>> '{runner_up,probability}')::numeric * 100, 1) || '%',
               '另涉 also: ' || nullif(array_to_string(c.also, ', '), ''),
               case when c.disagrees then '模型与人员意见不一致 the model disagrees with the officer' end)
    from minqing.classifications c
    left join minqing.domains d on d.code = c.domain
    left join minqing.kinds k on k.code = c.kind
    where c.report = $1::uuid
    union all
    select e.at, 4, e.id, e.what,
           concat_ws(E'\n', '由 by: ' || nullif(concat_ws(' ', e.account, p.name), ''), '说明 note: ' || nullif(e.note, ''), '状态 state: ' || e.state,
                     '数据 data: ' || e.data::text)
    from minqing.case_events e
    left join minqing.persons p on p.id = e.person
    where e.ref in ($1::uuid, $2::uuid)
)
select to_char(at at time zone 'Asia/Shanghai', 'MM-DD HH24:MI:SS.MS') as at,
       round(extract(epoch from at - lag(at) over w) * 1000)::bigint as ms, what, details
from steps
window w as (order by place = 1 desc, at, place, n)
order by place = 1 desc, steps.at, place, n
