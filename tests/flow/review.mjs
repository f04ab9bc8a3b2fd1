// SPDX-License-Identifier: Apache-2.0
// What the classifier is unsure of waits for the command centre, whose decision dispatches it and is kept as an example.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { json, report } from '../harness/system.mjs'

const actions = 'minqing/command/441581/441581105/action/bomei-command'

/** Sends a text of no domain and waits until it is in the review queue. */
async function waiting(system, operator, account) {
  const device = await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`, `minqing/field/${account}/status`)
  const message = report('你好，吃饭了吗，哈哈哈')
  await device.publish(`minqing/field/${account}/report`, JSON.stringify(message))
  const review = await operator.next(m => m.topic === `minqing/command/441581/441581105/review/${message.id}`, 'the review')
  return { device, message, review }
}

const operatorOf = async system => (await system.connect('bomei-command')).subscribe('minqing/command/441581/441581105/review/+',
  'minqing/reply/bomei-command/#', 'minqing/stream/441581/441581105/+/+')

export function stories(system) {
  test('chat goes to review and never to a department', async () => {
    const operator = await operatorOf(system)
    const { message, review } = await waiting(system, operator, 'bomei-020')
    assert.equal(json(review).state, 'waiting')
    assert.deepEqual(await system.sql('select from minqing.case_reports where report = $1', message.id), [])
    const listed = await system.run('minqing', 'review', 'list', '--json')
    assert.equal(listed.status, 0, listed.stderr)
    assert.ok(listed.stdout.includes(message.id))
  })

  test('a decision opens the case, ends the review, teaches; the same action again gets the same reply', async () => {
    const operator = await operatorOf(system)
    const { device, message } = await waiting(system, operator, 'bomei-021')
    const action = JSON.stringify({ id: randomUUID(), report: message.id, action: 'decide', kind: 'livelihood_relief.lonely_elder', note: '电话核实' })
    const responseTopic = 'minqing/reply/bomei-command/decision'
    const ask = () => operator.publish(actions, action, { properties: { responseTopic, correlationData: Buffer.from('x') } })
    await ask()
    const first = await operator.next(m => m.topic === responseTopic, 'the reply')
    assert.equal(json(first).done, true, first.payload.toString())
    assert.equal(first.packet.properties.correlationData.toString(), 'x')
    const status = json(await device.next(m => m.topic.endsWith('/status'), 'the status'))
    assert.equal(status.number, json(first).number)
    await operator.next(m => m.topic.includes(`/review/${message.id}`) && m.payload.length === 0, 'the end of the review topic')
    const last = operator.messages.filter(m => m.topic.includes(`/review/${message.id}`) && m.payload.length).at(-1)
    assert.equal(json(last).state, 'decided')
    operator.messages.length = 0
    await ask()
    assert.deepEqual(json(await operator.next(m => m.topic === responseTopic, 'the reply again')), json(first))
    const rows = await system.sql('select domain, kind, source from minqing.examples where report = $1', message.id)
    assert.deepEqual(rows, [{ domain: 'livelihood_relief', kind: 'livelihood_relief.lonely_elder', source: 'review' }])
    const [{ n }] = await system.sql('select count(*)::int as n from minqing.case_reports where report = $1', message.id)
    assert.equal(n, 1)
  })

  test('minqing review decide does the same from the terminal', async () => {
    const operator = await operatorOf(system)
    const { message } = await waiting(system, operator, 'bomei-022')
    const decided = await system.run('minqing', 'review', 'decide', message.id, '--domain', 'dispute_mediation')
    assert.equal(decided.status, 0, decided.stderr + decided.stdout)
    assert.match(decided.stdout, /博美-\d{4}-\d{3}/)
    const again = await system.run('minqing', 'review', 'decide', message.id, '--domain', 'fire_safety', '--area', '441581105')
    assert.equal(again.status, 1)
  })

  test('a refusal needs its reason, opens no case, and the reporter is told', async () => {
    const operator = await operatorOf(system)
    const { device, message } = await waiting(system, operator, 'bomei-023')
    await operator.publish(actions, JSON.stringify({ id: randomUUID(), report: message.id, action: 'refuse' }))
    const denied = json(await operator.next(m => m.topic.startsWith('minqing/reply/'), 'the denial'))
    assert.equal(denied.done, false)
    assert.match(denied.reason, /note/)
    operator.messages.length = 0
    await operator.publish(actions, JSON.stringify({ id: randomUUID(), report: message.id, action: 'refuse', note: '闲聊' }))
    assert.equal(json(await operator.next(m => m.topic.startsWith('minqing/reply/'), 'the reply')).done, true)
    const status = json(await device.next(m => m.topic.endsWith('/status'), 'the status'))
    assert.equal(status.state, 'refused')
    assert.match(status.text, /闲聊/)
  })

  test('a response topic of somebody else is not used', async () => {
    const operator = await operatorOf(system)
    const { message } = await waiting(system, operator, 'bomei-024')
    const desk = await (await system.connect('bomei-fire')).subscribe('minqing/reply/#')
    await operator.publish(actions, JSON.stringify({ id: randomUUID(), report: message.id, action: 'decide', domain: 'fire_safety' }),
      { properties: { responseTopic: 'minqing/reply/bomei-fire/gift' } })
    await operator.next(m => m.topic === 'minqing/reply/bomei-command/action', 'the reply at its own place')
    assert.equal(desk.messages.length, 0)
  })

  test('what came by telephone is reported by the command centre', async () => {
    const operator = await operatorOf(system)
    const message = report('群众来电：村道边有人打架', { origin: 'telephone', area: '441581105202' })
    await operator.publish('minqing/command/441581/441581105/report/bomei-command', JSON.stringify(message))
    const receipt = json(await operator.next(m => m.topic === 'minqing/reply/bomei-command/receipt' && m.payload.includes(message.id), 'the receipt'))
    assert.equal(receipt.status, 'accepted')
  })
}
