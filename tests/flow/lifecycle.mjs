// SPDX-License-Identifier: Apache-2.0
// The table of transitions, row by row: what it allows is done and follows, what it does not is refused and changes nothing.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { bring, fresh, freshIn, states, unlike, waiting } from '../harness/cases.mjs'
import { root, until } from '../harness/system.mjs'

const [names, ...lines] = readFileSync(path.join(root, 'schemas/reference/transitions.tsv'), 'utf8').trim().split('\n').map(line => line.split('\t'))
const list = text => text === '-' ? [] : text.split(',')
const transitions = lines.map(line => {
  const row = Object.fromEntries(names.map((name, i) => [name, line[i]]))
  return { ...row, from: list(row.from_states), parts: row.from_parts === '-' ? null : list(row.from_parts), needs: list(row.needs),
    to: row.to_state === '-' ? null : row.to_state, part: row.to_part === '-' ? null : row.to_part, raises: row.raises === '1', tells: row.tells === '1' }
})
const rowsOf = (subject, actor) => transitions.filter(row => row.subject === subject && row.actor === actor)

/** Who acts as what: market supervision leads the cases of these stories, the police support. */
const accounts = { lead: 'bomei-market', supporting: 'bomei-police', command: 'bomei-command' }
const department = { lead: 'market_supervision', supporting: 'police' }

/** Words for what an action needs. */
const given = {
  note: () => '写明情况', reason: () => '写明理由', until: system => new Date(system.now().getTime() + 40 * 86400e3).toISOString(),
  department: () => 'urban_management', rating: () => 5, unit: () => 'bomei-2-3',
}

/** What must have happened before an action makes sense, beside the state; returns what the action names. */
const prepared = {
  async approve(system, id) {
    await (await system.desk('bomei-market')).does('extend', id, { reason: '材料未齐', until: given.until(system) })
  },
  deny: (system, id) => prepared.approve(system, id),
  correct: () => ({ kind: 'counterfeit.food' }),
  return: () => ({ reason: '属烟草局职责' }),
  async merge(system) {
    return { into: (await fresh(system)).id }
  },
  async split(system, id, report) {
    const { reporter, text } = { reporter: await system.officer('bomei-054'), text: report.text }
    const second = await reporter.report(text, { kind: report.kind, area: report.area })
    assert.equal(await system.caseOf(second), id, 'a second report joined')
    return { reports: [second.id] }
  },
}

/** The reply's list of what is allowed, from the table. */
function allowedTo(actor, state, part) {
  return rowsOf('case', actor).filter(row => row.from.includes(state) && (!row.parts || row.parts.includes(part))).map(row => row.action).sort()
}

async function needsOf(system, row, id, report) {
  const words = Object.fromEntries(row.needs.filter(need => given[need]).map(need => [need, given[need](system)]))
  return { ...words, ...await prepared[row.action]?.(system, id, report) }
}

const versions = async (system, id) => (await system.sql('select version, state_version, state from minqing.cases where id = $1', id))[0]
const partOf = async (system, id, actor) => department[actor] && (await system.case(id)).parts[department[actor]]

/** One change is one version, one row of history, one round of announcements. */
async function assertFollows(system, row, id, before, event = row.event, state = row.to ?? before.state) {
  const after = await versions(system, id)
  assert.equal(after.version, before.version + 1, 'one version')
  assert.equal(after.state, state)
  assert.equal(after.state_version - before.state_version, row.raises || after.state !== before.state ? 1 : 0, 'state_version')
  const [last] = await system.sql('select what, actor, account, version, state from minqing.case_events where ref = $1 order by version desc limit 1', id)
  assert.deepEqual([last.what, last.actor, last.version, last.state], [event, row.actor, after.version, after.state])
  if (accounts[row.actor]) assert.equal(last.account, accounts[row.actor])
  const announced = await system.sql('select topic, audience, version, live from minqing.v_announcements where ref = $1 and topic in (1, 2, 4)', id)
  for (const a of announced.filter(a => a.topic !== 4)) {
    assert.equal(a.version <= after.version && (a.version === after.version || !a.live), true, `${a.audience} is brought to the present version`)
  }
  if (state !== 'merged') {
    assert.equal(announced.filter(a => a.topic === 4).every(a => a.version === after.version), row.tells || event === 'resolved', 'who reported is told, or not')
  }
  await system.assertReplays(id)
  return after
}

/** Brings the own part where the row wants it, or says in which states of the case that cannot be. */
async function bringPart(system, row, id) {
  if (row.actor === 'supporting' && row.parts && !row.parts.includes('assigned')) await (await system.desk(accounts.supporting)).does('sign', id)
}

async function assertUnchanged(system, id, before, what) {
  assert.deepEqual(await versions(system, id), before, `${what} changed something`)
}

/** The clock does what is due of this case within a second. */
const makeDue = (system, id, chain, step) => system.sql(
  `update minqing.timers set due_at = minqing.now(), step = coalesce($3, step) where "case" = $1 and chain = $2`, id, chain, step)

const done = new Set()
const key = row => `${row.subject} ${row.action} ${row.actor}`

export function stories(system) {
  for (const row of transitions.filter(row => row.subject === 'case' && accounts[row.actor])) {
    for (const state of row.from) {
      test(`${row.actor} may ${row.action} while it is ${state}; again it changes nothing, stale it is refused`, async () => {
        const actor = await system.desk(accounts[row.actor])
        const { id, report } = await freshIn(system, ['stand_down'].includes(row.action) ? 'assigned' : state)
        if (row.action === 'stand_down') {
          await actor.does('mobilise', id, { unit: 'bomei-2-3' })
          await (state === 'merged' ? actor.does('stand_down', id) : null)
          await bring(system, id, state)
          // that a case ends ends its mobilisation; one that is left is ended all the same
          await system.sql('update minqing.mobilisations set ended_at = null where "case" = $1', id)
        }
        await bringPart(system, row, id)
        const more = await needsOf(system, row, id, report)
        const before = await versions(system, id)
        const stale = await actor.act({ case: id, action: row.action, state_version: before.state_version + 7, ...more })
        assert.deepEqual([stale.done, stale.state, stale.state_version], [false, before.state, before.state_version])
        await assertUnchanged(system, id, before, 'a stale action')

        const bytes = JSON.stringify({ id: randomUUID(), case: id, action: row.action, state_version: before.state_version, ...more })
        const reply = await actor.act(bytes)
        assert.equal(reply.done, true, reply.reason)
        const [event, next] = row.action === 'resolve' && row.actor === 'supporting' ? ['part_resolved', before.state] : [row.event, row.to ?? before.state]
        const after = await assertFollows(system, row, id, before, event, next)
        assert.deepEqual([reply.state, reply.state_version], [after.state, after.state_version])
        const part = await partOf(system, id, row.actor)
        if (row.part) assert.equal(part, row.part)
        if (row.action !== 'return') assert.deepEqual(reply.allowed, allowedTo(row.actor, after.state, part))

        assert.deepEqual(await actor.act(bytes), reply, 'the first reply again')
        await assertUnchanged(system, id, after, 'the same action again')
        const forged = await actor.act(bytes.replace('"action"', '"v":1,"action"'))
        assert.equal(forged.done, false, 'the same id with other bytes')
        await assertUnchanged(system, id, after, 'the same id with other bytes')
        done.add(key(row))
      })
    }
  }

  for (const state of states) {
    test(`while a case is ${state}, nobody may do what the table does not name`, async () => {
      const { id } = await freshIn(system, state)
      const before = await versions(system, id)
      let attempts = 0
      for (const actor of ['lead', 'supporting', 'command']) {
        const who = await system.desk(accounts[actor])
        const part = await partOf(system, id, actor)
        const words = Object.fromEntries(Object.keys(given).map(need => [need, given[need](system)]))
        for (const action of new Set(transitions.filter(row => row.subject === 'case' && ['lead', 'supporting', 'command'].includes(row.actor)).map(row => row.action))) {
          if (rowsOf('case', actor).some(row => row.action === action && row.from.includes(state))) continue
          const reply = await who.act({ case: id, action, ...words, into: id, reports: [randomUUID()] })
          assert.equal(reply.done, false, `${actor} ${action}`)
          assert.match(reply.reason, / \/ /, 'in Chinese and English')
          assert.deepEqual([reply.state, reply.state_version], [before.state, before.state_version])
          assert.deepEqual(reply.allowed, allowedTo(actor, state, part), `${actor} is told what it may do`)
          attempts++
        }
      }
      assert.ok(attempts > 20)
      await assertUnchanged(system, id, before, 'a refused action')
      await system.assertReplays(id)
    })
  }

  for (const row of transitions.filter(row => row.subject === 'case' && row.parts && accounts[row.actor])) {
    test(`${row.actor} may not ${row.action} while its own part is in another state than ${row.parts}`, async () => {
      const state = row.from.at(-1)
      const { id } = await freshIn(system, state)
      const actor = await system.desk(accounts[row.actor])
      const words = Object.fromEntries(row.needs.map(need => [need, given[need](system)]))
      const [{ was }] = await system.sql('select state as was from minqing.assignments where "case" = $1 and department = $2', id, department[row.actor])
      for (const part of ['assigned', 'signed', 'in_progress', 'resolved'].filter(p => !row.parts.includes(p))) {
        const set = to => system.sql('update minqing.assignments set state = $3 where "case" = $1 and department = $2', id, department[row.actor], to)
        await set(part)
        const before = await versions(system, id)
        const reply = await actor.mayNot(row.action, id, words, new RegExp(`while your part is ${part}`))
        assert.deepEqual(reply.allowed, allowedTo(row.actor, state, part))
        await assertUnchanged(system, id, before, row.action)
        await set(was)
      }
    })
  }

  for (const row of transitions.filter(row => row.subject === 'case' && row.needs.length && accounts[row.actor])) {
    test(`${row.actor} may not ${row.action} without ${row.needs}`, async () => {
      const { id, report } = await freshIn(system, row.from[0])
      await bringPart(system, row, id)
      const more = await needsOf(system, row, id, report)
      const before = await versions(system, id)
      const actor = await system.desk(accounts[row.actor])
      for (const need of row.needs) {
        const without = { ...more, [need]: undefined }
        const reply = await actor.mayNot(row.action, id, without, new RegExp(need))
        assert.equal(reply.state, before.state)
        if (['note', 'reason'].includes(need)) await actor.mayNot(row.action, id, { ...without, [need]: ' \n ' }, new RegExp(need))
      }
      await assertUnchanged(system, id, before, `${row.action} without what it needs`)
    })
  }

  for (const action of ['admit', 'decide', 'refuse']) {
    test(`the command centre may ${action} a waiting report, once`, async () => {
      const { report, reporter } = await waiting(system)
      const operator = await system.desk('bomei-command')
      const row = rowsOf('review', 'command').find(r => r.action === action)
      const review = async () => (await system.sql('select state, version from minqing.reviews where report = $1', report.id))[0]
      const before = await review()
      for (const need of row.needs) assert.match((await operator.act({ report: report.id, action })).reason, new RegExp(need))
      if (action === 'decide') assert.equal((await operator.act({ report: report.id, action })).done, false, 'as what?')
      assert.deepEqual(await review(), before)
      const bytes = JSON.stringify({ id: randomUUID(), report: report.id, action, ...action === 'decide' && { kind: 'dispute_mediation.debt' }, ...action === 'refuse' && { reason: '闲聊' } })
      const reply = await operator.act(bytes)
      assert.equal(reply.done, true, reply.reason)
      assert.deepEqual(await review(), { state: row.to ?? before.state, version: before.version + 1 })
      const [event] = await system.sql('select what, account from minqing.case_events where ref = $1 order by version desc limit 1', report.id)
      assert.deepEqual(event, { what: row.event, account: 'bomei-command' })
      assert.deepEqual(await operator.act(bytes), reply)
      assert.deepEqual(await review(), { state: row.to ?? before.state, version: before.version + 1 })
      if (row.tells) await reporter.hears((topic, status) => topic.endsWith('/status') && status.report === report.id, 'its status')
      if (action === 'decide') await system.assertReplays(reply.case)
      if (row.to) {
        for (const row2 of rowsOf('review', 'command')) {
          assert.equal((await operator.act({ report: report.id, action: row2.action, kind: 'dispute_mediation.debt', reason: '再来' })).done, false, row2.action)
        }
      } else assert.equal((await operator.act({ report: report.id, action })).done, false, 'twice')
      done.add(key(row))
    })
  }

  test('a report waiting for review joins the case that opens for the same thing', async () => {
    const [officer, other] = [await system.officer('bomei-070'), await system.officer('bomei-071')]
    const unsure = await officer.report('那边好像有点不对劲，天都红了', { area: '441581105210' })
    await until(async () => (await system.sql(`select from minqing.reviews where report = $1 and state = 'waiting'`, unsure.id)).length, 'it waits')
    const id = await system.caseOf(await other.report('蛟溪村后山起火', { area: '441581105210', kind: 'fire_safety.hill_fire' }))
    assert.equal(await system.caseOf(unsure), id)
    const [review] = await system.sql('select state from minqing.reviews where report = $1', unsure.id)
    assert.equal(review.state, 'joined')
    await officer.told(id, 'assigned')
    await system.assertReplays(id)
    done.add('review join engine')
  })

  test('a case is opened once by its report, and reports of the same thing join while it is open, never after', async () => {
    const row = transitions.find(r => key(r) === 'case join engine')
    for (const state of states) {
      const { id, report } = await freshIn(system, state)
      const before = await versions(system, id)
      const officer = await system.officer('bomei-055')
      const second = await officer.report(report.text, { kind: report.kind, area: report.area })
      const its = await system.caseOf(second)
      assert.equal(its === id, row.from.includes(state), `${state}: ${its === id ? 'joined' : 'opened'}`)
      const after = await versions(system, id)
      assert.deepEqual([after.version - before.version, after.state, after.state_version], [its === id ? 1 : 0, before.state, before.state_version])
      if (its === id) assert.equal((await officer.told(id, state)).case, id)
      await system.assertReplays(its)
    }
    done.add('case join engine').add('case open engine')
  })

  for (const [action, chain, step] of [['remind', null, 'remind'], ['supervise', null, 'due'], ['escalate', null, 'escalate'], ['resume', 'resume'], ['call_again', 'call_again'],
    ['call_out', 'call_out']]) {
    const row = rowsOf('case', 'clock').find(r => r.action === action)
    test(`the clock may ${action} while a case is ${row.from}, and does nothing when it is not`, async () => {
      await Promise.all(states.map(async state => {
        const critical = action === 'call_out' && { kind: 'public_security.fight', area: '441581105208', text: unlike() }
        if (critical && state !== 'assigned') return
        const { id } = await fresh(system, critical || {})
        const operator = await system.desk('bomei-command')
        if (action === 'call_again' && !['merged', 'closed', 'refused'].includes(state)) await operator.does('mobilise', id, { unit: 'bomei-2-3' })
        await bring(system, id, state)
        if (action === 'resume') await system.sql(`update minqing.cases set suspended_until = minqing.now() where id = $1 and state = 'suspended'`, id)
        const name = chain ?? (state === 'assigned' ? 'sign' : 'handle')
        await system.sql(`insert into minqing.timers ("case", chain, step, due_at) values ($1, $2, $3, minqing.now() + interval '1 day') on conflict do nothing`,
          id, name, step ?? (action === 'resume' ? 'due' : 'again'))
        // what SQL did here by hand is no part of the history
        await system.sql(`update minqing.case_events e set data = jsonb_set(data, '{set,suspended_until}', to_jsonb(minqing.wire_time(c.suspended_until)))
          from minqing.cases c where c.id = e.ref and c.id = $1 and c.suspended_until is not null and e.version = c.version`, id)
        const before = await versions(system, id)
        await makeDue(system, id, name, step)
        if (row.from.includes(state) && (action !== 'call_again' || state !== 'merged')) {
          await until(async () => (await versions(system, id)).version > before.version, `${action} while ${state}`)
          await assertFollows(system, row, id, before)
        } else {
          await until(async () => !(await system.sql('select from minqing.timers where "case" = $1 and chain = $2 and due_at <= minqing.now()', id, name)).length,
            `the clock looks at ${state}`)
          await assertUnchanged(system, id, before, `the clock's ${action} while ${state}`)
        }
      }))
      done.add(key(row))
    })
  }

  test('the engine calls the team of the village to what is critical, where the county wants it', async () => {
    await system.sql(`update minqing.settings set value = 'team' where name = 'mobilise_critical'`)
    const { id } = await fresh(system, { kind: 'public_security.fight', area: '441581105206' })
    await system.sql(`update minqing.settings set value = '-' where name = 'mobilise_critical'`)
    assert.deepEqual(await system.history(id), ['opened', 'mobilised'])
    const [event] = await system.sql(`select actor, account from minqing.case_events where ref = $1 and what = 'mobilised'`, id)
    assert.deepEqual(event, { actor: 'engine', account: null })
    await system.assertReplays(id)
    done.add('case mobilise engine')
  })

  for (const action of ['verified', 'rework']) {
    const row = rowsOf('case', 'officer').find(r => r.action === action)
    test(`an officer may say ${action} when a case is resolved, and nothing follows when it is not`, async () => {
      const officer = await system.officer('bomei-056')
      for (const state of states) {
        const { id } = await freshIn(system, state)
        const before = await versions(system, id)
        const { id: answer } = await officer.answer({ case: id, answer: action, note: '已到现场看过' })
        const [outcome] = await until(async () => {
          const rows = await system.sql('select done, reason from minqing.outcomes where id = $1', answer)
          return rows.length && rows
        }, 'the outcome')
        assert.equal(outcome.done, row.from.includes(state), `${state}: ${outcome.reason}`)
        if (outcome.done) await assertFollows(system, row, id, before)
        else await assertUnchanged(system, id, before, action)
      }
      done.add(key(row))
    })
  }

  test('an officer answers a task in its order: acknowledged, arrived, result; never backwards, never another\'s', async () => {
    const rows = rowsOf('task', 'officer')
    const device = await system.officer('bomei-043')
    const stranger = await system.officer('bomei-036')
    const operator = await system.desk('bomei-command')
    const outcome = async id => (await until(async () => {
      const found = await system.sql('select done, reason from minqing.outcomes where id = $1', id)
      return found.length && found
    }, 'the outcome'))[0]
    const reach = { called: [], acknowledged: ['acknowledged'], arrived: ['acknowledged', 'arrived'], done: ['result'], stood_down: [] }
    for (const [state, steps] of Object.entries(reach)) {
      for (const row of rows) {
        const { id } = await fresh(system)
        await operator.does('mobilise', id, { unit: 'bomei-2-3' })
        const { task } = await device.task(id, 'mobilise')
        for (const answer of steps) assert.equal((await outcome((await device.answer({ task, answer, note: '到' })).id)).done, true)
        if (state === 'stood_down') await operator.does('stand_down', id)
        const before = await versions(system, id)
        assert.equal((await outcome((await stranger.answer({ task, answer: row.action, note: '到' })).id)).done, false, 'not another\'s')
        await assertUnchanged(system, id, before, 'a stranger\'s answer')
        const result = await outcome((await device.answer({ task, answer: row.action, note: '到' })).id)
        assert.equal(result.done, row.from.includes(state), `${row.action} while ${state}: ${result.reason}`)
        const [now] = await system.sql('select state from minqing.tasks where id = $1', task)
        assert.equal(now.state, result.done ? row.to : state)
        if (result.done) await assertFollows(system, row, id, before, row.event, before.state)
        else await assertUnchanged(system, id, before, row.action)
        done.add(key(row))
      }
    }
  })

  test('joint handling: the case is resolved only when all parts are, whoever is last, and the reporter is told', async () => {
    const { id, reporter } = await freshIn(system, 'signed')
    const [lead, police, urban] = await Promise.all(['bomei-market', 'bomei-police', 'bomei-urban'].map(a => system.desk(a)))
    await police.does('sign', id)
    await lead.does('support', id, { department: 'urban_management', note: '请协助清理占道' })
    await urban.sees(id)
    await lead.does('resolve', id, { note: '已查封假货' })
    assert.equal((await system.case(id)).state, 'in_progress', 'two parts are open')
    await lead.mayNot('resolve', id, { note: '再来' }, /while your part is resolved/)
    await police.does('resolve', id, { note: '已立案侦查' })
    await urban.does('sign', id)
    await urban.does('resolve', id, { note: '已清理' })
    assert.equal((await system.case(id)).state, 'resolved')
    assert.match((await reporter.told(id, 'resolved')).text, /查封/)
    await system.assertReplays(id)
  })

  test('joint handling: where the last open part is given back, the case is resolved by those that are left', async () => {
    const { id, reporter } = await freshIn(system, 'signed')
    const [lead, police] = await Promise.all(['bomei-market', 'bomei-police'].map(a => system.desk(a)))
    await police.does('sign', id)
    await lead.does('resolve', id, { note: '已查封假货' })
    await police.does('return', id, { reason: '不构成案件，无须公安参与' })
    assert.equal((await system.case(id)).state, 'resolved')
    await reporter.told(id, 'resolved')
    await system.assertReplays(id)
  })

  test('a report that is named twice is split off once', async () => {
    const { id, report } = await fresh(system)
    const [operator, officer] = [await system.desk('bomei-command'), await system.officer('bomei-054')]
    const joined = []
    for (const n of [1, 2]) joined.push(await officer.report(`${report.text}${n}`, { kind: report.kind, area: report.area }))
    for (const one of joined) assert.equal(await system.caseOf(one), id)
    const reply = await operator.does('split', id, { reports: [joined[0].id, joined[0].id], note: '另一家店' })
    assert.notEqual(reply.case, id)
    const counts = await system.sql(`select c.report_count, count(m.*)::int as reports from minqing.cases c join minqing.case_reports m on m."case" = c.id
      where c.id = any($1) group by c.id`, [id, reply.case])
    assert.deepEqual(counts.map(c => [c.report_count, c.reports]).sort(), [[1, 1], [2, 2]])
    await officer.told(reply.case, 'assigned')
    await system.assertReplays(id)
    await system.assertReplays(reply.case)
  })

  test('a second return, and a late one, go to the command centre', async () => {
    const { id } = await fresh(system)
    const operator = await system.desk('bomei-command')
    await (await system.desk('bomei-market')).does('return', id, { reason: '属烟草局职责' })
    await (await system.desk('bomei-tobacco')).does('return', id, { reason: '不是卷烟，属公安职责' })
    assert.equal((await system.case(id)).lead, 'command_centre')
    await operator.sees(id, shown => shown.lead === 'command_centre')
    await operator.does('reassign', id, { department: 'police', note: '由派出所处理' })
    assert.equal((await system.case(id)).lead, 'police')
    await system.assertReplays(id)
    const { id: late } = await freshIn(system, 'assigned')
    await system.sql(`update minqing.cases set sign_by = minqing.now() - interval '1 minute' where id = $1`, late)
    await (await system.desk('bomei-market')).does('return', late, { reason: '属烟草局职责' })
    assert.equal((await system.case(late)).lead, 'command_centre', 'too late for the next rule')
  })

  test('every row of the table was tried', () => {
    assert.deepEqual(transitions.map(key).filter(k => !done.has(k)), [])
  })
}
