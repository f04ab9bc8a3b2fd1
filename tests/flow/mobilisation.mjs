// SPDX-License-Identifier: Apache-2.0
// The brigade is called: 84 devices, counted live, called again, listed to their leaders, stood down; and an exercise is always one.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fresh, freshIn } from '../harness/cases.mjs'
import { until } from '../harness/system.mjs'

const numbered = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => `bomei-${String(from + i).padStart(3, '0')}`)
const brigadeOf = system => Promise.all(numbered(1, 84).map(account => system.officer(account)))

export function stories(system) {
  test('84 are called with place and words; who is on the way and who is there is counted in the case and on the stream', async () => {
    const brigade = await brigadeOf(system)
    const [operator, desk] = await Promise.all(['bomei-command', 'bomei-police'].map(a => system.desk(a)))
    const { id } = await fresh(system, { kind: 'public_security.missing_person', area: '441581105203', location: { lat: 22.99, lon: 115.83 } })
    const reply = await operator.does('mobilise', id, { unit: 'bomei', note: '带手电到仙桥村口集合找人' })
    const { number } = await system.case(id)
    const tasks = await Promise.all(brigade.map(o => o.task(id, 'mobilise')))
    for (const task of tasks) {
      assert.deepEqual([task.number, task.state, task.exercise], [number, 'called', false])
      assert.match(task.text, /手电/)
      assert.ok(Math.abs(task.location.lat - 22.99) < 1e-6)
    }
    assert.equal(new Set(tasks.map(t => t.task)).size, 84)
    assert.equal((await operator.act({ case: id, action: 'mobilise', unit: 'bomei-1', state_version: reply.state_version })).done, false, 'one at a time')

    await Promise.all(brigade.slice(0, 61).map((o, i) => o.answer({ task: tasks[i].task, answer: 'acknowledged' })))
    await operator.streams(id, 'acknowledged', line => line.words === '61/84 已收到，0 已到场')
    await Promise.all(brigade.slice(0, 40).map((o, i) => o.answer({ task: tasks[i].task, answer: 'arrived', location: { lat: 22.99, lon: 115.83 } })))
    await operator.streams(id, 'arrived', line => line.words === '61/84 已收到，40 已到场')
    const shown = await desk.sees(id, c => c.mobilisation?.arrived === 40 && c.mobilisation.acknowledged === 61)
    assert.deepEqual([shown.mobilisation.called, shown.mobilisation.silent, shown.mobilisation.unit, shown.mobilisation.state], [84, 23, 'bomei', 'active'])
    // an answer twice counts once
    await brigade[0].answer({ task: tasks[0].task, answer: 'acknowledged' })
    await until(async () => (await system.sql('select from minqing.outcomes where not done and reason like $1', '%arrived%')).length, 'the second answer is judged')
    assert.equal((await system.sql('select minqing.mobilisation_counts($1) as c', id))[0].c.acknowledged, 61)

    // the silent are called again, once more, then listed
    await system.moveClock('3 minutes')
    await Promise.all(brigade.slice(61).map((o, i) => o.task(id, 'mobilise', t => t.task === tasks[61 + i].task && t.version === 2)))
    await operator.streams(id, 'called_again', line => line.words === '23 人未应答，再次呼叫')
    for (const officer of brigade.slice(0, 61)) {
      assert.equal(officer.heard((topic, t) => topic.endsWith('/task') && t.case === id && t.state === 'called').length, 1, `${officer.account} answered and is left alone`)
    }
    await system.moveClock('3 minutes')
    await operator.streams(id, 'called_again', line => line.words === '23 人未应答，已列名单报中队长')
    const leaders = await system.sql(`select device, text from minqing.tasks where "case" = $1 and kind = 'leader'`, id)
    assert.deepEqual(leaders.map(l => l.device), ['bomei-057'], 'the third squadron alone has silent ones')
    const list = await (await system.officer('bomei-057')).task(id, 'leader')
    const names = (await system.sql(`select p.name from minqing.accounts a join minqing.persons p on p.id = a.person where a.account = any($1)`, numbered(62, 84))).map(p => p.name)
    for (const name of names) assert.ok(list.text.includes(name), `${name} is on the list`)
    await system.moveClock('30 minutes')
    await system.clockLooks()
    assert.equal((await system.history(id)).filter(w => w === 'called_again').length, 2, 'that is all')

    await operator.does('stand_down', id, { note: '人已找到' })
    await Promise.all(brigade.map((o, i) => o.task(id, 'mobilise', t => t.task === tasks[i].task && t.state === 'stood_down')))
    await (await system.officer('bomei-057')).task(id, 'leader', t => t.state === 'stood_down')
    await operator.streams(id, 'stood_down')
    assert.equal((await desk.sees(id, c => c.mobilisation?.state === 'stood_down')).mobilisation.arrived, 40, 'what was counted is kept')
    // a late answer counts no more
    const { id: late } = await brigade[80].answer({ task: tasks[80].task, answer: 'acknowledged' })
    await until(async () => (await system.sql('select from minqing.outcomes where id = $1 and not done', late)).length, 'the late answer is judged')
    await system.assertReplays(id)
    await system.resetClock()
  })

  test('a squadron is called without the others; its result is its own; a closed case stands everybody down', async () => {
    const operator = await system.desk('bomei-command')
    const { id } = await freshIn(system, 'signed')
    await operator.does('mobilise', id, { unit: 'bomei-2', note: '协助查封' })
    const called = (await system.sql(`select device from minqing.tasks where "case" = $1 order by 1`, id)).map(t => t.device)
    assert.deepEqual(called, numbered(29, 56))
    const officer = await system.officer('bomei-030')
    const { task } = await officer.task(id, 'mobilise')
    await officer.answer({ task, answer: 'result', note: '已贴封条' })
    await operator.streams(id, 'task_done')
    const market = await system.desk('bomei-market')
    await market.does('resolve', id, { note: '已查封' })
    await operator.does('call_back', id, { note: '属实' })
    await operator.does('close', id)
    await (await system.officer('bomei-031')).task(id, 'mobilise', t => t.state === 'stood_down')
    assert.equal((await system.sql('select from minqing.mobilisations where "case" = $1 and ended_at is null', id)).length, 0)
    await system.assertReplays(id)
  })

  test('an exercise is marked as one: in the case, in each task, on the stream, in the status', async () => {
    const operator = await system.desk('bomei-command')
    const market = await system.desk('bomei-market')
    const { id, reporter } = await fresh(system)
    await operator.does('mobilise', id, { unit: 'bomei-3-4', exercise: true, note: '夜间拉练' })
    for (const account of numbered(78, 84)) {
      const task = await (await system.officer(account)).task(id, 'mobilise')
      assert.equal(task.exercise, true)
      assert.match(task.text, /^【演练】/)
    }
    await operator.streams(id, 'mobilised', line => line.exercise === true)
    const shown = await market.sees(id, c => c.mobilisation)
    assert.deepEqual([shown.exercise, shown.mobilisation.exercise], [true, true])
    await market.does('sign', id)
    await operator.streams(id, 'signed', line => line.exercise === true)
    assert.equal((await reporter.told(id, 'signed')).exercise, true)
    await operator.does('stand_down', id)
    assert.equal((await market.sees(id, c => c.mobilisation?.state === 'stood_down')).exercise, true, 'it stays one')
    await system.assertReplays(id)
  })

  test('a device that was away hears its task when it is back and is heard of', async () => {
    const operator = await system.desk('bomei-command')
    const away = await system.officer('bomei-022')
    await away.client.end()
    delete system.people['bomei-022']
    const { id } = await fresh(system)
    await operator.does('mobilise', id, { unit: 'bomei-1-4' })
    await until(async () => (await system.sql(`select from minqing.announcements where ref = $1 and topic = 5 and audience = 'bomei-022' and waiting`, id)).length,
      'its task waits')
    const back = await system.officer('bomei-022')
    await back.visit('巡查经过，一切正常', { area: '441581105203', service: '清理了排水口' })
    await back.task(id, 'mobilise')
    await operator.does('stand_down', id)
  })
}
