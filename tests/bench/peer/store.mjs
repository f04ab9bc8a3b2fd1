// SPDX-License-Identifier: Apache-2.0
// The rows of the peers, as tables: name, columns with their types, and what each report gives. Stored for a batch by one statement a table
// over arrays, or for one report by one statement a row.

const uuid = 'uuid', t = 'text', at = 'timestamptz', small = 'smallint', int = 'integer', yes = 'boolean', json = 'jsonb'

const snapshot = work => ({
  set: {
    state: 'assigned', state_version: 1, domain: work.case.domain, kind: work.case.kind, also: [], severity: work.case.severity, restricted: work.case.restricted,
    level: 'town', lead: work.case.lead, assigned_at: work.now, sign_by: work.case.sign_by, handle_by: work.case.handle_by, outcome_by: null, returns: 0,
    request: null, result: null, rating: null, report_count: 1, merged_into: null, exercise: false, suspended_until: null,
    parts: Object.fromEntries(work.parts.map(p => [p.department, { role: p.role, state: 'assigned', joint: p.role === 'lead' }])),
  },
})

const announcement = (work, topic, audience, scope, departments) => [work.case?.id ?? work.report.id, topic, audience, scope, 1, 1, topic !== 4,
  departments ? `{${departments.map(d => `${d}/${work.report.town}`)}}` : null]

/** @type {{name: string, columns: [string, string][], rows: (work: import('./handle.mjs').Work) => unknown[][]}[]} */
const tables = [
  {
    name: 'reports',
    columns: [['id', uuid], ['account', t], ['person', 'bigint'], ['received_at', at], ['observed_at', at], ['text', t], ['payload_sha256', 'bytea'], ['area', t], ['town', t],
      ['area_from', t], ['area_conflict', yes], ['location', t], ['location_given', json], ['domain', t], ['kind', t], ['severity', small], ['origin', t],
      ['attachments', t], ['subject', 'bytea'], ['subject_key', t], ['traceparent', t]],
    rows: ({ report: r }) => [[r.id, r.account, r.person, r.received_at, r.observed_at, r.text, r.payload_sha256, r.area, r.town, r.area_from, r.area_conflict, r.location,
      r.location_given && JSON.stringify(r.location_given), r.domain, r.kind, r.severity, r.origin, `{${r.attachments.join(',')}}`, r.subject, r.subject_key, r.traceparent]],
    // a report that was sent again is stored once
    conflict: 'on conflict (id) do nothing',
  },
  {
    name: 'classifications',
    columns: [['report', uuid], ['at', at], ['domain', t], ['kind', t], ['severity', small], ['review', yes], ['disagrees', yes], ['also', t], ['model_domain', t],
      ['model_kind', t], ['probability', 'real'], ['model_severity', small], ['because', json], ['model', t]],
    rows: ({ report: r, classification: c, now }) => [[r.id, now, c.domain, c.kind, c.severity, c.review, false, '{}', c.domain, c.kind, c.probability, c.severity, '{}', 'keywords']],
  },
  {
    name: 'cases',
    columns: [['id', uuid], ['number', t], ['town', t], ['year', small], ['state', t], ['domain', t], ['kind', t], ['also', t], ['severity', small], ['restricted', yes], ['area', t],
      ['location', t], ['opened_at', at], ['assigned_at', at], ['sign_by', at], ['handle_by', at], ['sign_minutes', int], ['handle_minutes', int], ['clock', t], ['lead', t],
      ['first_report', uuid], ['disagrees', yes], ['has_subject', yes]],
    rows: ({ case: c, report: r }) => (c ? [[c.id, c.number, c.town, c.year, c.state, c.domain, c.kind, '{}', c.severity, c.restricted, c.area, c.location, c.opened_at, c.opened_at,
      c.sign_by, c.handle_by, c.sign_minutes, c.handle_minutes, c.clock, c.lead, r.id, false, c.has_subject]] : []),
  },
  {
    name: 'case_reports', columns: [['report', uuid], ['case', uuid], ['added_at', at], ['account', t]],
    rows: ({ case: c, report: r, now }) => (c ? [[r.id, c.id, now, r.account]] : []),
  },
  {
    name: 'assignments', columns: [['case', uuid], ['department', t], ['role', t], ['joint', yes], ['assigned_at', at]],
    rows: ({ case: c, parts, now }) => parts.map(p => [c.id, p.department, p.role, p.role === 'lead', now]),
  },
  {
    name: 'reviews', columns: [['report', uuid], ['state', t], ['town', t], ['severity', small], ['opened_at', at], ['location', t]],
    rows: ({ case: c, report: r, classification, now }) => (c ? [] : [[r.id, 'waiting', r.town, classification.severity, now, r.location]]),
  },
  {
    name: 'case_events', columns: [['ref', uuid], ['case', uuid], ['report', uuid], ['at', at], ['what', t], ['actor', t], ['version', int], ['state', t], ['data', json]],
    rows: work => [[work.case?.id ?? work.report.id, work.case?.id ?? null, work.report.id, work.now, work.case ? 'opened' : 'review', 'engine', 1, work.case ? 'assigned' : 'waiting',
      work.case && JSON.stringify(snapshot(work))]],
  },
  {
    name: 'announcements',
    columns: [['ref', uuid], ['topic', small], ['audience', t], ['scope', t], ['version', int], ['published_version', int], ['live', yes], ['targets', t]],
    rows: work => [
      ...(work.case ? [announcement(work, work.case.restricted ? 2 : 1, '', '',
        [...work.parts.map(p => p.department), ...(!work.case.restricted && work.case.severity === 4 ? ['command_centre'] : [])])] : []),
      ...(work.case?.restricted ? [announcement(work, 1, '', '', ['command_centre'])] : []),
      ...(work.case ? [announcement(work, 4, work.report.account, '')] : [announcement(work, 3, '', work.report.town)]),
    ],
  },
  {
    name: 'timers', columns: [['case', uuid], ['chain', t], ['step', t], ['due_at', at]],
    rows: ({ case: c }) => (c ? [[c.id, 'sign', 'remind', new Date((c.opened_at.getTime() + 2 * c.sign_by.getTime()) / 3)]] : []),
  },
]

// arrays of arrays and geography go as text and are cast in the statement
const casts = { attachments: '::text[]', also: '::text[]', targets: '::text[]', location: '::public.geography' }
for (const table of tables) {
  const names = table.columns.map(([name]) => `"${name}"`).join(', ')
  const values = table.columns.map(([name]) => `"${name}"${casts[name] ?? ''}`).join(', ')
  const arrays = table.columns.map(([, type], i) => `$${i + 1}::${type}[]`).join(', ')
  const holders = table.columns.map(([name, type], i) => `$${i + 1}::${type}${casts[name] ?? ''}`).join(', ')
  table.batch = { name: `batch_${table.name}`, text: `insert into peer.${table.name} (${names}) select ${values} from unnest(${arrays}) as i (${names}) ${table.conflict ?? ''}` }
  table.one = { name: `one_${table.name}`, text: `insert into peer.${table.name} (${names}) values (${holders}) ${table.conflict ?? ''}` }
}

async function inTransaction(pool, what) {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await what(client)
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

/** Stores a batch in one transaction. @param {import('./handle.mjs').Work[]} batch */
export function storeBatch(pool, batch) {
  return inTransaction(pool, async client => {
    for (const table of tables) {
      const rows = batch.flatMap(table.rows)
      if (rows.length) await client.query({ ...table.batch, values: table.columns.map((_, i) => rows.map(row => row[i])) })
    }
  })
}

/** Stores one report in a transaction of its own. @param {import('./handle.mjs').Work} work */
export function storeOne(pool, work) {
  return inTransaction(pool, async client => {
    for (const table of tables) {
      for (const values of table.rows(work)) await client.query({ ...table.one, values })
    }
  })
}
