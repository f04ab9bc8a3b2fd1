// SPDX-License-Identifier: Apache-2.0
// Officers answer and visit: what has a receipt is stored once, and nothing of whom it is about lies open anywhere.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { json, report, until } from '../harness/system.mjs'

const account = 'bomei-040'
const at = '2026-11-23T02:30:00+08:00'
const subject = { name: '上官婉清', phone: '13912340987', id_number: '44158119760403123X', address: '溪乾村水井边第三家' }
const traces = ['上官婉清', '13912340987', '44158119760403123X', '溪乾村水井边第三家']

const topicOf = (what, device = account) => `minqing/field/${device}/${what}`
const answer = more => ({ id: randomUUID(), task: randomUUID(), answer: 'acknowledged', at, ...more })

async function device(system, name = account) {
  return (await system.connect(name)).subscribe(`minqing/field/${name}/receipt`)
}

/** Publishes, and waits for the receipt after those that came before. */
async function receipt(client, topic, bytes, options) {
  const before = client.messages.length
  await client.publish(topic, bytes, options)
  return json(await client.next(m => client.messages.indexOf(m) >= before && m.topic.endsWith('/receipt'), `the receipt on ${topic}`))
}

/** Has the broker write its store, and gives its bytes. */
async function brokerStore(system) {
  const file = `${system.folder}/broker/mosquitto.db`
  // the store is written at once, but not within the signal; one more message shows when
  const marker = randomUUID()
  const desk = await system.connect('notifier')
  await desk.publish(`minqing/department/fire/441581/441581105/case/${marker}`, '{}', { retain: true })
  process.kill(Number(readFileSync(`${system.folder}/run/mosquitto.pid`, 'utf8')), 'SIGUSR1')
  await until(() => { try { return readFileSync(file).includes(marker) } catch { return false } }, 'the broker writes its store')
  await desk.publish(`minqing/department/fire/441581/441581105/case/${marker}`, '', { retain: true })
  return readFileSync(file)
}

/** [what, the answer, path of the fault, words of the fault] */
const bad = [
  ['neither task nor case', answer({ task: undefined }), '/task', /task or a case/],
  ['both task and case', answer({ case: randomUUID() }), '/case', /not both/],
  ['a task that is no id', answer({ task: 'the first one' }), '/task', /UUID/],
  ['the nil task', answer({ task: '00000000-0000-0000-0000-000000000000' }), '/task', /.+/],
  ['a result without a note', answer({ answer: 'result' }), '/note', /result needs one/],
  ['a rework with a blank note', answer({ answer: 'rework', note: ' \n ' }), '/note', /rework needs one/],
  ['a word that is none', answer({ answer: 'perhaps' }), '/answer', /acknowledged/],
  ['no time', answer({ at: undefined }), '/at', /missing/],
]

export function stories(system) {
  test('an answer is receipted, stored with its place, and goes on to the dispatcher', async () => {
    const dispatcher = await (await system.connect('dispatcher')).subscribe('minqing/stage/answered')
    const officer = await device(system)
    const trace = '00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const there = answer({ answer: 'arrived', location: { lat: 22.98, lon: 115.83, datum: 'gcj02' }, wind: 'NE 5', attachments: ['a'.repeat(64)] })
    const got = await receipt(officer, topicOf('answer'), JSON.stringify(there),
      { properties: { correlationData: Buffer.from('7'), userProperties: { traceparent: trace } } })
    assert.deepEqual([got.kind, got.status, got.id], ['answer', 'accepted', there.id])
    const element = await dispatcher.next(m => m.payload.includes(there.id), 'the element')
    assert.deepEqual(json(element).find(e => e.id === there.id), { v: 1, id: there.id, what: 'answer', traceparent: trace })
    const [row] = await system.sql(`select account, person is not null as person, task, "case", answer, extra, attachments, traceparent,
      st_y(location::geometry) as lat, location_given->>'datum' as datum from minqing.answers where id = $1`, there.id)
    assert.deepEqual([row.account, row.person, row.task, row.case, row.answer, row.traceparent], [account, true, there.task, null, 'arrived', trace])
    assert.deepEqual([row.extra, row.attachments, row.datum], [{ wind: 'NE 5' }, ['a'.repeat(64)], 'gcj02'])
    assert.ok(Math.abs(row.lat - 22.98) > 0.001 && Math.abs(row.lat - 22.98) < 0.01, 'converted from GCJ-02')
  })

  test('what is said on the spot names a case, where no task asked for it', async () => {
    const officer = await device(system)
    const verified = answer({ task: undefined, case: randomUUID(), answer: 'verified' })
    assert.equal((await receipt(officer, topicOf('answer'), JSON.stringify(verified))).status, 'accepted')
    const rework = answer({ task: undefined, case: randomUUID(), answer: 'rework', note: '垃圾还在' })
    assert.equal((await receipt(officer, topicOf('answer'), JSON.stringify(rework))).status, 'accepted')
    const [row] = await system.sql('select "case", note from minqing.answers where id = $1', rework.id)
    assert.deepEqual(row, { case: rework.case, note: '垃圾还在' })
  })

  for (const [what, message, path, words] of bad) {
    test(`an answer with ${what} is refused with its reason`, async () => {
      const officer = await device(system)
      const refusal = await receipt(officer, topicOf('answer'), JSON.stringify(message))
      assert.deepEqual([refusal.kind, refusal.status, refusal.id], ['answer', 'rejected', message.id])
      assert.equal(refusal.errors[0].path, path, JSON.stringify(refusal))
      assert.match(refusal.errors[0].message, words)
      assert.deepEqual(await system.sql('select from minqing.answers where id = $1', message.id), [])
    })
  }

  for (const [what, message] of [['answer', answer()], ['visit', report('走访老人')]]) {
    test(`the same ${what} again is a duplicate; other bytes, another device, a desk, a locked account are refused`, async () => {
      const officer = await device(system)
      const bytes = JSON.stringify(message)
      const statuses = []
      for (const again of [bytes, bytes, JSON.stringify({ ...message, extra: 1 })]) statuses.push((await receipt(officer, topicOf(what), again)).status)
      assert.deepEqual(statuses, ['accepted', 'duplicate', 'rejected'])
      const other = await receipt(await device(system, 'bomei-041'), topicOf(what, 'bomei-041'), bytes)
      assert.deepEqual([other.kind, other.status, other.errors[0].path], [what, 'rejected', '/id'])
      const desk = await receipt(await device(system, 'bomei-fire'), topicOf(what, 'bomei-fire'), JSON.stringify({ ...message, id: randomUUID() }))
      assert.match(desk.errors[0].message, /not a device/)
      const open = await device(system, 'bomei-042')
      await system.sql(`update minqing.accounts set locked = true where account = 'bomei-042'`)
      const locked = await receipt(open, topicOf(what, 'bomei-042'), JSON.stringify({ ...message, id: randomUUID() }))
      await system.sql(`update minqing.accounts set locked = false where account = 'bomei-042'`)
      assert.match(locked.errors[0].message, /locked/)
      assert.equal((await system.sql(`select from minqing.${what}s where id = $1`, message.id)).length, 1)
    })
  }

  test('an answer twice in one breath is stored once', async () => {
    const officer = await device(system)
    const bytes = JSON.stringify(answer())
    await Promise.all([1, 2, 3, 4].map(() => officer.publish(topicOf('answer'), bytes)))
    await until(() => officer.messages.length === 4, 'four receipts')
    assert.deepEqual(officer.messages.map(m => json(m).status).sort(), ['accepted', 'duplicate', 'duplicate', 'duplicate'])
  })

  test('what another transaction is storing just now gets no receipt, and the truth when it is sent again', async () => {
    const officer = await device(system)
    const message = answer()
    await system.sql('select 1')
    const other = await system.pool.connect()
    try {
      await other.query('begin')
      await other.query(`insert into minqing.answers (id, account, received_at, at, answer, attachments, payload_sha256, traceparent)
        values ($1, 'bomei-041', now(), now(), 'arrived', '{}', '\\x00', $2)`, [message.id, `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`])
      await officer.publish(topicOf('answer'), JSON.stringify(message))
      await until(async () => (await system.sql(`select from pg_stat_activity where usename = 'minqing_ingest' and wait_event_type = 'Lock'`)).length,
        'ingest waits for the other one')
      await other.query('commit')
    } finally {
      other.release()
    }
    const again = await receipt(officer, topicOf('answer'), JSON.stringify(message))
    assert.deepEqual([again.id, again.status, again.errors[0].path], [message.id, 'rejected', '/id'])
    assert.equal(officer.messages.length, 1, 'nothing was said the first time')
  })

  test('a visit seals whom it is about, masks what names them, and finds its village', async () => {
    const officer = await device(system)
    const dispatcher = await (await system.connect('dispatcher')).subscribe('minqing/stage/answered')
    const visit = report('上官婉清（13912340987）家屋顶漏雨', { service: '已帮上官婉清盖好雨布', subject, location: { lat: 22.99325, lon: 115.83685 } })
    const got = await receipt(officer, topicOf('visit'), JSON.stringify(visit))
    assert.deepEqual([got.kind, got.status, got.id], ['visit', 'accepted', visit.id])
    const element = json(await dispatcher.next(m => m.payload.includes(visit.id), 'the element')).find(e => e.id === visit.id)
    assert.equal(element.what, 'visit')
    const [row] = await system.sql(`select text, masked, service, masked_service, encode(subject, 'escape') as sealed, subject_key, area, town, area_from,
      area_conflict from minqing.visits where id = $1`, visit.id)
    assert.equal(row.text, visit.text)
    assert.equal(row.masked, '上***（139********）家屋顶漏雨')
    assert.equal(row.masked_service, '已帮上***盖好雨布')
    assert.ok(row.sealed && row.subject_key && traces.every(word => !row.sealed.includes(word)))
    assert.deepEqual([row.area.slice(0, 9), row.town, row.area_from, row.area_conflict], ['441581105', '441581105', 'polygon', false])
  })

  test('a visit without a place is at home, one with an unknown area is refused', async () => {
    const officer = await device(system)
    const home = report('走访低保户')
    assert.equal((await receipt(officer, topicOf('visit'), JSON.stringify(home))).status, 'accepted')
    const [row] = await system.sql('select area_from, v.area = a.area as home from minqing.visits v join minqing.accounts a using (account) where id = $1', home.id)
    assert.deepEqual(row, { area_from: 'home', home: true })
    const refusal = await receipt(officer, topicOf('visit'), JSON.stringify(report('走访低保户', { area: '999999999999' })))
    assert.equal(refusal.errors[0].path, '/area')
    const conflict = report('走访', { area: '441581105201', location: { lat: 22.99325, lon: 115.83685 } })
    assert.equal((await receipt(officer, topicOf('visit'), JSON.stringify(conflict))).status, 'accepted')
    assert.equal((await system.sql('select area_conflict from minqing.visits where id = $1', conflict.id))[0].area_conflict, true)
  })

  test('of a refused visit nothing is kept of whom it is about', async () => {
    const officer = await device(system)
    const visit = report('走访', { task: 'none', subject })
    assert.equal((await receipt(officer, topicOf('visit'), JSON.stringify(visit))).errors[0].path, '/task')
    const [row] = await system.sql(`select convert_from(bytes, 'UTF8') as bytes from minqing.rejections where topic = $1 order by id desc limit 1`, topicOf('visit'))
    assert.ok(row.bytes.includes(visit.id) && traces.every(word => !row.bytes.includes(word)))
  })

  test('minqing-field answers a task, verifies a case, records a visit; what is wrong is not kept', async () => {
    const outbox = ['--json', '--outbox', `${system.folder}/outbox-answers`]
    const [task, about] = [randomUUID(), randomUUID()]
    const there = await system.run('minqing-field', 'answer', task, 'arrived', '--lat', '22.98', '--lon', '115.83', ...outbox)
    assert.equal(there.status, 0, there.stderr + there.stdout)
    const events = there.stdout.trim().split('\n').map(line => JSON.parse(line).event)
    assert.deepEqual(events.filter(event => event !== 'status'), ['kept', 'accepted'])
    const rework = await system.run('minqing-field', 'answer', '--case', about, 'rework', '--note', '还有垃圾', ...outbox)
    assert.equal(rework.status, 0, rework.stderr)
    const rows = await system.sql('select account, task, "case", answer, note from minqing.answers where task = $1 or "case" = $2 order by answer', task, about)
    assert.deepEqual(rows, [{ account: 'bomei-001', task, case: null, answer: 'arrived', note: null },
      { account: 'bomei-001', task: null, case: about, answer: 'rework', note: '还有垃圾' }])
    writeFileSync(`${system.folder}/subject.json`, JSON.stringify(subject))
    const visited = await system.run('minqing-field', 'visit', '林某加独居，房屋脏乱', '--service', '已清扫', '--area', '441581105202',
      '--subject-file', `${system.folder}/subject.json`, ...outbox)
    assert.equal(visited.status, 0, visited.stderr)
    const [visit] = await system.sql('select service, area, subject is not null as sealed from minqing.visits where id = $1', JSON.parse(visited.stdout.split('\n')[0]).id)
    assert.deepEqual(visit, { service: '已清扫', area: '441581105202', sealed: true })
    for (const [status, words] of [[2, [task]], [2, [task, 'perhaps']], [2, ['7', 'arrived']], [2, ['--case', about, task, 'verified']], [6, [task, 'result']]]) {
      const wrong = await system.run('minqing-field', 'answer', ...words, ...outbox)
      assert.deepEqual([wrong.status, wrong.stdout], [status, ''], wrong.stderr)
    }
  })

  test('answers and visits wait in the outbox while there is no signal, and go out together with reports', async () => {
    const outbox = ['--json', '--outbox', `${system.folder}/outbox-valley`]
    const away = ['-h', '127.0.0.1', '-p', '1', ...outbox]
    const kept = []
    for (const args of [['visit', '走访', '--service', '送药'], ['send', '坝体渗水', '--severity', '4'], ['answer', randomUUID(), 'result', '--note', '已处置']]) {
      const { status, stdout } = await system.run('minqing-field', ...args, ...away)
      assert.equal(status, 3)
      kept.push(JSON.parse(stdout).id)
    }
    const listed = (await system.run('minqing-field', 'list', ...outbox)).stdout.trim().split('\n').map(line => JSON.parse(line))
    assert.deepEqual(listed.map(l => l.kind), ['report', 'answer', 'visit'], 'in the order of their turns')
    assert.equal(listed[2].visit.service, '送药')
    const sent = await system.run('minqing-field', 'flush', ...outbox)
    assert.equal(sent.status, 0, sent.stderr)
    const tables = ['visits', 'reports', 'answers']
    for (const i of [0, 1, 2]) assert.equal((await system.sql(`select from minqing.${tables[i]} where id = $1`, kept[i])).length, 1, tables[i])
    assert.equal((await system.run('minqing-field', 'list', ...outbox)).stdout, '')
  })

  test('minqing-field tasks shows what arrives, and what came while nobody looked', async () => {
    const notifier = await system.connect('notifier')
    const topic = 'minqing/field/bomei-001/task'
    const task = more => ({ v: 1, task: randomUUID(), version: 1, case: randomUUID(), number: '博美-1123-042', kind: 'mobilise', exercise: true,
      text: '到点石村后山集合', location: { lat: 22.99, lon: 115.83 }, due_at: at, state: 'called', ...more })
    const first = task()
    let shown
    system.run('minqing-field', 'tasks', '--count', '1', '--timeout', '20').then(result => { shown = result })
    // it may not have subscribed yet, so call until it has heard
    while (!shown) {
      await notifier.publish(topic, JSON.stringify(first))
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    assert.equal(shown.status, 0, shown.stderr)
    for (const word of ['动员', '演练', '博美-1123-042', '到点石村后山集合', first.task]) assert.ok(shown.stdout.includes(word), word)
    const missed = [task(), task({ state: 'stood_down', version: 2 })]
    for (const message of missed) assert.equal(await notifier.publish(topic, JSON.stringify(message)), 0)
    // a command that sends in between does not take them away
    assert.equal((await system.run('minqing-field', 'answer', first.task, 'acknowledged', '--outbox', `${system.folder}/outbox-tasks`)).status, 0)
    const later = await system.run('minqing-field', 'tasks', '--json', '--timeout', '1')
    assert.deepEqual(later.stdout.trim().split('\n').map(line => JSON.parse(line)).filter(t => t.task !== first.task), missed)
    assert.equal((await system.run('minqing-field', 'tasks', '--count', '1', '--timeout', '0.5')).status, 5)
  })

  test('what is published with the retain flag is refused, and its copy cleared before the sender is told', async () => {
    const officer = await device(system)
    for (const [what, message] of [['report', report('山上冒烟', { subject })], ['visit', report('走访', { subject })], ['answer', answer({ note: subject.name })]]) {
      const refusal = await receipt(officer, topicOf(what), JSON.stringify(message), { retain: true })
      assert.deepEqual([refusal.kind, refusal.status, refusal.id], [what, 'rejected', message.id])
      assert.deepEqual(refusal.errors, [{ path: '', message: 'must not be retained: publish without the retain flag' }])
      assert.deepEqual(await system.sql(`select from minqing.${what}s where id = $1`, message.id), [])
      // who subscribes now is given no copy: the good one published after it comes first
      const fresh = await (await system.connect('ingest')).subscribe(topicOf(what))
      const good = what === 'answer' ? answer() : report('巡查正常')
      assert.equal((await receipt(officer, topicOf(what), JSON.stringify(good))).status, 'accepted')
      await fresh.next(m => m.payload.includes(good.id), 'the good one')
      assert.equal(fresh.messages.length, 1)
      await fresh.end()
    }
    const before = (await system.sql('select count(*)::int as n from minqing.rejections'))[0].n
    await officer.publish(topicOf('report'), '', { retain: true })
    assert.equal((await receipt(officer, topicOf('report'), JSON.stringify(report('巡查正常')))).status, 'accepted')
    assert.equal((await system.sql('select count(*)::int as n from minqing.rejections'))[0].n, before, 'clearing is no message')
  })

  test('what was left with the retain flag while ingest was away is refused and cleared when it comes back', async () => {
    const officer = await device(system)
    const message = report('山上冒烟', { subject })
    await system.restart('ingest', () => officer.publish(topicOf('report'), JSON.stringify(message), { retain: true }))
    const refusal = json(await officer.next(m => m.payload.includes(message.id), 'the refusal'))
    assert.match(refusal.errors[0].message, /must not be retained/)
    const fresh = await (await system.connect('ingest')).subscribe(topicOf('report'))
    const good = report('巡查正常')
    await receipt(officer, topicOf('report'), JSON.stringify(good))
    await fresh.next(m => m.payload.includes(good.id), 'the good one')
    assert.equal(fresh.messages.length, 1)
    await fresh.end()
  })

  test('an action published with the retain flag is refused and cleared too', async () => {
    const operator = await (await system.connect('bomei-command')).subscribe('minqing/reply/bomei-command/#')
    const topic = 'minqing/command/441581/441581105/action/bomei-command'
    const action = { id: randomUUID(), report: randomUUID(), action: 'refuse', reason: `与${subject.name}无关` }
    await operator.publish(topic, JSON.stringify(action), { retain: true })
    const reply = json(await operator.next(m => m.payload.includes(action.id), 'the reply'))
    assert.equal(reply.done, false)
    assert.match(reply.reason, /must not be retained/)
    const fresh = await (await system.connect('dispatcher')).subscribe(topic)
    await operator.publish(topic, '{}')
    await fresh.next(m => m.payload.toString() === '{}', 'what is published now')
    assert.equal(fresh.messages.length, 1)
  })

  test('once all receipts are out the broker\'s store has no trace of whom anything was about', async () => {
    const officer = await device(system)
    for (const retain of [false, true]) {
      for (let i = 0; i < 20; i++) await receipt(officer, topicOf('report'), JSON.stringify(report(`第${i}户没有饭吃`, { subject })), { retain })
      await receipt(officer, topicOf('visit'), JSON.stringify(report('走访', { subject, service: '送米一袋' })), { retain })
    }
    const store = await brokerStore(system)
    for (const word of traces) assert.ok(!store.includes(word), `the broker's store names ${word}`)
  })

  test('an answer and a visit of which every message was lost are brought by the sweep', async () => {
    const ids = [randomUUID(), randomUUID()]
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await system.sql(`insert into minqing.answers (id, account, received_at, at, "case", answer, attachments, payload_sha256, traceparent)
      values ($1, 'bomei-001', now(), now(), $1, 'verified', '{}', 'x', $2)`, ids[0], trace)
    await system.sql(`insert into minqing.visits (id, account, received_at, observed_at, area, town, area_from, area_conflict, text, service,
      attachments, payload_sha256, traceparent)
      values ($1, 'bomei-001', now(), now(), '441581105202', '441581105', 'given', false, '走访', '已清扫', '{}', 'x', $2)`, ids[1], trace)
    await until(async () => (await system.sql('select from minqing.outcomes where id = any($1)', ids)).length === 2, 'both have an outcome', 20000)
  })
}
