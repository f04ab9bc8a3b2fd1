// SPDX-License-Identifier: Apache-2.0
// A device that runs wild is told so and harms nobody, and whatever becomes of a message is counted.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { json, report, until } from '../harness/system.mjs'
import { flood } from '../harness/flood.mjs'

const services = ['ingest', 'classifier', 'dispatcher', 'notifier', 'query', 'webhook']

/** What a service says of itself, once it has nothing at hand: two messages that say the same. */
async function atRest(system, service) {
  const topic = `minqing/health/${service}/1`
  const watcher = await (await system.connect('bomei-command')).subscribe(topic)
  const told = health => JSON.stringify([health.inbox_messages, health.counters.received, health.counters.elements, health.counters.handled])
  const health = await until(() => {
    const [before, last] = watcher.messages.slice(-2).map(json)
    return last?.inbox_messages === 0 && told(before) === told(last) && last
  }, `${service} is at rest`, 40000)
  await watcher.end()
  return health
}

/** Ingest starts again after `between`; resolves when it is ready: one that is ended while it starts is not what these stories are about. */
async function startAgain(system, between) {
  const log = () => readFileSync(path.join(system.folder, 'log/ingest/current'), 'utf8')
  let before
  await system.restart('ingest', () => { before = log().length; between() })
  await until(() => / ready: /.test(log().slice(before)), 'ingest is ready', 30000)
}

/** Whether the broker keeps a message there, as a newcomer is told who may read it. */
async function isRetained(system, topic) {
  const newcomer = await (await system.connect('ingest')).subscribe(topic)
  // the broker answers in order: when it has this one, what is retained at the first has come
  await newcomer.subscribe('minqing/field/nobody/answer')
  await newcomer.end()
  return newcomer.messages.some(m => m.topic === topic && m.payload.length > 0)
}

/** The two sums that common/metrics.h promises. */
function assertAddsUp(service, { counters: c, inbox_messages: waiting }) {
  const words = `${service}: ${JSON.stringify(c)}`
  assert.equal(c.received, c.taken + c.dropped + c.excess + waiting, words)
  assert.equal(c.elements + c.swept, c.handled + c.rejected + c.later + c.cleared + c.abandoned, words)
  if (service !== 'ingest') return
  assert.equal(c.handled, c.stored + c.duplicate + c.unanswered, words)
  assert.equal(c.received, c.stored + c.duplicate + c.unanswered + c.rejected + c.later + c.cleared + c.abandoned + c.dropped + c.excess + waiting, words)
}

const difference = (after, before) => Object.fromEntries(Object.keys(after.counters).map(name => [name, after.counters[name] - before.counters[name]]))

export function stories(system) {
  test('one device sends 5,000 reports a second: it is told so, and the others get their receipts as ever', async () => {
    const [wild, honest] = ['bomei-060', 'bomei-061']
    const before = await atRest(system, 'ingest')
    const officer = await (await system.connect(honest)).subscribe(`minqing/field/${honest}/receipt`)
    let over = false
    const flooding = flood(system, wild, { perSecond: 5000, seconds: 6 }).finally(() => { over = true })
    let reports = 0
    while (!over) {
      const own = report('巡查发现占道经营')
      await officer.publish(`minqing/field/${honest}/report`, JSON.stringify(own))
      // 5 s is what a device waits before it sends again
      const receipt = json(await officer.next(m => m.payload.includes(own.id), 'the receipt of the other device', 5000))
      assert.equal(receipt.status, 'accepted')
      reports++
    }
    const { sent, receipts, listener } = await flooding
    assert.ok(reports > 10, `${reports} reports of the other device`)
    const after = await atRest(system, 'ingest')
    assertAddsUp('ingest', after)
    const made = difference(after, before)
    assert.equal(made.received, sent + reports)
    assert.equal(made.dropped, 0, 'nothing filled the inbox')
    assert.ok(made.excess > 20000, JSON.stringify(made))
    // its burst, and its rate for as long as it floods
    assert.ok(made.stored - reports < 3500, JSON.stringify(made))
    assert.ok(receipts().later > 0, JSON.stringify(receipts()))
    const told = json(listener.messages.find(m => json(m).status === 'later'))
    assert.equal(told.retry_after_s, 5)
    assert.match(told.id, /^[0-9a-f-]{36}$/)
    assert.match(told.errors[0].message, /more than it may/)
  })

  test('a device with a full outbox above its rate is held back, keeps what it has, and delivers all of it', async () => {
    // the limits lowered so far that a handful of reports is above them
    const settings = path.join(system.folder, 'minqing.conf')
    const usual = readFileSync(settings, 'utf8')
    const lowered = usual.replace('[ingest]', '[ingest]\naccount_rate = 4\naccount_burst = 4\nretry_after = 1s')
    await startAgain(system, () => writeFileSync(settings, lowered))
    try {
      const box = path.join(system.folder, 'outbox-limits.db')
      const run = (...args) => system.run('minqing-field', ...args, '-u', 'bomei-062', '-P', system.devices['bomei-062'], '--outbox', box, '--json')
      for (let i = 0; i < 12; i++) await run('send', `路灯不亮 ${i}`, '-h', '127.0.0.1', '-p', '1', '--timeout', '0.1')
      const flushed = await run('flush', '--timeout', '30')
      const events = flushed.stdout.trim().split('\n').map(line => JSON.parse(line))
      assert.equal(flushed.status, 0, flushed.stdout + flushed.stderr)
      assert.ok(events.some(e => e.event === 'later'), flushed.stdout)
      assert.equal(events.filter(e => e.event === 'accepted' || e.event === 'duplicate').length, 12, flushed.stdout)
      const [{ n }] = await system.sql(`select count(*)::int as n from minqing.reports where account = 'bomei-062' and text like '路灯不亮 %'`)
      assert.equal(n, 12)
    } finally {
      await startAgain(system, () => writeFileSync(settings, usual))
    }
  })

  test('a retained message that was thrown away does not stay at the broker', async () => {
    const account = 'bomei-063'
    const settings = path.join(system.folder, 'minqing.conf')
    const usual = readFileSync(settings, 'utf8')
    await startAgain(system, () => writeFileSync(settings, usual.replace('[ingest]', '[ingest]\naccount_rate = 1\naccount_burst = 1')))
    try {
      const before = await atRest(system, 'ingest')
      // one is within the rate, 16 are told, and what comes behind them in the same breath is thrown away
      await flood(system, account, { perSecond: 4000, seconds: 0.01 })
      await flood(system, account, { perSecond: 4000, seconds: 0.01, retain: true })
      await until(async () => !await isRetained(system, `minqing/field/${account}/report`), 'the copy is cleared', 40000)
      const made = difference(await atRest(system, 'ingest'), before)
      assert.ok(made.excess > 0 && made.rejected > 0, JSON.stringify(made))
    } finally {
      await startAgain(system, () => writeFileSync(settings, usual))
    }
  })

  test('of one sender\'s bad messages an hour so many are kept; all are answered, and the others are counted', async () => {
    const settings = path.join(system.folder, 'minqing.conf')
    const usual = readFileSync(settings, 'utf8')
    await startAgain(system, () => writeFileSync(settings, usual.replace('[ingest]', '[ingest]\nrejections_an_hour = 10\nrejections_kept = 1000')))
    try {
      const account = 'bomei-064'
      const before = await atRest(system, 'ingest')
      const { receipts } = await flood(system, account, { perSecond: 100, seconds: 0.5, make: () => JSON.stringify({ id: randomUUID() }) })
      await until(() => receipts().rejected === 50, 'all are answered')
      const rows = await system.sql('select from minqing.rejections where topic = $1', `minqing/field/${account}/report`)
      // the hour may have turned meanwhile
      const counts = await system.sql(`select sum(kept)::int as kept, sum(unkept)::int as unkept, count(*)::int as hours from minqing.rejection_counts
        where service = 'ingest' and sender = $1`, `minqing/field/${account}/report`)
      assert.equal(rows.length, counts[0].kept)
      assert.equal(counts[0].kept + counts[0].unkept, 50)
      assert.ok(counts[0].kept <= 10 * counts[0].hours, JSON.stringify(counts))
      const made = difference(await atRest(system, 'ingest'), before)
      assert.equal(made.rejected, 50)
      assert.equal(made.unkept, counts[0].unkept)
    } finally {
      await startAgain(system, () => writeFileSync(settings, usual))
    }
  })

  test('in all so many rejections are kept: the oldest are erased and counted', async () => {
    const [{ last }] = await system.sql('select coalesce(max(id), 0)::int as last from minqing.rejections')
    // ids are given in order, so a gap ages what is there
    await system.sql(`select setval(pg_get_serial_sequence('minqing.rejections', 'id'), $1::bigint)`, last + 5000)
    const put = n => system.sql(`select minqing.put_aside(array_fill('ingest'::text, array[$1::int]), array_fill('limits-test'::text, array[$1::int]),
      array_fill('t'::text, array[$1::int]), array_fill(''::bytea, array[$1::int]), array_fill(0, array[$1::int]),
      array_fill('[]'::jsonb, array[$1::int]), array_fill(100000, array[$1::int]), array_fill(2000::bigint, array[$1::int])) as unkept`, n)
    const [{ n: before }] = await system.sql('select count(*)::int as n from minqing.rejections')
    assert.equal(Number((await put(600))[0].unkept), 0)
    const [{ n: after }] = await system.sql('select count(*)::int as n from minqing.rejections')
    const [{ erased }] = await system.sql('select coalesce(sum(erased), 0)::int as erased from minqing.rejection_counts')
    assert.ok(erased > 0)
    assert.equal(after, before + 600 - erased)
    await system.sql(`delete from minqing.rejections where topic = 't'`)
  })

  test('good, bad, repeated, retained, oversized and clearing messages: the counters of every service add up', async () => {
    const account = 'bomei-065'
    const topic = `minqing/field/${account}/report`
    const before = await atRest(system, 'ingest')
    const device = await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`)
    const receipts = status => device.messages.filter(m => json(m).status === status).length
    const good = [report('山脚冒烟'), report('两家争吵'), report('河道倾倒垃圾')]
    for (const g of good) await device.publish(topic, JSON.stringify(g))
    await until(() => receipts('accepted') === 3, 'three receipts')
    await device.publish(topic, JSON.stringify(good[0]))
    await device.publish(topic, JSON.stringify(good[0]))
    await device.publish(topic, '{}')
    await device.publish(topic, JSON.stringify({ ...report('大'), note: 'x'.repeat(70 * 1024) }))
    await device.publish(topic, JSON.stringify({ ...good[1], text: '另外的话' }))
    await device.publish(topic, JSON.stringify({ ...report('没有这个村'), area: '999999999999' }))
    await device.publish(topic, JSON.stringify(report('不该保留')), { retain: true })
    await device.publish(topic, '', { retain: true })
    await until(() => receipts('rejected') === 5 && receipts('duplicate') === 2, 'the other receipts')
    const desk = await system.connect('bomei-fire')
    await desk.publish('minqing/department/fire/441581/441581105/action/bomei-fire', '{}')
    const inner = await system.connect('ingest')
    await inner.publish('minqing/stage/received', '[{"v":1},{"v":1},7]')
    await inner.publish('minqing/stage/received', 'no array')
    await inner.publish('minqing/stage/answered', '[]')
    const after = await atRest(system, 'ingest')
    const made = difference(after, before)
    assert.deepEqual([made.stored, made.duplicate, made.rejected], [3, 2, 5], JSON.stringify(made))
    // the sender's own clearing, and the echo of ours
    assert.equal(made.cleared, 2)
    for (const service of services) {
      const health = await atRest(system, service)
      assertAddsUp(service, health)
    }
    const classifier = await atRest(system, 'classifier')
    assert.ok(classifier.counters.rejected >= 4, JSON.stringify(classifier.counters))
  })

  test('an id that another transaction is just storing gets no receipt, is counted, and gets one when it comes again', async () => {
    const account = 'bomei-066'
    const before = await atRest(system, 'ingest')
    const device = await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`)
    const mine = report('路边倒了一棵树')
    const other = await system.sqlClient()
    try {
      await other.query('begin')
      await other.query(`insert into minqing.reports (id, account, received_at, observed_at, text, payload_sha256, area, town, area_from, area_conflict,
          attachments, traceparent)
        values ($1, 'bomei-067', now(), now(), '先到一步', '\\x00', '441581105202', '441581105', 'home', false, '{}',
          '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')`, [mine.id])
      await device.publish(`minqing/field/${account}/report`, JSON.stringify(mine))
      await until(async () => (await system.sql(`select from pg_stat_activity where usename = 'minqing_ingest' and wait_event_type = 'Lock'`)).length,
        'ingest waits for the other transaction')
      await other.query('commit')
    } finally {
      other.release()
    }
    const made = difference(await atRest(system, 'ingest'), before)
    assert.deepEqual([made.received, made.handled, made.stored, made.unanswered], [1, 1, 0, 1], JSON.stringify(made))
    assert.equal(device.messages.length, 0)
    await device.publish(`minqing/field/${account}/report`, JSON.stringify(mine))
    assert.equal(json(await device.next(m => m.payload.includes(mine.id), 'the receipt')).errors[0].path, '/id')
    assertAddsUp('ingest', await atRest(system, 'ingest'))
  })

  test('what is refused while the database is away is kept, and its sender told, when it is back', async () => {
    const account = 'bomei-068'
    const device = await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`)
    await system.restart('postgresql', () => device.publish(`minqing/field/${account}/report`, '{"id":7}'))
    const refusal = json(await device.next(m => json(m).status === 'rejected', 'the refusal', 60000))
    assert.equal(refusal.errors[0].path, '/id')
    const rows = await system.sql('select from minqing.rejections where topic = $1', `minqing/field/${account}/report`)
    assert.equal(rows.length, 1)
    assertAddsUp('ingest', await atRest(system, 'ingest'))
  })
}
