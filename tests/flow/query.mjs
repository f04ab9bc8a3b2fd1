// SPDX-License-Identifier: Apache-2.0
// The read side: everybody learns what is theirs, and nobody anything else. And the figures, against hand-made months and the history.
import assert from 'node:assert/strict'
import { randomUUID, createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { before, test } from 'node:test'
import Ajv from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { json, report, root, until } from '../harness/system.mjs'

const town = '441581105', elsewhere = '441581104'

/** Accounts of this story beside those that every system has. */
const accounts = [
  ['q-police', 'desk', town, 'police'], ['q-drugs', 'desk', town, 'anti_drug_office'], ['q-civil', 'desk', town, 'civil_affairs'],
  ['q-health', 'desk', town, 'health'], ['q-tobacco', 'desk', town, 'tobacco'], ['q-market', 'desk', town, 'market_supervision'],
  ['q-fire-there', 'desk', elsewhere, 'fire'], ['q-drugs-there', 'desk', elsewhere, 'anti_drug_office'], ['q-civil-there', 'desk', elsewhere, 'civil_affairs'],
  ['q-command-there', 'operator', elsewhere], ['q-fire-county', 'desk', '441581', 'fire'], ['q-locked', 'desk', town, 'fire'],
]

const uuid = () => randomUUID()

export function stories(system) {
  /** @type {Map<string, import('../harness/system.mjs').Client>} */
  const clients = new Map()
  const cases = {}
  let validate

  async function clientOf(account) {
    if (!clients.has(account)) {
      clients.set(account, await (await until(() => system.connect(account).catch(() => null), `${account} connects`)).subscribe(`minqing/reply/${account}/#`))
    }
    return clients.get(account)
  }

  /** Asks, and returns the result: validated against its schema. */
  async function ask(account, name, question = {}, ms = 10000) {
    const client = await clientOf(account)
    const id = uuid(), at = client.messages.length
    const code = await client.publish(`minqing/query/${account}/${name}`, JSON.stringify({ id, ...question }),
      { properties: { responseTopic: `minqing/reply/${account}/q`, correlationData: Buffer.from(id) } })
    assert.equal(code, 0, `${account} may ask`)
    const message = await client.next(m => m.packet.properties?.correlationData?.toString() === id, `the answer to ${name} for ${account}`, ms)
    client.messages.splice(at)
    const result = json(message)
    assert.ok(validate(result), `${name}: ${JSON.stringify(validate.errors)}\n${JSON.stringify(result).slice(0, 2000)}`)
    assert.equal(result.name, name)
    return Object.assign(result, { packet: message.packet, topic: message.topic })
  }

  /** One action as the dispatcher would take it. */
  async function act(account, department, action) {
    const m = { id: uuid(), ...action }
    const text = JSON.stringify(m)
    const rows = await system.sql('select reply from minqing.act($1::jsonb, $2, $3, $4, $5, gen_random_uuid()) where reply is not null', text,
      createHash('sha256').update(text).digest(), account, department, town)
    assert.equal(rows[0].reply.done, true, JSON.stringify(rows[0].reply))
    return rows[0].reply
  }

  /** Publishes a report and returns the case that it opened. */
  async function reported(device, message) {
    const client = await clientOf(device)
    await client.publish(`minqing/field/${device}/report`, JSON.stringify(message))
    const [row] = await until(async () => {
      const rows = await system.sql('select c.id, c.number from minqing.case_reports k join minqing.cases c on c.id = k."case" where k.report = $1', message.id)
      return rows.length && rows
    }, `the case of ${message.text}`)
    return { ...row, report: message.id, text: message.text }
  }

  before(async () => {
    const ajv = new Ajv({ allErrors: true, strict: false })
    addFormats(ajv)
    validate = ajv.compile(JSON.parse(readFileSync(path.join(root, 'schemas/messages/result.schema.json'))))
    for (const [account, role, area, department] of accounts) {
      const file = `${system.folder}/secrets/${account}`
      writeFileSync(file, `secret-of-${account}-0123456789\n`, { mode: 0o600 })
      const added = await system.run('minqing', 'account', 'add', account, '--role', role, '--name', `${account} 值班员`, '--area', area,
        ...(department ? ['--department', department] : []), '--secret-file', file)
      assert.equal(added.status, 0, added.stderr)
    }
    const drugs = { name: '秘密甲某', phone: '13900001111', id_number: '441581199001010011', address: '点石村一巷' }
    cases.fire = await reported('bomei-060', report('点石村后山浓烟滚滚，疑似山火', { area: '441581105202', kind: 'fire_safety.hill_fire' }))
    cases.drugs = await reported('bomei-061', report('出租屋内有人交易毒品', { area: '441581105203', kind: 'anti_drug.tip', subject: drugs }))
    cases.illness = await reported('bomei-062', report('林姨直肠癌住院，家里拿不出钱', { area: '441581105204', kind: 'livelihood_relief.low_income',
      subject: { name: '秘密乙某', phone: '13800002222', mood: '低落' } }))
    const device = await clientOf('bomei-063')
    cases.waiting = report('你好，吃饭了吗，哈哈哈', { area: '441581105205' })
    await device.publish('minqing/field/bomei-063/report', JSON.stringify(cases.waiting))
    await until(async () => (await system.sql('select from minqing.reviews where report = $1', cases.waiting.id)).length, 'the review')
    await until(async () => (await system.sql('select from minqing.report_index where report = any($1)', [[cases.fire, cases.drugs, cases.illness].map(c => c.report)])).length === 3,
      'the search index follows')
    cases.visit = uuid()
    await system.sql(`insert into minqing.visits (id, account, received_at, observed_at, area, town, area_from, area_conflict, text, service, attachments,
      subject, subject_key, payload_sha256, traceparent) values ($1, 'bomei-064', now(), now(), '441581105206001', $2, 'home', false, '独居', '打扫', '{}',
      '\\x00', 'none', '\\x00', $3)`, cases.visit, town, `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`)
    assert.equal((await system.run('minqing', 'account', 'lock', 'q-locked')).status, 0)
  })

  test('an operator finds the cases of the area: by filters, by Chinese words, page by page while others are opened', async () => {
    const all = await ask('bomei-command', 'cases')
    assert.equal(all.done, true)
    assert.deepEqual([all.you.role, all.you.area], ['operator', town])
    assert.equal(all.topic, 'minqing/reply/bomei-command/q')
    const found = all.cases.map(c => c.case)
    assert.ok(found.includes(cases.fire.id) && found.includes(cases.illness.id))
    const fire = all.cases.find(c => c.case === cases.fire.id)
    assert.deepEqual([fire.number, fire.domain, fire.lead, fire.restricted, fire.overdue], [cases.fire.number, 'fire_safety', 'fire', false, false])
    const one = async question => (await ask('bomei-command', 'cases', question)).cases.map(c => c.case)
    assert.ok((await one({ text: '后山 浓烟' })).includes(cases.fire.id))
    assert.ok(!(await one({ text: '后山 直肠癌' })).includes(cases.fire.id))
    assert.ok((await one({ text: '直肠癌' })).includes(cases.illness.id))
    assert.deepEqual(await one({ text: '从来没有人写过的话' }), [])
    assert.ok((await one({ domain: 'fire_safety', kind: 'fire_safety.hill_fire', severity: 4, department: 'forestry', area: '441581105202', state: 'assigned', overdue: false }))
      .includes(cases.fire.id))
    assert.ok(!(await one({ area: '441581105203' })).includes(cases.fire.id))
    assert.ok(!(await one({ overdue: true })).includes(cases.fire.id))
    assert.deepEqual(await one({ to: '2020-01-01T00:00:00+08:00' }), [])
    assert.match((await ask('bomei-command', 'cases', { text: '火 烟' })).reason, /two characters/)

    const first = await ask('bomei-command', 'cases', { limit: 2 })
    assert.equal(first.cases.length, 2)
    const later = await reported('bomei-065', report('村口有人乱倒建筑垃圾', { area: '441581105207', kind: 'natural_resources.dumping' }))
    const rest = []
    for (let after = first.next; after;) {
      const page = await ask('bomei-command', 'cases', { limit: 2, after })
      rest.push(...page.cases.map(c => c.case))
      after = page.next
    }
    const seen = [...first.cases.map(c => c.case), ...rest]
    assert.equal(new Set(seen).size, seen.length, 'no case twice')
    assert.ok(!seen.includes(later.id), 'what came meanwhile shifts nothing')
    assert.deepEqual(seen.toSorted(), found.toSorted())
    assert.equal((await ask('bomei-command', 'cases')).total, found.length + 1)
  })

  test('a desk sees its cases with their whole history and what it may do now', async () => {
    const shown = await ask('bomei-fire', 'case', { number: cases.fire.number })
    assert.equal(shown.case.case, cases.fire.id)
    assert.ok(shown.case.allowed.includes('sign'))
    assert.equal(shown.case.events[0].what, 'opened')
    await act('bomei-fire', 'fire', { case: cases.fire.id, action: 'sign' })
    const after = await ask('bomei-fire', 'case', { case: cases.fire.id })
    assert.equal(after.case.state, 'signed')
    assert.ok(!after.case.allowed.includes('sign') && after.case.allowed.includes('resolve'))
    const signed = after.case.events.find(e => e.what === 'signed')
    assert.deepEqual([signed.by, signed.person, signed.state], ['bomei-fire', '消防值班员', 'signed'])
    const line = (await ask('bomei-fire', 'cases', { state: 'signed' })).cases.find(c => c.case === cases.fire.id)
    assert.deepEqual([line.role, line.part], ['lead', 'signed'])
    assert.equal((await ask('q-fire-county', 'case', { case: cases.fire.id })).case.number, cases.fire.number)
    const told = await ask('bomei-fire', 'report', { report: cases.fire.report })
    assert.deepEqual([told.report.report.text, told.report.case.number], [cases.fire.text, cases.fire.number])
    assert.equal(told.report.classification.kind, 'fire_safety.hill_fire')
  })

  test('a device sees how far its own reports are, and nothing else', async () => {
    const mine = await ask('bomei-061', 'cases')
    const own = await system.sql(`select distinct k.number from minqing.cases k join minqing.case_reports m on m."case" = k.id
      join minqing.reports r on r.id = m.report where r.account = 'bomei-061'`)
    assert.deepEqual(mine.cases.map(c => c.number).toSorted(), own.map(c => c.number).toSorted())
    assert.ok(mine.cases.some(c => c.number === cases.drugs.number))
    assert.deepEqual(Object.keys(mine.cases[0]).toSorted(), ['case', 'domain', 'kind', 'lead', 'lead_name', 'number', 'opened_at', 'state', 'version'])
    const status = await ask('bomei-061', 'case', { case: cases.drugs.id })
    assert.equal(status.case.report, cases.drugs.report)
    assert.ok(!('events' in status.case) && !('parts' in status.case) && !('reports' in status.case && status.case.reports.latest))
    const told = await ask('bomei-061', 'report', { report: cases.drugs.report })
    assert.ok(!told.report.events && !('handle_by' in told.report.case))
    assert.equal((await ask('bomei-063', 'report', { report: cases.waiting.id })).report.review.state, 'waiting')
  })

  test('of a restricted case the command centre sees number, state, severity and deadlines, and no more', async () => {
    const shown = await ask('bomei-command', 'case', { case: cases.drugs.id })
    assert.deepEqual(Object.keys(shown.case).toSorted(), ['allowed', 'area', 'case', 'handle_by', 'number', 'opened_at', 'restricted', 'severity', 'sign_by',
      'state', 'state_version', 'v', 'version'])
    assert.equal(shown.case.area, town)
    const line = (await ask('bomei-command', 'cases')).cases.find(c => c.case === cases.drugs.id)
    assert.deepEqual(Object.keys(line).toSorted(), ['area', 'area_name', 'case', 'exercise', 'handle_by', 'number', 'opened_at', 'overdue', 'restricted', 'severity',
      'sign_by', 'state', 'state_version', 'version'])
    assert.equal(line.area, town)
    const full = await ask('q-police', 'case', { case: cases.drugs.id })
    assert.equal(full.case.kind, 'anti_drug.tip')
    assert.equal(full.case.reports.latest[0].text, cases.drugs.text)
  })

  test('the command centre sees what waits, and its officers', async () => {
    const waiting = await ask('bomei-command', 'review', { limit: 200 })
    const mine = waiting.reviews.find(r => r.report === cases.waiting.id)
    assert.equal(mine.state, 'waiting')
    assert.ok(waiting.total >= 1)
    const paged = []
    for (let page = await ask('bomei-command', 'review', { limit: 1 }); ; page = await ask('bomei-command', 'review', { limit: 1, after: page.next })) {
      paged.push(...page.reviews.map(r => r.report))
      if (!page.next) break
    }
    assert.deepEqual(paged, waiting.reviews.map(r => r.report))
    const officers = await ask('bomei-command', 'officers', { limit: 200 })
    assert.equal(officers.officers.filter(o => /^bomei-\d+$/.test(o.account)).length, 84)
    assert.equal(officers.officers.find(o => o.account === 'bomei-001').on_task, null)
    await act('bomei-command', null, { case: cases.fire.id, action: 'mobilise', unit: 'bomei-1-1', note: '带灭火器' })
    const busy = (await ask('bomei-command', 'officers', { limit: 200 })).officers.find(o => o.account === 'bomei-001')
    assert.deepEqual([busy.on_task.kind, busy.on_task.state, busy.on_task.number], ['mobilise', 'called', cases.fire.number])
    await act('bomei-command', null, { case: cases.fire.id, action: 'stand_down' })
  })

  test('personal data are read with a reason by a desk of the case, and every reading is in the audit', async () => {
    const dryRun = await ask('q-drugs', 'subject', { case: cases.drugs.id })
    assert.match(dryRun.reason, /reason/)
    assert.equal((await system.sql('select from minqing.audit_entries')).length, 0, 'nothing was read yet')
    const answer = await ask('q-drugs', 'subject', { case: cases.drugs.id, reason: '核实线索' })
    assert.equal(answer.packet.qos, 0, 'never in the store of the broker')
    assert.deepEqual(answer.subjects.map(({ observed_at, ...s }) => s), [{ report: cases.drugs.report, name: '秘密甲某', phone: '13900001111',
      id_number: '441581199001010011', address: '点石村一巷' }])
    const other = await ask('q-civil', 'subject', { report: cases.illness.report, reason: '办理救助' })
    assert.deepEqual([other.subjects[0].name, other.subjects[0].more], ['秘密乙某', { mood: '低落' }])
    assert.deepEqual((await ask('bomei-fire', 'subject', { case: cases.fire.id, reason: '有没有' })).subjects, [])
    const visit = await ask('q-civil', 'subject', { visit: cases.visit, reason: '回访' })
    assert.match(visit.subjects[0].fault, /key/)
    const rows = await system.sql('select account, what, "case", report, visit, department, reason from minqing.audit_entries order by id')
    assert.deepEqual(rows, [
      { account: 'q-drugs', what: 'subject', case: cases.drugs.id, report: null, visit: null, department: 'anti_drug_office', reason: '核实线索' },
      { account: 'q-civil', what: 'subject', case: cases.illness.id, report: cases.illness.report, visit: null, department: 'civil_affairs', reason: '办理救助' },
      { account: 'bomei-fire', what: 'subject', case: cases.fire.id, report: null, visit: null, department: 'fire', reason: '有没有' },
      { account: 'q-civil', what: 'subject', case: null, report: null, visit: cases.visit, department: 'civil_affairs', reason: '回访' },
    ])
    const entries = async (account, question) => (await ask(account, 'audit', question)).entries
    assert.deepEqual((await entries('q-drugs')).map(e => [e.account, e.person, e.reason]), [['q-drugs', 'q-drugs 值班员', '核实线索']])
    assert.equal((await entries('q-health')).filter(e => e.case === cases.drugs.id || e.case === cases.fire.id).length, 0)
    const seen = await entries('bomei-command')
    assert.equal(seen.length, 4)
    const restricted = seen.find(e => e.restricted)
    assert.deepEqual(Object.keys(restricted).toSorted(), ['at', 'department', 'number', 'restricted', 'what'])
    assert.deepEqual([restricted.number, restricted.department], [cases.drugs.number, 'anti_drug_office'])
    assert.deepEqual((await entries('bomei-command', { case: cases.illness.id })).map(e => e.reason), ['办理救助'])
    assert.deepEqual(await entries('q-command-there'), [])
  })

  test('no personal data in the database, in logs, or in the store of the broker', async () => {
    const secrets = ['秘密甲某', '秘密乙某', '13900001111', '441581199001010011']
    const { stdout: dump } = await system.run('/usr/lib/postgresql/15/bin/pg_dump', '-d', system.environment.MINQING_DATABASE_ADMIN)
    assert.ok(dump.length > 100000)
    const files = folder => readdirSync(folder, { withFileTypes: true }).flatMap(e => e.isDirectory() ? files(path.join(folder, e.name)) : e.isFile() ? [path.join(folder, e.name)] : [])
    const store = path.join(system.folder, 'broker/mosquitto.db')
    const written = () => existsSync(store) ? statSync(store).ino : 0
    const before = written()
    process.kill(system.pid('mosquitto'), 'SIGUSR1') // saves its store: another file takes the old one's name
    await until(() => written() && written() !== before, 'the broker has written its store')
    const kept = [...files(path.join(system.folder, 'log')), ...files(path.join(system.folder, 'broker'))]
    assert.ok(kept.some(f => f.endsWith('mosquitto.db')))
    for (const secret of secrets) {
      assert.ok(!dump.includes(secret), `${secret} in the dump`)
      for (const file of kept) assert.ok(!readFileSync(file).includes(secret), `${secret} in ${file}`)
    }
  })

  test('nobody reads across area, department and restriction, by whatever name', async () => {
    const outside = ['q-fire-there', 'q-drugs-there', 'q-civil-there', 'q-command-there', 'bomei-070']
    // who must not see what
    const barred = [
      [cases.fire, [...outside, 'q-civil', 'q-tobacco', 'q-market']], [cases.drugs, [...outside, 'bomei-fire', 'q-civil', 'q-tobacco', 'q-fire-county', 'bomei-060']],
      [cases.illness, [...outside, 'bomei-fire', 'q-police', 'q-tobacco', 'q-fire-county', 'bomei-061']],
    ]
    let attempts = 0
    const refused = async (account, name, question) => {
      const result = await ask(account, name, question)
      assert.equal(result.done, false, `${account} ${name} ${JSON.stringify(question)}: ${JSON.stringify(result).slice(0, 500)}`)
      assert.ok(result.reason)
      attempts++
    }
    const absent = async (account, name, question, member, secret) => {
      const result = await ask(account, name, question)
      assert.ok(!JSON.stringify(result[member] ?? []).includes(secret), `${account} ${name} ${JSON.stringify(question)}`)
      attempts++
    }
    for (const [target, accounts] of barred) {
      for (const account of accounts) {
        await refused(account, 'case', { case: target.id })
        await refused(account, 'case', { number: target.number })
        await refused(account, 'report', { report: target.report })
        await refused(account, 'subject', { case: target.id, reason: '好奇' })
        await refused(account, 'subject', { report: target.report, reason: '好奇' })
        await absent(account, 'cases', { text: target.text.slice(2, 8) }, 'cases', target.id)
        await absent(account, 'audit', { case: target.id }, 'entries', target.id)
      }
    }
    // an operator and restricted cases: the number is all
    await refused('bomei-command', 'report', { report: cases.drugs.report })
    await absent('bomei-command', 'cases', { text: '交易毒品' }, 'cases', cases.drugs.id)
    for (const question of [{ domain: 'anti_drug' }, { kind: 'anti_drug.tip' }, { department: 'anti_drug_office' }, { area: '441581105203' }]) {
      await absent('bomei-command', 'cases', question, 'cases', cases.drugs.id)
      const stats = await ask('bomei-command', 'stats', question)
      assert.equal(stats.all.opened - (await system.sql(`select count(*)::int as n from minqing.cases where not restricted and state <> 'merged' and not exercise and opened_at >= date_trunc('month', now() at time zone 'Asia/Shanghai') at time zone 'Asia/Shanghai'
        and ($1::text is null or domain = $1) and ($2::text is null or kind = $2) and ($3::text is null or lead = $3) and area like $4`,
      question.domain, question.kind, question.department, `${question.area ?? town}%`))[0].n, 0, JSON.stringify(question))
      attempts++
    }
    const units = { domain: 'domain', kind: 'kind', department: 'lead', village: 'left(area, 12)' }
    for (const [by, unit] of Object.entries(units)) {
      const rows = (await ask('bomei-command', 'stats', { by })).rows
      const open = await system.sql(`select ${unit} as unit, count(*)::int as opened from minqing.cases where not restricted and state <> 'merged' and not exercise
        and area like '${town}%' and opened_at >= date_trunc('month', now() at time zone 'Asia/Shanghai') at time zone 'Asia/Shanghai' and ${unit} is not null group by 1 order by 1`)
      assert.deepEqual(rows.filter(r => r.opened).map(r => ({ unit: r.unit, opened: r.opened })).toSorted((a, b) => a.unit < b.unit ? -1 : 1), open, by)
      assert.ok(!rows.some(r => r.unit.startsWith('anti_drug')), by)
      attempts++
    }
    // names that are not for a role
    for (const account of ['bomei-fire', 'q-drugs', 'q-civil-there', 'bomei-060']) {
      await refused(account, 'review', {})
      await refused(account, 'officers', {})
    }
    for (const name of ['audit', 'stats']) await refused('bomei-060', name, {})
    await refused('bomei-command', 'subject', { case: cases.fire.id, reason: '好奇' })
    await refused('bomei-command', 'subject', { visit: cases.visit, reason: '好奇' })
    for (const account of ['bomei-fire', 'q-police', 'q-civil-there', 'bomei-064', 'bomei-060']) await refused(account, 'subject', { visit: cases.visit, reason: '好奇' })
    await absent('q-command-there', 'review', {}, 'reviews', cases.waiting.id)
    await refused('q-command-there', 'report', { report: cases.waiting.id })
    for (const account of ['bomei-fire', 'q-police', 'bomei-060']) await refused(account, 'report', { report: cases.waiting.id })
    await absent('q-command-there', 'officers', {}, 'officers', 'bomei-001')
    // another area named outright
    for (const name of ['cases', 'review', 'officers', 'stats']) await refused('bomei-command', name, { area: elsewhere })
    for (const name of ['cases', 'stats']) await refused('bomei-fire', name, { area: elsewhere })
    await refused('bomei-fire', 'stats', { department: 'police' })
    // in another's name: the broker refuses
    for (const account of ['bomei-060', 'bomei-fire', 'bomei-command']) {
      assert.equal(await (await clientOf(account)).publish(`minqing/query/q-drugs/case`, JSON.stringify({ id: uuid(), case: cases.drugs.id })), 0x87)
      attempts++
    }
    assert.ok(attempts >= 200, `${attempts} attempts`)
    const audited = await system.sql(`select count(*)::int as n from minqing.audit_entries where reason = '好奇'`)
    assert.equal(audited[0].n, 0)
  })

  test('a department that is no longer on the case sees it no longer; a locked account sees nothing', async () => {
    const target = await reported('bomei-066', report('小卖部卖假烟', { area: '441581105208', kind: 'counterfeit.food' }))
    assert.equal((await ask('q-market', 'case', { case: target.id })).done, true)
    assert.equal((await ask('q-tobacco', 'case', { case: target.id })).done, false)
    await act('q-market', 'market_supervision', { case: target.id, action: 'return', reason: '属烟草局职责' })
    assert.equal((await ask('q-tobacco', 'case', { case: target.id })).done, true)
    assert.equal((await ask('q-market', 'case', { case: target.id })).done, false)
    const rows = await system.sql(`select answer::jsonb as answer from minqing.ask('q-locked', 'case', jsonb_build_object('id', gen_random_uuid(), 'case', $1::uuid), 0)`,
      cases.fire.id)
    assert.match(rows[0].answer.reason, /locked/)
  })

  test('the role itself sees nothing that its account may not see, whatever the statement', async () => {
    const tables = ['cases', 'reports', 'case_reports', 'case_events', 'classifications', 'reviews', 'assignments', 'visits', 'audit_entries', 'tasks', 'mobilisations']
    const count = async (account, sql, ...values) => {
      const client = await system.sqlClient()
      try {
        await client.query('begin')
        await client.query('set local role minqing_query')
        await client.query(`select set_config('minqing.account', $1, true)`, [account])
        return Number((await client.query(sql, values)).rows[0].n)
      } finally {
        await client.query('rollback')
        client.release()
      }
    }
    for (const account of ['', 'nobody', 'q-locked', 'ingest']) {
      for (const table of tables) assert.equal(await count(account, `select count(*) as n from minqing.${table}`), 0, `${account} ${table}`)
    }
    for (const account of ['bomei-command', 'bomei-fire', 'q-drugs-there', 'bomei-060']) {
      assert.equal(await count(account, 'select count(*) as n from minqing.cases where restricted and first_report <> all(array(select id from minqing.reports where account = $1))', account), 0)
      assert.equal(await count(account, 'select count(*) as n from minqing.reports where id = $1', cases.drugs.report), 0, account)
      assert.equal(await count(account, 'select count(*) as n from minqing.case_events where ref = $1', cases.drugs.id), 0, account)
      assert.equal(await count(account, 'select count(*) as n from minqing.assignments where "case" = $1', cases.drugs.id), 0, account)
    }
    await assert.rejects(count('q-drugs', `insert into minqing.audit_entries (at, account, what, reason) values (now(), 'bomei-fire', 'subject', 'x') returning 1 as n`), /row-level security|permission/)
    await assert.rejects(count('q-drugs', 'select count(password_hash) as n from minqing.accounts'), /permission denied/)
    await assert.rejects(count('q-drugs', 'update minqing.cases set state = state returning 1 as n'), /permission denied/)
  })

  test('a question that is wrong is told so; a response topic of somebody else is not used', async () => {
    const desk = await clientOf('bomei-fire')
    const bad = async (name, text, options = {}) => {
      desk.messages.length = 0
      await desk.publish(`minqing/query/bomei-fire/${name}`, text, options)
      const result = json(await desk.next(m => m.topic === 'minqing/reply/bomei-fire/query', 'the refusal'))
      assert.ok(validate(result), JSON.stringify(validate.errors))
      assert.equal(result.done, false)
      return result
    }
    const id = uuid()
    assert.match((await bad('case', '{')).reason, /byte/)
    assert.match((await bad('case', '{}')).reason, /^\/id /)
    assert.match((await bad('case', JSON.stringify({ id }))).reason, /exactly one/)
    assert.match((await bad('subject', JSON.stringify({ id, reason: 'x', case: id, report: id }))).reason, /exactly one/)
    assert.match((await bad('cases', JSON.stringify({ id, limit: 201 }))).reason, /^\/limit /)
    assert.match((await bad('cases', JSON.stringify({ id, state: 'opened' }))).reason, /^\/state /)
    assert.match((await bad('cases', JSON.stringify({ id, after: '1; drop table' }))).reason, /cursor/)
    assert.match((await bad('gossip', JSON.stringify({ id }))).reason, /no question has this name/)
    assert.equal((await bad('stats', JSON.stringify({ id, by: 'mood' }))).id, id)
    assert.match((await bad('stats', JSON.stringify({ id, from: '2020-01-01T00:00:00Z' }))).reason, /400 days/)
    assert.match((await bad('cases', JSON.stringify({ id, x: 'x'.repeat(17000) }))).reason, /at most/)
    assert.match((await bad('cases', JSON.stringify({ id }), { retain: true })).reason, /retain/)
    const other = await clientOf('q-police')
    other.messages.length = 0
    desk.messages.length = 0
    await desk.publish('minqing/query/bomei-fire/cases', JSON.stringify({ id }), { properties: { responseTopic: 'minqing/reply/q-police/gift' } })
    await desk.next(m => m.topic === 'minqing/reply/bomei-fire/query', 'the answer at its own place')
    assert.equal(other.messages.length, 0)
  })

  test('who asks too much at once is told to wait, what takes too long is cut off, and others are answered', async () => {
    const greedy = await clientOf('q-market')
    greedy.messages.length = 0
    const ids = Array.from({ length: 300 }, uuid)
    await Promise.all(ids.map(id => greedy.publish('minqing/query/q-market/cases', JSON.stringify({ id }))))
    await until(() => greedy.messages.length === 300, 'every question has an answer')
    assert.equal((await ask('bomei-fire', 'cases')).done, true)

    await system.sql(`alter role minqing_query set statement_timeout = '700ms'`)
    await system.restart('query')
    await until(async () => (await ask('bomei-fire', 'cases', {}, 500).catch(() => ({}))).done, 'the service is back')
    const client = await system.sqlClient()
    try {
      await client.query('begin')
      await client.query('lock table minqing.audit_entries in access exclusive mode')
      const slow = await ask('q-drugs', 'subject', { case: cases.drugs.id, reason: '慢' })
      assert.match(slow.reason, /too long/)
      assert.ok(!slow.subjects)
    } finally {
      await client.query('rollback')
      client.release()
      await system.sql(`alter role minqing_query set statement_timeout = '10s'`)
    }
    await system.restart('query')
    await until(async () => (await ask('q-drugs', 'subject', { case: cases.drugs.id, reason: '再问' }, 500).catch(() => ({}))).done, 'it is answered again')
    assert.equal((await system.sql(`select from minqing.audit_entries where reason = '慢'`)).length, 0, 'what was not answered was not read')
  })

  test('the worked example: 996 opened, 972 due, 911 closed, 737 in time make 93.72 % and 75.82 %', async () => {
    const village = '441581105210'
    await system.sql(`
      with made as (
        select n, gen_random_uuid() as report, gen_random_uuid() as "case", timestamptz '2025-03-02 08:00+08' + n * interval '1 minute' as opened
        from generate_series(1, 996) n
      ),
      reported as (
        insert into minqing.reports (id, account, received_at, observed_at, text, payload_sha256, area, town, area_from, area_conflict, attachments, traceparent)
        select report, 'bomei-080', opened, opened, '例', '', $1, $2, 'given', false, '{}', '' from made
      ),
      cased as (
        insert into minqing.cases (id, number, town, year, state, domain, kind, also, severity, restricted, area, opened_at, assigned_at, sign_by, handle_by, clock,
                                   lead, first_report, disagrees, signed_at, resolved_at, closed_at)
        select "case", '例-' || n, $2, 2025, case when n <= 911 then 'closed' else 'in_progress' end, 'public_security', 'public_security.theft', '{}', 2, false, $1,
               opened, opened, opened + interval '1 hour',
               -- 972 fall due in March, 24 in April
               case when n <= 972 then timestamptz '2025-03-20 08:00+08' else timestamptz '2025-04-10 08:00+08' end, 'hours', 'police', report, false,
               opened + interval '30 minutes', case when n <= 911 then opened + interval '2 days' end,
               -- 737 closed in time, 174 late but within the month
               case when n <= 737 then timestamptz '2025-03-20 18:00+08' when n <= 911 then timestamptz '2025-03-28 08:00+08' end
        from made
      )
      insert into minqing.assignments ("case", department, role, state, joint, assigned_at, signed_at, resolved_at)
      select "case", 'police', 'lead', 'assigned', true, opened, opened + interval '30 minutes', case when n <= 911 then opened + interval '2 days' end from made`, village, town)
    const march = { from: '2025-03-01T00:00:00+08:00', to: '2025-04-01T00:00:00+08:00' }
    const figures = await ask('bomei-command', 'stats', { ...march, by: 'department' })
    const { opened, due_close, closed, closed_in_time, close_rate, close_in_time_rate, sign_median_minutes, handle_p90_minutes } = figures.all
    assert.deepEqual({ opened, due_close, closed, closed_in_time, close_rate, close_in_time_rate, sign_median_minutes, handle_p90_minutes },
      { opened: 996, due_close: 972, closed: 911, closed_in_time: 737, close_rate: 93.72, close_in_time_rate: 75.82, sign_median_minutes: 30, handle_p90_minutes: 2880 })
    assert.deepEqual(figures.rows.map(r => [r.unit, r.name, r.rank, r.close_in_time_rate]), [['police', '公安局', 1, 75.82]])
    assert.deepEqual(figures.columns.map(c => c.name).slice(0, 4), ['name', 'rank', 'admitted', 'opened'])
    for (const column of figures.columns) assert.ok(column.name in figures.rows[0] && column.formula, column.name)
    const days = (await ask('bomei-command', 'stats', { ...march, by: 'day' })).rows
    assert.equal(days.reduce((sum, row) => sum + row.opened, 0), 996)
    assert.equal((await ask('q-police', 'stats', { ...march, by: 'village' })).rows[0].unit, village)
    assert.equal((await ask('q-command-there', 'stats', march)).all.opened, 0)

    // nine are too few for a rank, ten are enough
    const parts = [['q-nine', 9, 'fire'], ['q-ten', 10, 'water']]
    for (const [, n, lead] of parts) {
      await system.sql(`update minqing.cases set lead = $1 where id in (select id from minqing.cases where number like '例-%' and lead = 'police' and state = 'closed' limit $2)`, lead, n)
    }
    const ranked = (await ask('bomei-command', 'stats', { ...march, by: 'department' })).rows
    const rank = unit => ranked.find(r => r.unit === unit).rank
    assert.equal(rank('fire'), null)
    assert.ok([1, 2].includes(rank('water')) && [1, 2].includes(rank('police')))
    await system.sql(`update minqing.cases set lead = 'police' where number like '例-%'`)
  })

  test('suspended cases stay due, merged ones are counted once, refused ones are opened and refused, exercises are left out', async () => {
    const march = ['2025-03-01 00:00+08', '2025-04-01 00:00+08']
    const all = async () => (await system.sql('select opened::int, refused::int, due_close::int, due_handle::int from minqing.figures(null, $1, $2)', ...march))[0]
    const change = set => system.sql(`update minqing.cases set ${set} where number = '例-1'`)
    const plain = await all()
    await change(`state = 'suspended', closed_at = null, resolved_at = null`)
    assert.deepEqual(await all(), plain)
    await change(`state = 'refused'`)
    assert.deepEqual(await all(), { ...plain, refused: 1, due_close: plain.due_close - 1, due_handle: plain.due_handle - 1 })
    const gone = { ...plain, opened: plain.opened - 1, due_close: plain.due_close - 1, due_handle: plain.due_handle - 1 }
    await change(`state = 'merged'`)
    assert.deepEqual(await all(), gone)
    await change(`state = 'closed', exercise = true`)
    assert.deepEqual(await all(), gone)
  })

  test("this month's figures from the history alone equal the live ones", async () => {
    const open = async (device, text, more) => (await reported(device, report(text, more))).id
    const desk = (action, id, more = {}) => act('bomei-fire', 'fire', { case: id, action, ...more })
    const command = (action, id, more = {}) => act('bomei-command', null, { case: id, action, ...more })
    const [{ code: kind }] = await system.sql(`select code from minqing.kinds where domain = 'fire_safety' and not restricted order by join_metres limit 1`)
    const made = []
    for (const [i, village] of ['001', '201', '202', '203', '204', '205', '206'].entries()) made.push(await open(`bomei-07${i}`, `飞线充电隐患之${'一二三四五六七'[i]}`, { kind, area: `441581105${village}` }))
    const [done, again, longer, refusedOne, merged, into, hung] = made
    for (const id of [done, again, longer, hung]) await desk('sign', id)
    await desk('resolve', done, { note: '已清理' })
    for (const a of await system.sql(`select department from minqing.assignments where "case" = $1 and joint and state not in ('resolved') and ended_at is null`, done)) assert.fail(`${a.department} must resolve too`)
    await desk('resolve', again, { note: '已清理' })
    await command('rework', again, { reason: '又拉上了' })
    await desk('sign', again)
    await desk('resolve', again, { note: '再清理' })
    await desk('extend', longer, { reason: '等业主', until: '2027-12-01T00:00:00+08:00' })
    await command('approve', longer)
    await command('refuse', refusedOne, { reason: '不属实' })
    await command('merge', merged, { into })
    await command('reassign', into, { department: 'power' })
    await desk('suspend', hung, { reason: '产权不明' })
    await command('approve', hung)
    const returned = await open('bomei-079', '某店疑似售假', { area: '441581105210001', kind: 'counterfeit.food' })
    await act('q-market', 'market_supervision', { case: returned, action: 'return', reason: '属烟草局职责' })
    await act('q-tobacco', 'tobacco', { case: returned, action: 'sign' })

    const from = "date_trunc('month', now())", to = "now() + interval '2 years'"
    for (const by of [null, 'department', 'town', 'village', 'grid', 'domain', 'kind', 'day', 'month']) {
      const [live, replayed] = await Promise.all([false, true].map(r => system.sql(`select * from minqing.figures($1, ${from}, ${to}, '{}', $2)`, by, r)))
      assert.ok(live.length)
      assert.deepEqual(replayed, live, `by ${by}`)
    }
    const [all] = await system.sql(`select opened::int, refused::int, returned::int, extended::int, reworked::int, handled::int from minqing.figures(null, ${from}, ${to})`)
    assert.ok(all.refused >= 1 && all.returned >= 2 && all.extended >= 1 && all.reworked >= 1 && all.handled >= 2, JSON.stringify(all))
    const market = (await system.sql(`select returned::int, handle_median_minutes from minqing.figures('department', ${from}, ${to}) where unit = 'market_supervision'`))[0]
    assert.ok(market.returned >= 1 && market.handle_median_minutes !== null, 'the time until a return is its own')
  })
}
