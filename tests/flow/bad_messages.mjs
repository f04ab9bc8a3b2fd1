// SPDX-License-Identifier: Apache-2.0
// Every message that somebody outside can send, broken at each constraint of its schema and at the edge of each: the system and an
// independent validator say the same. What is valid is taken, or refused for one of the reasons named here; what is not is refused with the
// path of the fault, is kept, and the good message behind it passes.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { fresh, freshIn, waiting } from '../harness/cases.mjs'
import { exchange, rejectedWhile } from '../harness/exchange.mjs'
import { mutations } from '../harness/mutate.mjs'
import { until } from '../harness/system.mjs'

const time = '2026-11-23T02:10:00+08:00'
const id = '0190a0b0-0000-7000-8000-0000000000aa' // stands for a new one in every message
const other = '0190a0b0-0000-7000-8000-0000000000bb'
const hash = 'ab'.repeat(32)
const location = { lat: 22.98, lon: 115.83, accuracy_m: 12, datum: 'wgs84' }
const subject = { name: '林姨', phone: '13912345678', id_number: '44158119700101000X', address: '博美镇花园村' }
const area = '441581105207'

const message = {
  report: { v: 1, id, observed_at: time, text: '山上有烟', location, area, domain: 'fire_safety', kind: 'fire_safety.smoke', severity: 2, attachments: [hash], subject, origin: 'patrol' },
  visit: { v: 1, id, observed_at: time, area, location, text: '走访林姨家', service: '帮助清扫房屋', task: other, subject, attachments: [hash] },
  'answer to a task': { v: 1, id, task: other, answer: 'result', at: time, note: '已劝离', location, attachments: [hash] },
  'answer about a case': { v: 1, id, case: other, answer: 'verified', at: time, note: '已解决', location, attachments: [hash] },
}

/** Valid by the schema, and refused all the same: [path, reason]. */
const areaIsKnown = ['/area', /is not a known village or grid/]
const meant = {
  report: [areaIsKnown, ['/kind', /is not in the catalogue|must be of domain/]],
  visit: [areaIsKnown],
  answer: [['/id', /was used for another answer/]], // the same good ids to a task and about a case
}

/** Where of two places that may be meant the system names one. */
const named = m => (m.what === 'lacks case' && m.rule === '/properties/case' ? ['/case', '/task'] : [m.path])

/** What a receipt, reply or result says of the message: undefined where it was understood. */
function faultsOf(answer) {
  if ('errors' in answer || answer.status) return answer.status === 'rejected' ? answer.errors : undefined
  const found = /^(?:(\/\S*) )?((?:must|is|has|names|no question|[a-z]+ is about) ?.*)$/.exec(answer.reason ?? '')
  return found ? [{ path: found[1] ?? '', message: found[2] }] : undefined
}

const fill = text => text.replaceAll(id, randomUUID())

/** A time that is in its year only in its own zone. */
const wholeYear = [/\/(observed_at|at|until|from|to)$/, /from 1970-01-01 to 9999-12-30/]

/** Holds the answers and the rejections against the validator's verdicts. */
function agree(made, sent, rejected, semantic = []) {
  const kept = new Map(rejected.map(row => [`${row.size} ${row.bytes.toString('latin1').slice(0, 200)}`, row]))
  const wrong = []
  made.forEach((m, i) => {
    const { answer, bytes } = sent[i]
    const faults = faultsOf(answer)
    const row = kept.get(`${bytes.length} ${bytes.toString('latin1').replace(/"?subject.*/s, '').slice(0, 200)}`)
      ?? kept.get(`${bytes.length} ${bytes.toString('latin1').replace(/subject.*/s, '').slice(0, 200)}`)
    const said = [...semantic, wholeYear].some(([path, words]) => faults?.length === 1 && (path.test?.(faults[0].path) ?? faults[0].path === path)
      && words.test(faults[0].message))
    let fault
    if (m.valid && faults && !said) fault = 'is valid, and was refused'
    else if (!m.valid && !faults) fault = 'is not valid, and was taken'
    else if (!m.valid && !faults.every(f => named(m).includes(f.path))) fault = `was refused for another place than ${m.path || 'the whole'}`
    else if (faults && !row) fault = 'was refused, and is not in rejections'
    if (fault) wrong.push(`${fault}: ${m.rule}: ${m.path} ${m.what}: ${JSON.stringify(answer).slice(0, 300)}`)
  })
  assert.deepEqual(wrong, [])
}

export function stories(system) {
  for (const [i, [what, base]] of Object.entries(message).entries()) {
    const name = what.split(' ')[0]
    test(`a device's ${what}, broken and met at each constraint of its schema`, async () => {
      const account = `bomei-${String(15 + i).padStart(3, '0')}` // each has a rate of its own
      const device = await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`)
      const made = mutations(name, base)
      const { result: sent, rejected } = await rejectedWhile(system, () => exchange(device, `minqing/field/${account}/${name}`, made.map(m => fill(m.text)),
        () => ({ ...base, id: randomUUID() })))
      agree(made, sent, rejected, meant[name])
      for (const { answer, beside, bytes } of sent) {
        assert.equal(beside.status, 'accepted', `the good one beside ${bytes}`)
        assert.equal(answer.kind, name)
      }
    })
  }

  test('a report of the command centre, broken and met at each constraint of its schema', async () => {
    const account = 'bomei-command'
    const operator = await (await system.connect(account)).subscribe(`minqing/reply/${account}/bad`)
    const base = { ...message.report, origin: 'hotline' }
    const made = mutations('report', base).filter((_, i) => i % 5 === 0) // the same decoder as a device's
    const { result: sent, rejected } = await rejectedWhile(system, () => exchange(operator, `minqing/command/441581/441581105/report/${account}`,
      made.map(m => fill(m.text)), () => ({ ...base, id: randomUUID() }), { responseTopic: `minqing/reply/${account}/bad` }))
    agree(made, sent, rejected, meant.report)
    for (const { beside } of sent) assert.equal(beside.status, 'accepted')
  })

  /** Actions: the good one beside each is a note of progress on a case of its own. */
  const actions = {
    'progress of a desk': { account: 'bomei-market', topic: 'minqing/department/market_supervision/441581/441581105/action/bomei-market', action: 'progress', place: 'case' },
    'correction by the command centre': { account: 'bomei-command', topic: 'minqing/command/441581/441581105/action/bomei-command', action: 'correct', place: 'case' },
    'decision of the command centre': { account: 'bomei-command', topic: 'minqing/command/441581/441581105/action/bomei-command', action: 'decide', place: 'report' },
  }
  for (const [what, { account, action, place }] of Object.entries(actions)) {
    test(`the ${what}, broken and met at each constraint of its schema`, async () => {
      const actor = await system.desk(account)
      const about = action === 'decide' ? (await waiting(system)).report.id : (await freshIn(system, 'in_progress')).id
      const beside = (await freshIn(system, 'in_progress')).id
      const base = { v: 1, id, [place]: about, action, note: '已到现场', reason: '核实过', department: 'police', domain: 'counterfeit',
        kind: 'counterfeit.fake_brand', severity: 2, until: '2026-12-23T02:10:00+08:00', attachments: [hash], into: other, reports: [other], unit: 'bomei-team', exercise: false,
        filed: false, rating: 3, state_version: 1 }
      const { state_version, ...stateless } = base
      // without state_version the rest is looked at further than whether it is stale
      const made = [...mutations('action', base).filter(m => m.path === '/state_version'), ...mutations('action', stateless)]
      const client = await (await system.connect(account)).subscribe(`minqing/reply/${account}/bad`)
      const good = account === 'bomei-market' ? { case: beside, action: 'progress', note: '继续处理' } : { case: beside, action: 'supervise', note: '请加快' }
      const { result: sent, rejected } = await rejectedWhile(system, () => exchange(client, actor.actions, made.map(m => fill(m.text)),
        () => ({ id: randomUUID(), ...good }), { responseTopic: `minqing/reply/${account}/bad` }))
      const desk = account === 'bomei-market'
      agree(made, sent, rejected.filter(row => row.service === 'dispatcher'), [['/case', /is missing/], ...desk ? [['/report', /command centre/]] : []])
      for (const { beside: reply } of sent) assert.equal(reply.done, true, reply.reason)
    })
  }

  for (const name of ['cases', 'stats', 'audit', 'review', 'officers', 'case', 'report', 'subject']) {
    test(`a question for ${name}, broken and met at each constraint of its schema`, async () => {
      const account = name === 'subject' ? 'bomei-market' : 'bomei-command' // personal data are for the desk that handles the case
      const about = await fresh(system, { subject })
      const client = await (await system.connect(account)).subscribe(`minqing/reply/${account}/bad`)
      const one = name === 'report' ? { report: about.report.id } : name === 'case' || name === 'subject' || name === 'audit' ? { case: about.id } : {}
      const base = { v: 1, id, ...one, reason: '核对', state: 'assigned', domain: 'counterfeit', kind: 'counterfeit.fake_brand', severity: 1, department: 'market_supervision',
        area: '441581105', overdue: false, text: '山上', from: '2026-11-01T00:00:00+08:00', to: '2027-01-01T00:00:00+08:00', by: 'town', limit: 2, after: '1' }
      const made = mutations('query', base).filter((_, i) => name === 'cases' || i % 4 === 0) // all names have one decoder
      const { result: sent, rejected } = await rejectedWhile(system, () => exchange(client, `minqing/query/${account}/${name}`, made.map(m => fill(m.text)),
        () => ({ id: randomUUID(), ...one, reason: '核对', limit: 1 }), { responseTopic: `minqing/reply/${account}/bad`, together: 8 })) // 16 questions of one account at a time
      agree(made, sent, rejected.filter(row => row.service === 'query'), [['', /is about exactly one/], ['/reason', /is missing/]])
      for (const { beside } of sent) assert.equal(beside.done, true, beside.reason)
    })
  }

  /** Elements between the services, as a service's account sends them: nobody is told, but what is no good is kept. */
  const elements = {
    received: { from: 'ingest', to: 'classifier', element: { v: 1, id, text: '山上有烟', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, domain: 'fire_safety', kind: 'fire_safety.smoke', severity: 2 } },
    answered: { from: 'ingest', to: 'dispatcher', element: { v: 1, id, what: 'visit', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` } },
    classified: { from: 'classifier', to: 'dispatcher', element: { v: 1, id, traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` } },
    dispatched: { from: 'dispatcher', to: 'notifier', element: { v: 1, event: 1, ref: id, traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` } },
  }
  for (const [name, { from, to, element }] of Object.entries(elements)) {
    test(`elements of stage/${name}, broken and met at each constraint of their schema`, async () => {
      const service = await system.connect(from)
      const made = mutations(name, element).map(m => ({ ...m, text: fill(m.text) }))
      const whole = ['', '{}', 'null', '7', '"[]"', '[', '[1', '[]]', '[[]', '[{}{}]', '[{"v":1,"v":1}]', '[\x00]', `[${'['.repeat(20)}`].map(text => ({ text }))
      const bad = [...made.filter(m => !m.valid), ...whole]
      const { rejected } = await rejectedWhile(system, async () => {
        const [{ before }] = await system.sql('select coalesce(max(id), 0) as before from minqing.rejections')
        // a hundred a message, good and bad beside each other
        for (let i = 0; i < made.length; i += 100) await service.publish(`minqing/stage/${name}`, `[${made.slice(i, i + 100).map(m => m.text).join(' ,\n')}]`)
        for (const { text } of whole) await service.publish(`minqing/stage/${name}`, text)
        await until(async () => (await system.sql('select count(*)::int as n from minqing.rejections where id > $1 and topic = $2', before,
          `minqing/stage/${name}`))[0].n >= bad.length, `all rejections of stage/${name}`)
        // what comes after them is handled, through all stages
        await system.caseOf((await fresh(system)).report)
      })
      const kept = rejected.filter(row => row.service === to && row.topic === `minqing/stage/${name}`)
      assert.equal(kept.length, bad.length)
      for (const { text, path } of bad) {
        const start = Buffer.from(text).subarray(0, 4096)
        const row = kept.find(row => row.bytes.equals(start))
        assert.ok(row, `in rejections: ${text.slice(0, 300)}`)
        assert.deepEqual(row.errors.map(e => path === undefined || e.path), [path ?? true], text.slice(0, 300))
      }
    })
  }
}
