// SPDX-License-Identifier: Apache-2.0
// What an account may not see and do: by topic (the broker refuses), by action (the dispatcher does), by question (the read side does).
// Each attempt is at two cases, one restricted, one not; none may tell anything of them or change them.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { fresh, waiting } from '../harness/cases.mjs'
import { json, until } from '../harness/system.mjs'

const bomei = '441581/441581105'
const jieshi = '441581/441581102'

/** Words that occur in the two cases and nowhere else. */
const secret = { text: '司徒某楠注射海洛因后失联三日', name: '司徒某楠' }
const plain = { text: '老街拐角鞋铺的冒牌球鞋贴着金鹰标' }
const words = { restricted: /司徒|海洛因/, ordinary: /金鹰标|鞋铺/, any: /司徒|海洛因|金鹰标|鞋铺/ }

/** [account, topic]: the broker refuses to take anything there from that account. */
const topics = [
  // devices: nothing but their own reports, visits, answers and questions
  ...['report', 'visit', 'answer', 'receipt', 'status', 'task'].map(what => ['bomei-001', `minqing/field/bomei-002/${what}`]),
  ...['receipt', 'status', 'task'].map(what => ['bomei-001', `minqing/field/bomei-001/${what}`]),
  ...['received', 'answered', 'classified', 'dispatched'].map(stage => ['bomei-001', `minqing/stage/${stage}`]),
  ['bomei-001', `minqing/department/police/${bomei}/action/bomei-001`],
  ['bomei-001', `minqing/department/police/${bomei}/action/bomei-police`],
  ['bomei-001', `minqing/command/${bomei}/action/bomei-001`],
  ['bomei-001', `minqing/command/${bomei}/report/bomei-001`],
  ['bomei-001', `minqing/stream/${bomei}/fire_safety/4`],
  ['bomei-001', 'minqing/public/441581/441581105/441581105202/notice/x'],
  ['bomei-001', 'minqing/query/bomei-police/case'],
  ['bomei-001', 'minqing/reply/bomei-001/query'],
  ['bomei-001', 'minqing/reply/bomei-police/action'],
  ['bomei-001', 'minqing/health/dispatcher/1'],
  // desks: neither for another department, nor in another town, nor as somebody else, nor as the command centre
  ...['fire', 'anti_drug_office', 'civil_affairs', 'command_centre'].map(d => ['bomei-police', `minqing/department/${d}/${bomei}/action/bomei-police`]),
  ['bomei-police', `minqing/department/police/${jieshi}/action/bomei-police`],
  ['bomei-police', 'minqing/department/police/441581/all/action/bomei-police'],
  ['bomei-police', 'minqing/department/police/all/all/action/bomei-police'],
  ['bomei-police', `minqing/department/police/${bomei}/action/bomei-police2`],
  ['bomei-police', `minqing/command/${bomei}/action/bomei-police`],
  ['bomei-police', `minqing/command/${bomei}/report/bomei-police`],
  ['bomei-police', `minqing/department/police/${bomei}/case/x`],
  ['bomei-police', `minqing/department/police/${bomei}/restricted/x`],
  ['bomei-police', `minqing/command/${bomei}/review/x`],
  ['bomei-police', 'minqing/stage/classified'],
  ['bomei-police', 'minqing/field/bomei-001/task'],
  ['bomei-police', 'minqing/query/bomei-antidrug/subject'],
  ['bomei-police', 'minqing/reply/bomei-antidrug/query'],
  ['jieshi-police', `minqing/department/police/${bomei}/action/jieshi-police`],
  ['lufeng-police', 'minqing/department/police/441582/441582101/action/lufeng-police'],
  ['lufeng-police', 'minqing/department/fire/441581/all/action/lufeng-police'],
  ['dianshi-justice', `minqing/department/justice/${jieshi}/action/dianshi-justice`],
  ['dianshi-justice', `minqing/department/police/${bomei}/action/dianshi-justice`],
  // operators: neither in another town, nor for a department, nor as somebody else, nor by what services say
  ['bomei-command', `minqing/command/${jieshi}/action/bomei-command`],
  ['bomei-command', 'minqing/command/441581/all/action/bomei-command'],
  ['bomei-command', `minqing/command/${bomei}/action/bomei-command2`],
  ['bomei-command', `minqing/command/${jieshi}/report/bomei-command`],
  ['bomei-command', `minqing/department/police/${bomei}/action/bomei-command`],
  ['bomei-command', `minqing/department/police/${bomei}/case/x`],
  ['bomei-command', `minqing/stream/${bomei}/fire_safety/4`],
  ['bomei-command', 'minqing/field/bomei-001/task'],
  ['bomei-command', 'minqing/query/bomei-antidrug/subject'],
  ['bomei-command', 'minqing/stage/answered'],
  ['jieshi-command', `minqing/command/${bomei}/action/jieshi-command`],
  ['lufeng-command', 'minqing/command/441582/441582101/action/lufeng-command'],
  // services: nothing of each other's
  ['ingest', 'minqing/stage/classified'],
  ['ingest', `minqing/department/police/${bomei}/case/x`],
  ['classifier', 'minqing/stage/received'],
  ['classifier', 'minqing/reply/bomei-police/action'],
  ['dispatcher', `minqing/department/police/${bomei}/case/x`],
  ['dispatcher', 'minqing/field/bomei-001/task'],
  ['notifier', 'minqing/stage/classified'],
  ['notifier', `minqing/command/${bomei}/action/bomei-command`],
]

/** [account, filter]: whoever listens there hears nothing of the two cases. */
const ears = [
  ['bomei-030', '#'], ['bomei-030', 'minqing/department/#'], ['bomei-030', 'minqing/field/+/report'], ['bomei-030', '$share/ingest/minqing/field/+/report'],
  ['bomei-030', 'minqing/stream/#'], ['bomei-030', 'minqing/command/#'], ['bomei-030', 'minqing/stage/#'], ['bomei-030', 'minqing/reply/#'],
  ['bomei-fire', '#'], ['bomei-fire', 'minqing/department/+/441581/441581105/+/+'], ['bomei-fire', 'minqing/department/anti_drug_office/#'], ['bomei-fire', 'minqing/reply/+/#'],
  ['bomei-civil', '#'], ['bomei-civil', 'minqing/department/market_supervision/#'], ['bomei-civil', 'minqing/stream/#'],
  ['jieshi-police', '#'], ['jieshi-police', 'minqing/department/police/441581/441581105/+/+'], ['jieshi-police', 'minqing/department/police/#'],
  ['jieshi-command', '#'], ['jieshi-command', 'minqing/stream/441581/441581105/+/+'], ['jieshi-command', 'minqing/department/+/441581/441581105/case/+'],
  ['lufeng-fire', '#'], ['dianshi-justice', '#'],
]

/** Desks and operators to whom the ordinary case is nobody's business, and what they try. */
const outsiders = ['bomei-fire', 'bomei-civil', 'bomei-justice', 'bomei-health', 'bomei-power', 'bomei-water', 'bomei-town', 'dianshi-justice', 'dianshi-power', 'jieshi-police',
  'jieshi-fire', 'jieshi-market', 'jieshi-smuggling', 'lufeng-fire', 'lufeng-civil']
/** And those who have no part in the restricted one. */
const barred = [...outsiders.filter(a => !['bomei-justice', 'bomei-town'].includes(a)), 'bomei-market', 'bomei-forestry', 'bomei-education', 'bomei-women', 'lufeng-market', 'jieshi-command']

const tries = [{ action: 'sign' }, { action: 'progress', note: '看看' }, { action: 'resolve', note: '已办' }, { action: 'return', reason: '属公安职责' }]
const orders = [{ action: 'supervise', note: '催' }, { action: 'close' }, { action: 'reassign', department: 'fire' }, { action: 'mobilise', unit: 'bomei' }, { action: 'refuse', reason: '无' }]

export function stories(system) {
  let attempts = 0
  let restricted, ordinary, held

  /** Everything about the two cases that an attempt could change. */
  const picture = async () => JSON.stringify(await system.sql(`select c.version, c.state, c.lead, (select count(*) from minqing.case_events e where e.ref = c.id) as events,
      (select jsonb_agg(a order by a.department) from minqing.assignments a where a."case" = c.id) as parts, (select count(*) from minqing.tasks t where t."case" = c.id) as tasks
    from minqing.cases c where c.id = any($1) order by c.id`, [restricted.id, ordinary.id]))

  const assertTellsNothing = (answer, what) => {
    const text = JSON.stringify(answer)
    assert.ok(!words.any.test(text), `${what} tells the words: ${text}`)
    for (const { number } of [restricted, ordinary]) assert.ok(!text.includes(number), `${what} tells the number: ${text}`)
  }

  test('two cases, and people who listen where they should not', async () => {
    const nosy = []
    for (const [account, filter] of ears) nosy.push([account, filter, await (await system.connect(account)).subscribe(filter)])
    const made = [await fresh(system, { account: 'bomei-061', text: secret.text, kind: 'anti_drug.lost_contact', area: '441581105208', subject: { name: secret.name } }),
      await fresh(system, { account: 'bomei-062', text: plain.text, area: '441581105208' })]
    for (const one of made) one.number = (await system.case(one.id)).number
    ;[restricted, ordinary] = made
    restricted.words = words.restricted
    ordinary.words = words.ordinary
    await (await system.desk('bomei-antidrug')).sees(restricted.id)
    await (await system.desk('bomei-market')).sees(ordinary.id)
    await until(async () => !(await system.sql('select from minqing.announcements where ref = any($1) and version > published_version', [restricted.id, ordinary.id])).length,
      'everything about them is out')
    held = await picture()
    for (const [account, filter, client] of nosy) {
      const heard = client.messages.filter(m => words.any.test(m.payload.toString()) || [restricted, ordinary].some(c => m.topic.includes(c.id) || m.payload.includes(c.id)))
      assert.deepEqual(heard.map(m => m.topic), [], `${account} at ${filter}`)
      // to the broker they are somebody who hears, though it gives them nothing
      await client.end()
      attempts++
    }
  })

  test('by topic: the broker takes nothing where an account may not write', async () => {
    const clients = {}
    for (const [account, topic] of topics) {
      const client = clients[account] ??= await system.connect(account)
      const payload = JSON.stringify({ id: randomUUID(), case: ordinary.id, action: 'close', text: 'x', observed_at: system.now().toISOString() })
      assert.equal(await client.publish(topic, payload), 0x87, `${account} to ${topic}`)
      attempts++
    }
    assert.equal(await picture(), held)
  })

  test('by action: to whom a case is nobody\'s business, it is not there', async () => {
    const unknown = await (await system.desk('bomei-fire')).act({ case: randomUUID(), action: 'sign' })
    for (const [one, accounts] of [[ordinary, outsiders], [restricted, barred]]) {
      for (const [i, account] of accounts.entries()) {
        const who = await system.desk(account)
        for (const attempt of [tries[i % 4], tries[(i + 1) % 4], orders[i % 5]]) {
          const reply = await who.act({ case: one.id, ...attempt })
          // the very reply that a case gets which is not there
          assert.deepEqual({ ...reply, action: 0 }, { ...unknown, action: 0 }, `${account} ${attempt.action}`)
          assertTellsNothing(reply, `the reply to ${account}`)
          attempts++
        }
      }
    }
    assert.equal(await picture(), held)
  })

  test('by role: desks give no orders, the command centre does no desk\'s work, a supporting desk does not lead', async () => {
    for (const [account, list] of [['bomei-market', orders], ['bomei-police', orders], ['lufeng-market', orders], ['bomei-command', tries], ['lufeng-command', tries],
      ['bomei-police', [{ action: 'extend', reason: '忙', until: new Date(system.now().getTime() + 1e9).toISOString() }, { action: 'suspend', reason: '忙' }, { action: 'support', department: 'fire' }]]]) {
      for (const attempt of list) {
        await (await system.desk(account)).mayNot(attempt.action, ordinary.id, attempt, / \/ /)
        attempts++
      }
    }
    assert.equal(await picture(), held)
  })

  test('by restriction: nobody is mobilised to a restricted case, it is not mixed with others, its words stay with its desks', async () => {
    const operator = await system.desk('bomei-command')
    for (const attempt of [{ action: 'mobilise', unit: 'bomei' }, { action: 'merge', into: ordinary.id }]) {
      const reply = await operator.mayNot(attempt.action, restricted.id, attempt, /restricted|受限/)
      assert.ok(!words.any.test(JSON.stringify(reply)))
      attempts++
    }
    await operator.mayNot('merge', ordinary.id, { into: restricted.id }, /restricted/)
    await (await system.desk('jieshi-command')).mayNot('merge', ordinary.id, { into: restricted.id })
    attempts += 2
    assert.equal(await picture(), held)
  })

  test('by lock: an account that was locked while it was connected does nothing more', async () => {
    const police = await system.desk('bomei-police2')
    const operator = await system.desk('bomei-command2')
    await system.sql(`update minqing.accounts set locked = true where account in ('bomei-police2', 'bomei-command2')`)
    for (const [who, attempt] of [[police, tries[0]], [police, tries[1]], [police, tries[3]], [operator, orders[0]], [operator, orders[4]]]) {
      assertTellsNothing(await who.mayNot(attempt.action, ordinary.id, attempt), who.account)
      attempts++
    }
    await system.sql(`update minqing.accounts set locked = false where account in ('bomei-police2', 'bomei-command2')`)
    assert.equal(await picture(), held)
  })

  test('by answer: officers say nothing about a restricted case that they did not report, nor to tasks of others', async () => {
    for (const [account, more] of [['bomei-063', { answer: 'verified', case: restricted.id }], ['bomei-064', { answer: 'rework', note: '不对', case: restricted.id }],
      ['bomei-065', { answer: 'result', note: '好了', case: ordinary.id }], ['bomei-066', { answer: 'arrived', task: randomUUID() }], ['bomei-067', { answer: 'acknowledged', case: restricted.id }]]) {
      const { id } = await (await system.officer(account)).answer(more)
      const [outcome] = await until(async () => {
        const rows = await system.sql('select done, reason from minqing.outcomes where id = $1', id)
        return rows.length && rows
      }, 'the outcome')
      assert.equal(outcome.done, false, account)
      assertTellsNothing(outcome, account)
      attempts++
    }
    assert.equal(await picture(), held)
  })

  test('by review: what waits in a town is decided there, by its command centre alone', async () => {
    const { report } = await waiting(system)
    const [{ version }] = await system.sql('select version from minqing.reviews where report = $1', report.id)
    for (const [account, more] of [['jieshi-command', { action: 'decide', domain: 'fire_safety' }], ['jieshi-command', { action: 'refuse', reason: '无关' }],
      ['jieshi-command', { action: 'admit' }], ['bomei-police', { action: 'decide', domain: 'public_security' }], ['lufeng-police', { action: 'refuse', reason: '无关' }]]) {
      const reply = await (await system.desk(account)).act({ report: report.id, ...more })
      assert.equal(reply.done, false, account)
      assert.ok(!JSON.stringify(reply).includes('吃饭'))
      attempts++
    }
    assert.equal((await system.sql('select version from minqing.reviews where report = $1', report.id))[0].version, version)
  })

  test('by question: to whom a case is nobody\'s business, the read side does not show it', async t => {
    if (!system.answersQuestions) return t.diagnostic('the read side is not installed')
    for (const [one, accounts] of [[ordinary, outsiders], [restricted, barred]]) {
      for (const account of accounts) {
        for (const [name, question] of [['case', { case: one.id }], ['case', { number: one.number }], ['report', { report: one.report.id }], ['cases', { limit: 200 }],
          ['subject', { case: one.id, reason: '看看' }]]) {
          const result = await system.ask(account, name, question)
          const said = JSON.stringify({ ...result, id: 0 })
          assert.ok(!one.words.test(said) && (question.number || !said.includes(one.number)), `${account} asks for ${name}: ${said}`)
          if (name !== 'cases') assert.equal(result.done, false, `${account} asks for ${name}`)
          attempts++
        }
      }
    }
    assert.equal(await picture(), held)
  })

  test('at least a hundred attempts were refused', t => {
    t.diagnostic(`${attempts} attempts`)
    assert.ok(attempts >= 100)
  })
}
