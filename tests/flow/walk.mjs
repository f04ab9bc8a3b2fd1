// SPDX-License-Identifier: Apache-2.0
// A random walk: many desks, operators and officers act on the same cases at once, some on what they saw long ago, some twice.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { json, report, until } from '../harness/system.mjs'

const count = Number(process.env.MINQING_WALK_ACTIONS ?? 100000)
const seed = Number(process.env.MINQING_WALK_SEED ?? Date.now() % 1000000)
const flight = 24 // actions of one actor without reply

/** Small, and the same everywhere: mulberry32. */
function random(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const departments = ['fire', 'police', 'justice', 'civil_affairs', 'market_supervision', 'tobacco', 'emergency', 'town_government']
const kinds = ['fire_safety.charging', 'public_security.theft', 'dispute_mediation.land', 'livelihood_relief.grave_illness', 'counterfeit.cigarettes',
  'counterfeit.liquor', 'disaster_prevention.slope_crack', 'fire_safety.house_fire', 'anti_drug.tip']
const verbs = {
  desk: ['sign', 'progress', 'resolve', 'return', 'extend', 'suspend', 'support'],
  operator: ['approve', 'deny', 'refuse', 'reassign', 'correct', 'supervise', 'merge', 'split', 'call_back', 'rework', 'close', 'reopen', 'rate', 'mobilise', 'stand_down', 'support'],
}

async function accountOf(system, name, ...more) {
  const { writeFileSync } = await import('node:fs')
  const file = `${system.folder}/secrets/${name}`
  writeFileSync(file, `secret-of-${name}-${randomUUID()}\n`, { mode: 0o600 })
  const added = await system.run('minqing', 'account', 'add', name, '--name', `行走者${name}`, '--area', '441581105', '--secret-file', file, ...more)
  assert.equal(added.status, 0, added.stderr)
}

/** One person acting: keeps `flight` actions on the way until the walk has enough. */
class Walker {
  constructor(walk, client, account, role, department) {
    Object.assign(this, { walk, client, account, role, department, waiting: new Map(), done: [] })
    this.topic = role === 'desk' ? `minqing/department/${department}/441581/441581105/action/${account}` : `minqing/command/441581/441581105/action/${account}`
    client.raw.on('message', (topic, payload) => this.replied(JSON.parse(payload)))
  }

  message() {
    const { rnd, cases, pick } = this.walk
    // mostly where it has something to do
    const own = rnd() < 0.7 ? cases.filter(c => c.allowed?.[this.account]?.length) : []
    const target = pick(own.length ? own : cases)
    const allowed = target.allowed?.[this.account]
    let verb = allowed?.length && rnd() < 0.7 ? pick(allowed) : pick(verbs[this.role])
    // what is merged never moves again, what is refused seldom: not all of the walk is to end there
    if (verb === 'merge' && (this.walk.carried.merge ?? 0) * 3 > cases.length || verb === 'refuse' && rnd() < 0.9) verb = pick(verbs[this.role])
    const action = { id: randomUUID(), case: target.id, action: verb }
    const age = rnd()
    if (age < 0.65) action.state_version = target.version
    else if (age < 0.8) action.state_version = Math.max(1, target.version - 1)
    if (rnd() < 0.85) action.note = pick(['已到现场', '属烟草局职责', '材料不全', '联系不上', '已处理完毕'])
    if (['extend', 'suspend'].includes(verb) && rnd() < 0.9) action.until = new Date(Date.now() + 864e5 * (1 + 20 * rnd())).toISOString()
    if (['support', 'reassign', 'return'].includes(verb) && rnd() < 0.8) action.department = pick(departments)
    if (verb === 'correct') Object.assign(action, pick([{ kind: pick(kinds) }, { severity: 1 + Math.floor(rnd() * 4) }, { domain: 'public_security' }]))
    if (verb === 'merge') action.into = pick(cases).id
    if (verb === 'split') action.reports = [pick(target.reports)]
    if (verb === 'rate') action.rating = 1 + Math.floor(rnd() * 5)
    if (verb === 'mobilise') action.unit = pick(['bomei-1-1', 'bomei-1-3', 'bomei-2'])
    return { target, bytes: JSON.stringify(action), id: action.id, verb }
  }

  step() {
    while (this.waiting.size < flight && this.walk.sent < count) {
      const again = this.done.length && this.walk.rnd() < 0.05 ? this.walk.pick(this.done) : null
      const next = again ?? this.message()
      if (this.waiting.has(next.id)) continue
      this.walk.sent++
      this.waiting.set(next.id, next)
      this.client.raw.publish(this.topic, next.bytes, { qos: 1, properties: { responseTopic: `minqing/reply/${this.account}/walk` } })
    }
  }

  replied(reply) {
    const action = this.waiting.get(reply.action)
    if (!action) return
    this.waiting.delete(reply.action)
    this.walk.answered++
    const { target } = action
    if (action.reply) this.walk.repeated.push([action.reply, reply])
    else {
      action.reply = reply
      if (this.done.length < 2000) this.done.push(action)
      if (reply.done) this.walk.carried[action.verb] = (this.walk.carried[action.verb] ?? 0) + 1
      if (reply.state_version && reply.case === target.id) {
        target.version = Math.max(target.version, reply.state_version)
        ;(target.allowed ??= {})[this.account] = reply.allowed
      }
    }
    this.step()
  }
}

export function stories(system) {
  test(`a random walk of ${count} actions leaves every case with a gapless history that replays to its state (seed ${seed})`, async () => {
    const rnd = random(seed)
    const pick = list => list[Math.floor(rnd() * list.length)]
    const walk = { rnd, pick, sent: 0, answered: 0, repeated: [], carried: {}, cases: [] }

    // cases apart from each other, some with several reports
    const device = await system.connect('bomei-060')
    const made = []
    for (let i = 0; i < 240; i++) {
      const message = report(`第${i}号事件，情况如下，请处理`, { kind: kinds[i % kinds.length], observed_at: new Date().toISOString(),
        location: { lat: 22.90 + 0.006 * Math.floor(i / 16), lon: 115.77 + 0.007 * (i % 16) }, area: '441581105202' })
      for (const more of i % 3 ? [message] : [message, { ...message, id: randomUUID() }, { ...message, id: randomUUID() }]) {
        made.push(more.id)
        await device.publish('minqing/field/bomei-060/report', JSON.stringify(more))
      }
    }
    await until(async () => (await system.sql('select from minqing.case_reports where report = any($1)', made)).length === made.length, 'all have a case', 60000)
    walk.cases = await system.sql(`select k.id, k.state_version as version, array_agg(m.report) as reports from minqing.cases k join minqing.case_reports m
      on m."case" = k.id where m.report = any($1) group by k.id`, made)

    for (const department of departments) await accountOf(system, `walk-${department.replace('_', '-')}`, '--role', 'desk', '--department', department)
    for (const name of ['walk-command-1', 'walk-command-2']) await accountOf(system, name, '--role', 'operator')
    const walkers = []
    for (const department of departments) {
      const name = `walk-${department.replace('_', '-')}`
      const client = await until(() => system.connect(name).catch(() => null), `${name} connects`)
      walkers.push(new Walker(walk, await client.subscribe(`minqing/reply/${name}/walk`), name, 'desk', department))
    }
    for (const name of ['walk-command-1', 'walk-command-2']) {
      const client = await until(() => system.connect(name).catch(() => null), `${name} connects`)
      walkers.push(new Walker(walk, await client.subscribe(`minqing/reply/${name}/walk`), name, 'operator'))
    }
    const second = system.spawnService('dispatcher', 'walk')

    for (const walker of walkers) walker.step()
    // officers verify meanwhile some of what is resolved; the rest is for the command centre to call back
    let verifying = true
    const verifier = (async () => {
      const officer = await system.connect('bomei-061')
      while (verifying) {
        for (const { id } of await system.sql(`select id from minqing.cases where state = 'resolved' and id::text < '8' limit 5`)) {
          await officer.publish('minqing/field/bomei-061/answer', JSON.stringify({ id: randomUUID(), case: id, answer: rnd() < 0.7 ? 'verified' : 'rework',
            note: '现场看过', at: new Date().toISOString() }))
        }
        await new Promise(resolve => setTimeout(resolve, 50))
      }
    })()
    let before = -1
    await until(async () => {
      if (walk.answered === count) return true
      if (walk.answered === before) throw new Error(`no reply for a minute at ${walk.answered} of ${walk.sent}`)
      before = walk.answered
      return until(() => walk.answered > before, 'further replies', 60000).then(() => walk.answered === count)
    }, 'all replies', 900000)
    verifying = false
    await verifier
    second.kill('SIGTERM')

    for (const [first, again] of walk.repeated) assert.deepEqual(again, first)
    assert.ok(walk.repeated.length > count / 50, `${walk.repeated.length} were repeated`)
    console.log(`# carried out: ${JSON.stringify(walk.carried)}`)
    for (const verb of [...verbs.desk, ...verbs.operator]) assert.ok(walk.carried[verb] > 0, `no ${verb} was ever carried out`)
    const broken = await system.sql(`select c.number, minqing.replay_case(c.id) as replayed, minqing.case_snapshot(c) as present from minqing.cases c
      where minqing.replay_case(c.id) is distinct from minqing.case_snapshot(c)`)
    assert.deepEqual(broken, [])
    const [{ cases }] = await system.sql('select count(*)::int as cases from minqing.cases')
    assert.ok(cases >= 200)
    const leaderless = await system.sql(`select c.number from minqing.cases c where (select count(*) from minqing.assignments a
      where a."case" = c.id and a.role = 'lead' and a.ended_at is null and a.department = c.lead) <> 1`)
    assert.deepEqual(leaderless, [])
    const miscounted = await system.sql(`select c.number from minqing.cases c
      where c.report_count <> (select count(*) from minqing.case_reports m where m."case" = c.id)`)
    assert.deepEqual(miscounted, [])
    const twice = await system.sql(`select message from minqing.case_events where message is not null group by message, ref having count(*) > 1`)
    assert.deepEqual(twice, [])
    await until(async () => (await system.sql(`select from minqing.announcements where version > published_version and not waiting limit 1`)).length === 0,
      'everything is announced', 60000)
  })
}
