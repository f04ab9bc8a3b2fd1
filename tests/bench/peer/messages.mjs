// SPDX-License-Identifier: Apache-2.0
// What the peers send: the messages that minqing sends, with the same members.

const time = at => `${new Date(at.getTime() + 8 * 3600000).toISOString().slice(0, -1)}+08:00`

const receipt = (id, status, errors) => JSON.stringify({ v: 1, kind: 'report', id: id ?? null, status, errors, at: time(new Date()) })

export const rejection = (device, id, errors) => ({ topic: `minqing/field/${device}/receipt`, qos: 0, payload: receipt(id, 'rejected', errors) })

/** Names of all levels of an area. */
const areaName = (reference, code) => [6, 9, 12, 15].filter(n => n <= code.length).map(n => reference.areas.get(code.slice(0, n))?.name ?? '').join('')

function caseMessage(reference, work) {
  const { case: c, report: r } = work
  return JSON.stringify({
    v: 1, case: c.id, number: c.number, version: 1, state_version: 1, state: c.state, domain: c.domain, domain_name: reference.domains.get(c.domain).name_zh,
    kind: c.kind, kind_name: reference.kinds.get(c.kind)?.name_zh ?? null, also: [], severity: c.severity, restricted: c.restricted, exercise: false,
    disagrees: false, level: 'town', area: c.area, area_name: areaName(reference, c.area),
    location: r.location_given && { lat: r.location_given.lat, lon: r.location_given.lon, datum: 'wgs84' },
    opened_at: time(c.opened_at), sign_by: time(c.sign_by), handle_by: time(c.handle_by), outcome_by: null, suspended_until: null,
    lead: c.lead, lead_name: reference.departments.get(c.lead).name_zh,
    parts: work.parts.map(p => ({ department: p.department, department_name: reference.departments.get(p.department).name_zh, role: p.role, state: 'assigned', joint: p.role === 'lead' })),
    request: null, result: null, rating: null, merged_into: null, mobilisation: null, summary: r.text.slice(0, 80),
    reports: { count: 1, latest: [{ id: r.id, observed_at: r.observed_at, text: r.text, attachments: r.attachments }] },
    has_subject: c.has_subject, events: [{ at: time(c.opened_at), what: 'opened' }],
  })
}

const redacted = c => JSON.stringify({
  v: 1, case: c.id, number: c.number, version: 1, state_version: 1, state: c.state, severity: c.severity, restricted: true, area: c.town,
  opened_at: time(c.opened_at), sign_by: time(c.sign_by), handle_by: time(c.handle_by),
})

function statusMessage(reference, { case: c, report: r }) {
  if (!c) return JSON.stringify({ v: 1, report: r.id, version: 1, state: 'admitted', text: '已受理，待判定 / Accepted for handling' })
  const lead = reference.departments.get(c.lead)
  return JSON.stringify({
    v: 1, report: r.id, reports: [r.id], case: c.id, version: 1, number: c.number, state: c.state, domain: c.domain, kind: c.kind, lead: c.lead,
    lead_name: lead.name_zh, exercise: false, text: `已立案 ${c.number}，${lead.name_zh}主办 / Opened as ${c.number}, led by ${lead.name_en}`,
  })
}

let events = 0

function streamMessage(reference, { case: c, report: r, classification, now }) {
  if (c?.restricted) {
    return JSON.stringify({ v: 1, event: ++events, at: time(now), what: 'opened', severity: c.severity, area: c.town, area_name: areaName(reference, c.town),
      case: c.id, number: c.number, state: c.state, text: '（受限事件 restricted）' })
  }
  return JSON.stringify({
    v: 1, event: ++events, at: time(now), what: c ? 'opened' : 'review', domain: c?.domain, domain_name: c && reference.domains.get(c.domain).name_zh, kind: c?.kind,
    kind_name: reference.kinds.get(c?.kind)?.name_zh, severity: classification.severity, area: r.area, area_name: areaName(reference, r.area), case: c?.id,
    number: c?.number, report: r.id, state: c ? c.state : 'waiting', lead: c?.lead, lead_name: c && reference.departments.get(c.lead).name_zh, text: r.text,
  })
}

/** Receipt, case to each department, status, stream line. @param {import('./handle.mjs').Work} work */
export function messagesOf(reference, work) {
  const { case: c, report: r, classification } = work
  const county = r.town.slice(0, 6), { traceparent } = r
  const messages = [{ topic: `minqing/field/${r.account}/receipt`, qos: 0, payload: receipt(r.id, 'accepted', []), traceparent }]
  if (c) {
    const payload = caseMessage(reference, work)
    for (const { department } of work.parts) {
      messages.push({ topic: `minqing/department/${department}/${county}/${c.town}/${c.restricted ? 'restricted' : 'case'}/${c.id}`, qos: 1, retain: true, payload, traceparent })
    }
    if (c.restricted || c.severity === 4) {
      messages.push({ topic: `minqing/department/command_centre/${county}/${c.town}/case/${c.id}`, qos: 1, retain: true, payload: c.restricted ? redacted(c) : payload, traceparent })
    }
  } else {
    messages.push({ topic: `minqing/command/${county}/${r.town}/review/${r.id}`, qos: 1, retain: true, traceparent, payload: JSON.stringify({
      v: 1, report: r.id, version: 1, state: 'waiting', text: r.text, area: r.area, area_name: areaName(reference, r.area), observed_at: r.observed_at,
      received_at: time(r.received_at), domain: null, kind: null, probability: 0, also: [], severity: classification.severity, because: {}, origin: r.origin,
      admitted_at: null, admitted_by: null,
    }) })
  }
  messages.push({ topic: `minqing/field/${r.account}/status`, qos: 1, payload: statusMessage(reference, work), traceparent })
  messages.push({ topic: `minqing/stream/${county}/${r.town}/${c && !c.restricted ? c.domain : 'none'}/${classification.severity}`, qos: 0, payload: streamMessage(reference, work), traceparent })
  return messages
}
