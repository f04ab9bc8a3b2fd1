// SPDX-License-Identifier: Apache-2.0
// What the loop of every service promises: poison harms nobody, what nobody heard is told later.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { json, report, until } from '../harness/system.mjs'

const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

/** A report in the table of which no message tells: as if the message had been lost. */
async function storeSilently(system, text) {
  const id = randomUUID()
  await system.sql(`insert into minqing.reports (id, account, received_at, observed_at, text, payload_sha256, area, town, area_from, area_conflict,
      attachments, traceparent)
    values ($1, 'bomei-040', now(), now(), $2, '\\x00', '441581105202', '441581105', 'home', false, '{}', $3)`, id, text, trace)
  return id
}

export function stories(system) {
  test('an element that the database refuses is put aside, its neighbours pass, and the sweep brings the report itself', async () => {
    const [bad, good] = [await storeSilently(system, '楼道里电动车飞线充电'), await storeSilently(system, '两家人为祖坟吵起来')]
    const element = (id, more = {}) => ({ v: 1, id, text: 'x', traceparent: trace, ...more })
    const ingest = await system.connect('ingest')
    // no such kind: the foreign key refuses the whole batch
    assert.equal(await ingest.publish('minqing/stage/received', JSON.stringify([element(bad, { kind: 'no.such' }), element(good)])), 0)
    const [row] = await until(async () => {
      // others have put aside bytes that are no text
      const rows = await system.sql(`select encode(bytes, 'escape') as bytes from minqing.rejections where service = 'classifier'`)
      return rows.some(r => r.bytes.includes(bad)) && rows.filter(r => r.bytes.includes(bad))
    }, 'the rejection')
    assert.ok(row.bytes.includes(bad) && !row.bytes.includes(good))
    await until(async () => (await system.sql('select from minqing.classifications where report = any($1)', [bad, good])).length === 2,
      'both are classified in the end')
  })

  test('a stage message that is no array, or of a later format, is put aside', async () => {
    const ingest = await system.connect('ingest')
    const count = async () => (await system.sql(`select count(*)::int as n from minqing.rejections where service = 'classifier'`))[0].n
    const before = await count()
    await ingest.publish('minqing/stage/received', '{"v":1}')
    await ingest.publish('minqing/stage/received', '[{"v":2,"id":"00000000-0000-4000-8000-000000000001","text":"x"}]')
    await until(async () => await count() === before + 2, 'both are in rejections')
  })

  test('a report of which every message was lost is brought by the sweeps', async () => {
    const id = await storeSilently(system, '水库坝体渗水')
    await until(async () => (await system.sql(`select from minqing.case_reports c join minqing.announcements a on a.ref = c."case"
      where c.report = $1 and a.published_version = a.version and a.topic = 1`, id)).length, 'it is with its department', 20000)
  })

  test('a damaged model is refused while the one in use stays; a good one put in its place is taken up, without a restart', async () => {
    const model = `${system.folder}/model`
    const good = readFileSync(model)
    const said = words => until(() => readFileSync(`${system.folder}/log/classifier/current`, 'utf8').split('\n').filter(l => l.includes(words)).length,
      `the classifier says '${words}'`)
    const replace = bytes => {
      writeFileSync(`${model}.new`, bytes, { mode: 0o644 })
      renameSync(`${model}.new`, model)
    }
    const pid = system.pid('classifier')
    const damaged = Buffer.from(good)
    damaged[damaged.length >> 1] ^= 1
    replace(damaged)
    await said('the one in use stays')
    const id = await storeSilently(system, '水库坝体渗水')
    await until(async () => (await system.sql('select from minqing.classifications where report = $1', id)).length, 'it still classifies')
    const uses = () => readFileSync(`${system.folder}/log/classifier/current`, 'utf8').split(' in use').length
    const before = uses()
    replace(good)
    await until(() => uses() > before, 'the good one is taken up')
    assert.equal(system.pid('classifier'), pid)
  })

  test('a status that nobody heard waits until its device is heard from again', async () => {
    const account = 'bomei-041'
    const away = await system.connect(account)
    const first = report('巷子里有人聚众赌博')
    await away.publish(`minqing/field/${account}/report`, JSON.stringify(first))
    await until(async () => (await system.sql(`select from minqing.announcements where audience = $1 and waiting`, account)).length, 'the status waits')
    const here = await (await system.connect(account)).subscribe(`minqing/field/${account}/status`)
    const second = report('路口有人打架')
    await here.publish(`minqing/field/${account}/report`, JSON.stringify(second))
    await here.next(m => json(m).report === first.id, 'the status of the first report')
    await here.next(m => json(m).report === second.id, 'the status of the second')
  })

  test('what is being changed just now is not waited for: the rest is confirmed', async () => {
    const device = await system.connect('bomei-042')
    const sent = [report('有人在海边偷卸冻肉'), report('有人在店里卖假酒')]
    for (const message of sent) await device.publish('minqing/field/bomei-042/report', JSON.stringify(message))
    const told = message => system.sql(`select a.ref from minqing.announcements a join minqing.case_reports m on m."case" = a.ref
      where m.report = $1 and a.topic in (1, 2) and a.published_version >= a.version`, message.id)
    for (const message of sent) await until(async () => (await told(message)).length, `the case of ${message.text} is announced`)
    await system.sql(`update minqing.announcements a set published_version = 0 from minqing.case_reports m
      where m.report = any($1) and a.ref = m."case" and a.topic in (1, 2)`, sent.map(m => m.id))
    const change = await system.sqlClient()
    try {
      await change.query('begin')
      await change.query(`update minqing.announcements a set live = live from minqing.case_reports m where m.report = $1 and a.ref = m."case"`, [sent[0].id])
      await system.restart('notifier')
      await until(async () => (await told(sent[1])).length, 'the other is confirmed')
      assert.deepEqual(await told(sent[0]), [])
      await change.query('rollback')
    } finally {
      change.release()
    }
    // the change came to nothing, and the broker has the message: as it was before this story
    await system.sql(`update minqing.announcements a set published_version = version from minqing.case_reports m
      where m.report = $1 and a.ref = m."case" and a.topic in (1, 2)`, sent[0].id)
  })
}
