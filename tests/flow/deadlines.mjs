// SPDX-License-Identifier: Apache-2.0
// Deadlines: what the clock does to cases that nobody looks at, and when. The clock is moved; nothing here waits for time to pass.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fresh, freshIn } from '../harness/cases.mjs'
import { connectPerson } from '../harness/people.mjs'
import { until } from '../harness/system.mjs'

/** A time of Lufeng in 2026: local('10-08 17:30'). */
const local = text => new Date(`2026-${text.replace(' ', 'T')}:00+08:00`)
const shown = at => new Date(at.getTime() + 8 * 3600e3).toISOString().slice(5, 16).replace('T', ' ')

/** Worked out by hand with reference/calendar.tsv; business is from 8:30 to 12:00 and from 14:30 to 17:30: [clock, from, minutes, due] */
const deadlines = [
  ['hours', '11-28 23:50', 20, '11-29 00:10'],
  ['hours', '10-01 09:00', 480, '10-01 17:00'],
  ['working_hours', '11-26 09:00', 60, '11-26 10:00'],
  ['working_hours', '11-26 07:00', 30, '11-26 09:00'],
  ['working_hours', '11-26 11:30', 60, '11-26 15:00'],
  ['working_hours', '11-26 13:00', 30, '11-26 15:00'],
  ['working_hours', '11-26 16:30', 60, '11-26 17:30'],
  ['working_hours', '11-26 20:00', 30, '11-27 09:00'],
  ['working_hours', '11-27 17:00', 60, '11-30 09:00'], // Friday to Monday
  ['working_hours', '11-28 10:00', 60, '11-30 09:30'], // Saturday
  ['working_hours', '11-27 09:00', 780, '12-01 09:00'], // two days of business over a weekend
  ['working_hours', '09-20 10:00', 120, '09-20 12:00'], // a Sunday that is worked
  ['working_hours', '09-25 09:00', 60, '09-28 09:30'], // 中秋
  ['working_hours', '09-30 16:30', 480, '10-09 09:00'], // 国庆
  ['working_hours', '10-09 17:00', 60, '10-10 09:00'], // into a Saturday that is worked
  ['working_hours', '10-10 16:30', 120, '10-12 09:30'], // and out of it over Sunday
  ['working_hours', '02-13 17:00', 60, '02-14 09:00'], // 春节: the Saturday before is worked
  ['working_hours', '02-14 17:00', 60, '02-24 09:00'],
  ['working_days', '11-26 09:00', 1440, '11-27 17:30'], // the day on which it begins does not count
  ['working_days', '11-26 23:59', 1440, '11-27 17:30'],
  ['working_days', '11-27 09:00', 1440, '11-30 17:30'],
  ['working_days', '11-28 09:00', 1440, '11-30 17:30'],
  ['working_days', '09-30 10:00', 1440, '10-08 17:30'],
  ['working_days', '09-30 10:00', 3 * 1440, '10-10 17:30'],
  ['working_days', '09-30 10:00', 4 * 1440, '10-12 17:30'],
  ['working_days', '11-26 09:00', 15 * 1440, '12-17 17:30'],
  ['days', '11-26 10:00', 1440, '11-28 00:00'], // to the end of the 27th
  ['days', '09-30 10:00', 3 * 1440, '10-04 00:00'],
]

const filtered = async (system, id, ...words) => (await system.history(id)).filter(w => words.includes(w))
const clockWords = ['reminded', 'supervised', 'escalated', 'called_out', 'resumed']

/** Runs a story at a time of its own, and brings the clock back. */
function story(system, name, at, run) {
  test(name, async () => {
    if (at) await system.moveClock(local(at))
    try {
      await run()
    } finally {
      await system.resetClock()
    }
  })
}

export function stories(system) {
  test('deadlines in hours, days, working hours and working days, over weekends, holidays and moved working days', async () => {
    for (const [clock, from, minutes, due] of deadlines) {
      const [{ at }] = await system.sql('select minqing.deadline($1, $2, $3) as at', local(from), minutes, clock)
      assert.equal(shown(at), due, `${minutes} minutes of ${clock} from ${from}`)
    }
  })

  story(system, 'reminder at two thirds, supervision at the deadline, then one level up each further period to the city; each once, by two dispatchers and over a restart',
    null, async () => {
      const second = system.spawnService('dispatcher', '2')
      await until(async () => (await system.sql(`select from pg_stat_activity where usename = 'minqing_dispatcher'`)).length >= 2, 'two dispatchers')
      await system.run('minqing', 'account', 'add', 'shanwei-command', '--role', 'operator', '--name', '市值班员', '--area', '4415', '--secret-file',
        `${system.folder}/secrets/shanwei-command`)
      const city = await until(() => connectPerson(system, 'shanwei-command').catch(() => null), 'the city connects')
      await city.client.subscribe('minqing/department/+/all/all/case/+')
      const [desk, county, operator] = await Promise.all(['bomei-fire', 'lufeng-fire', 'bomei-command'].map(a => system.desk(a)))
      await county.client.subscribe('minqing/department/fire/441581/all/case/+')

      const { id } = await fresh(system, { kind: 'fire_safety.gas' })
      const row = await system.case(id)
      assert.deepEqual([row.sign_by - row.opened_at, row.level], [1800e3, 'town'])
      const countyTopic = topic => topic === `minqing/department/fire/441581/all/case/${id}`
      const cityTopic = topic => topic === `minqing/department/fire/all/all/case/${id}`
      await system.moveClock('19 minutes')
      await system.clockLooks()
      assert.deepEqual(await filtered(system, id, ...clockWords), [])
      await system.moveClock('2 minutes')
      await operator.streams(id, 'reminded')
      await system.clockLooks()
      assert.deepEqual(await filtered(system, id, ...clockWords), ['reminded'])
      // the time comes while no dispatcher runs
      await system.restart('dispatcher', async () => {
        const ended = new Promise(resolve => second.on('close', resolve))
        second.kill('SIGTERM')
        await ended
        await system.moveClock('10 minutes')
      })
      await operator.streams(id, 'supervised')
      await system.clockLooks()
      assert.deepEqual(await filtered(system, id, ...clockWords), ['reminded', 'supervised'])
      assert.ok(!county.client.messages.some(m => countyTopic(m.topic)), 'the county is not troubled yet')
      const third = system.spawnService('dispatcher', '3')
      await until(async () => (await system.sql(`select from pg_stat_activity where usename = 'minqing_dispatcher'`)).length >= 2, 'two dispatchers again')
      await system.moveClock('30 minutes')
      await county.hears(countyTopic, 'the case at the county')
      await operator.streams(id, 'escalated', line => line.words === '升级至县')
      await system.moveClock('30 minutes')
      await city.hears(cityTopic, 'the case at the city')
      await operator.streams(id, 'escalated', line => line.words === '升级至市')
      await desk.sees(id, c => c.level === 'city')
      await system.moveClock('5 days')
      await system.clockLooks()
      assert.deepEqual(await filtered(system, id, ...clockWords.slice(0, 3)), ['reminded', 'supervised', 'escalated', 'escalated'], 'there is nobody above the city')
      await system.assertReplays(id)
      const gone = new Promise(resolve => third.on('close', resolve))
      third.kill('SIGTERM')
      await gone
      // who was told hears to the end
      await desk.does('sign', id)
      await county.hears((topic, c) => countyTopic(topic) && c.state === 'signed', 'the signing at the county')
      await city.client.end()
    })

  story(system, 'a village\'s matter begins at the village, where it has a desk', null, async () => {
    const village = await system.desk('dianshi-justice')
    const { id } = await fresh(system, { kind: 'dispute_mediation.neighbour', text: '两家为一棵龙眼树的果子归谁争执', area: '441581105202001' })
    await village.sees(id)
    const { id: elsewhere } = await fresh(system, { kind: 'dispute_mediation.neighbour', text: '隔壁鸡叫太早，天天吵嘴', area: '441581105203' })
    await (await system.desk('bomei-justice')).sees(elsewhere)
    assert.deepEqual(village.cases(elsewhere), [], 'another village is not its business')
    assert.equal((await system.case(id)).level, 'village')
    const levels = []
    for (let i = 0; i < 5; i++) {
      const [{ due_at: due }] = await system.sql('select due_at from minqing.timers where "case" = $1', id)
      await system.moveClock(new Date(due.getTime() + 1000))
      await system.clockLooks()
      levels.push((await system.case(id)).level)
    }
    assert.deepEqual(levels, ['village', 'village', 'town', 'county', 'city'])
    await system.assertReplays(id)
  })

  story(system, 'critical and unsigned for two minutes calls out, and again, until it is signed', null, async () => {
    const { id } = await fresh(system, { kind: 'public_security.fight', area: '441581105203' })
    const operator = await system.desk('bomei-command')
    await system.moveClock('119 seconds')
    await system.clockLooks()
    assert.deepEqual(await filtered(system, id, 'called_out'), [])
    for (const times of [1, 2, 3]) {
      await system.moveClock(times === 1 ? '2 seconds' : '121 seconds')
      await system.happened(id, 'called_out', times)
      await system.clockLooks()
      assert.equal((await filtered(system, id, 'called_out')).length, times)
    }
    await operator.streams(id, 'called_out', line => /分钟未签收/.test(line.words))
    await (await system.desk('bomei-police')).does('sign', id)
    await system.moveClock('10 minutes')
    await system.clockLooks()
    assert.equal((await filtered(system, id, 'called_out')).length, 3)
    await system.assertReplays(id)
  })

  story(system, 'working hours over 国庆: nothing stirs in the holiday, and the moved working day counts', '09-30 15:30', async () => {
    const { id } = await fresh(system, { text: '店里卖冒牌运动鞋，商标是反的', severity: 2 })
    const row = await system.case(id)
    assert.deepEqual([row.severity, row.clock, shown(row.sign_by)], [2, 'working_hours', '10-08 17:00'])
    const happenedBy = async at => {
      await system.moveClock(local(at))
      await system.clockLooks()
      return filtered(system, id, ...clockWords)
    }
    assert.deepEqual(await happenedBy('10-05 12:00'), [])
    assert.deepEqual(await happenedBy('10-08 11:49'), [])
    assert.deepEqual(await happenedBy('10-08 11:51'), ['reminded'])
    assert.deepEqual(await happenedBy('10-08 16:59'), ['reminded'])
    assert.deepEqual(await happenedBy('10-08 17:01'), ['reminded', 'supervised'])
    assert.deepEqual(await happenedBy('10-10 09:29'), ['reminded', 'supervised'])
    assert.deepEqual(await happenedBy('10-10 09:31'), ['reminded', 'supervised', 'escalated'], 'Saturday 10 October is worked')
    await system.assertReplays(id)
  })

  story(system, 'a weekend does not count, and handling has its own clock after signing', '11-27 16:30', async () => {
    const { id } = await fresh(system, { text: '小卖部卖冒牌洗发水，瓶身没有厂名', severity: 2 })
    const row = await system.case(id)
    assert.equal(shown(row.sign_by), '12-01 09:00')
    assert.equal(shown(row.handle_by), '12-14 17:00', '72 working hours: 1 on Friday, 6.5 on each of ten days, 6 on the eleventh')
    await system.moveClock(local('11-29 12:00'))
    await system.clockLooks()
    assert.deepEqual(await filtered(system, id, ...clockWords), [])
    await (await system.desk('bomei-market')).does('sign', id)
    await system.moveClock(local('12-02 09:00'))
    await system.clockLooks()
    assert.deepEqual(await filtered(system, id, ...clockWords), [], 'signed in time: nobody is reminded of signing')
    await system.moveClock(local('12-14 17:01'))
    await system.happened(id, 'reminded')
    await system.happened(id, 'supervised')
    await system.assertReplays(id)
  })

  story(system, 'a suspended case is neither reminded of nor escalated, and goes on by itself when its time is over', null, async () => {
    const { id } = await freshIn(system, 'signed')
    const [desk, operator] = await Promise.all(['bomei-market', 'bomei-command'].map(a => system.desk(a)))
    await desk.does('suspend', id, { reason: '等待鉴定', until: new Date(system.now().getTime() + 60 * 86400e3).toISOString() })
    await operator.does('approve', id)
    assert.deepEqual((await system.sql('select chain from minqing.timers where "case" = $1', id)).map(t => t.chain), ['resume'])
    await system.moveClock('59 days')
    await system.clockLooks()
    assert.deepEqual(await filtered(system, id, ...clockWords), [])
    assert.equal((await system.case(id)).state, 'suspended')
    await system.moveClock('25 hours')
    await system.happened(id, 'resumed')
    assert.equal((await system.case(id)).state, 'in_progress')
    assert.deepEqual((await system.sql('select chain from minqing.timers where "case" = $1', id)).map(t => t.chain), ['handle'])
    await system.assertReplays(id)
  })

  story(system, 'an extension moves the deadline; one that is denied does not; after the deadline nothing can be asked for', null, async () => {
    const { id, reporter } = await freshIn(system, 'signed')
    const [desk, operator] = await Promise.all(['bomei-market', 'bomei-command'].map(a => system.desk(a)))
    const { handle_by: due } = await system.case(id)
    const later = new Date(due.getTime() + 5 * 86400e3)
    await desk.mayNot('extend', id, { reason: '需鉴定', until: new Date(due.getTime() - 60e3).toISOString() }, /after the present deadline/)
    await desk.does('extend', id, { reason: '需鉴定', until: later.toISOString() })
    await operator.does('deny', id, { reason: '无需鉴定' })
    assert.equal((await system.case(id)).handle_by.getTime(), due.getTime())
    await desk.does('extend', id, { reason: '厂家鉴定书未到', until: later.toISOString() })
    await operator.does('approve', id)
    assert.equal((await system.case(id)).handle_by.getTime(), later.getTime())
    await reporter.told(id, 'signed')
    await system.moveClock(new Date(due.getTime() + 60e3))
    await system.clockLooks()
    assert.deepEqual(await filtered(system, id, 'supervised', 'escalated'), [], 'the old deadline means nothing any more')
    await system.moveClock(new Date(later.getTime() + 60e3))
    await system.happened(id, 'supervised')
    for (const action of ['extend', 'suspend']) {
      await desk.mayNot(action, id, { reason: '来不及', until: new Date(later.getTime() + 9 * 86400e3).toISOString() }, /before the deadline/)
    }
    await system.assertReplays(id)
  })

  story(system, 'relief has two clocks: once the application is filed, that of its outcome', '11-26 10:00', async () => {
    const { id } = await fresh(system, { kind: 'livelihood_relief.low_income', text: '一家四口没有收入，想申请低保', area: '441581105208', severity: 2 })
    const desk = await system.desk('bomei-civil')
    await desk.does('sign', id)
    const { handle_by: due } = await system.case(id)
    await desk.does('progress', id, { note: '已提交低保申请', filed: true })
    const row = await system.case(id)
    assert.equal(shown(row.outcome_by), '12-17 17:30', '15 working days')
    assert.equal(row.handle_by.getTime(), due.getTime(), 'the first clock is what it was')
    assert.deepEqual((await system.sql('select chain from minqing.timers where "case" = $1', id)).map(t => t.chain), ['outcome'])
    await system.moveClock(local('12-09 10:00'))
    await system.clockLooks()
    assert.deepEqual(await filtered(system, id, ...clockWords), [], 'filed in time: no reminder of filing')
    await system.moveClock(local('12-17 17:29'))
    await system.clockLooks()
    assert.deepEqual(await filtered(system, id, ...clockWords), ['reminded'])
    await system.moveClock(local('12-17 17:31'))
    await system.happened(id, 'supervised')
    await system.assertReplays(id)
  })

  test('a route of a town counts from the moment it is written, for its town alone; what is kept ready agrees with the routes', async () => {
    const unlike = () => system.sql(`
      select w.domain, w.kind, w.severity, w.area
      from minqing.ways w
      cross join lateral minqing.routes_of(w.domain, nullif(w.kind, ''), w.area, w.severity) r
      cross join lateral minqing.deadlines_of(r, w.severity) d
      where (w.lead, array(select unnest(w.supporting) order by 1), w.restricted, w.sign_minutes, w.handle_minutes, w.clock)
        is distinct from (r.lead, array(select distinct u from unnest(r.supporting) u where u <> r.lead order by u), r.restricted, d.sign_minutes,
                          d.handle_minutes, d.clock)`)
    const lead = async (kind, area) => (await system.sql('select lead, sign_minutes from minqing.ways_of($1, $2, $3, 2::smallint)', kind.split('.')[0], kind, area))[0]
    const kind = 'counterfeit.cigarettes', here = '441581105202', there = '441581106201'
    const before = await lead(kind, here)
    assert.deepEqual(await unlike(), [])
    await system.sql(`insert into minqing.routes (domain, kind, area, lead, supporting, sign_minutes, handle_minutes, clock, default_severity, restricted)
      select domain, kind, '441581105', 'town_government', supporting, 7, handle_minutes, clock, default_severity, restricted
      from minqing.routes where kind = $1 and area = '' and severity is null`, kind)
    try {
      assert.deepEqual(await lead(kind, here), { lead: 'town_government', sign_minutes: 7 })
      assert.deepEqual(await lead(kind, there), before)
      assert.deepEqual(await unlike(), [])
    } finally {
      await system.sql(`delete from minqing.routes where kind = $1 and area = '441581105'`, kind)
    }
    assert.deepEqual(await lead(kind, here), before)
  })
}
