// SPDX-License-Identifier: Apache-2.0
// Every message on the bus validates against its schema, by an independent validator.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import Ajv from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { report, root } from '../harness/system.mjs'

/** Which schema a topic's payload has to meet. */
const schemas = [
  [/^minqing\/field\/[^/]+\/report$/, 'report'],
  [/^minqing\/(field\/[^/]+\/receipt|reply\/[^/]+\/receipt)$/, 'receipt'],
  [/^minqing\/field\/[^/]+\/answer$/, 'answer'],
  [/^minqing\/field\/[^/]+\/visit$/, 'visit'],
  [/^minqing\/field\/[^/]+\/status$/, 'status'],
  [/^minqing\/stage\/answered$/, 'answered'],
  [/^minqing\/stage\/received$/, 'received'],
  [/^minqing\/stage\/classified$/, 'classified'],
  [/^minqing\/stage\/dispatched$/, 'dispatched'],
  [/^minqing\/department\/.*\/(case|restricted)\/[^/]+$/, 'case'],
  [/^minqing\/command\/.*\/review\/[^/]+$/, 'review'],
  [/^minqing\/stream\//, 'stream'],
  [/^minqing\/health\//, 'health'],
]

export function stories(system) {
  test('every captured message validates against its schema', async () => {
    const folder = path.join(root, 'schemas/messages')
    const ajv = new Ajv({ allErrors: true, strict: false })
    addFormats(ajv)
    for (const file of readdirSync(folder)) ajv.addSchema(JSON.parse(readFileSync(path.join(folder, file))), file.replace('.schema.json', ''))

    // each account hears what it may hear; together they hear everything
    const ears = [
      await (await system.connect('bomei-030')).subscribe('minqing/field/bomei-030/receipt', 'minqing/field/bomei-030/status'),
      await (await system.connect('bomei-command')).subscribe('minqing/stream/#', 'minqing/department/+/+/+/case/+', 'minqing/command/+/+/review/+',
        'minqing/health/#'),
      await (await system.connect('bomei-fire')).subscribe('minqing/department/fire/441581/441581105/restricted/+'),
      await (await system.connect('ingest')).subscribe('minqing/field/bomei-030/report', 'minqing/field/bomei-030/answer', 'minqing/field/bomei-030/visit'),
      await (await system.connect('classifier')).subscribe('minqing/stage/received'),
      await (await system.connect('dispatcher')).subscribe('minqing/stage/classified', 'minqing/stage/answered'),
      await (await system.connect('notifier')).subscribe('minqing/stage/dispatched'),
    ]
    const device = ears[0]
    const texts = ['山上冒烟', '有人在海边偷卸冻肉', '老人独居没饭吃', '你好', '两家为宅基地界址吵起来了', '水库坝体渗水', '有人吸毒', '摩托车被偷']
    const sent = texts.map((text, i) => report(text, i % 2 ? { location: { lat: 22.98, lon: 115.83, accuracy_m: 12 }, subject: { name: '某某' } } : {}))
    for (const message of sent) await device.publish('minqing/field/bomei-030/report', JSON.stringify(message))
    await device.publish('minqing/field/bomei-030/report', '{"id":')
    await device.next(m => m.payload.includes('rejected'), 'the refusal')
    const answer = { id: randomUUID(), task: randomUUID(), answer: 'arrived', at: '2026-11-23T02:30:00+08:00', location: { lat: 22.98, lon: 115.83 } }
    const visit = report('走访林姨家', { service: '帮助清扫房屋', subject: { name: '林姨' } })
    await device.publish('minqing/field/bomei-030/answer', JSON.stringify(answer))
    await device.publish('minqing/field/bomei-030/visit', JSON.stringify(visit))
    for (const { id } of [answer, visit]) {
      await device.next(m => m.topic.endsWith('/receipt') && m.payload.includes(id), 'its receipt')
      await ears[5].next(m => m.topic === 'minqing/stage/answered' && m.payload.includes(id), 'its element for the dispatcher')
    }
    for (const message of sent) await ears[1].next(m => m.topic.startsWith('minqing/stream/') && m.payload.includes(message.id)
      || m.payload.includes('restricted'), `the stream line of ${message.text}`)

    const seen = new Set()
    for (const { topic, payload } of ears.flatMap(ear => ear.messages)) {
      if (payload.length === 0 || payload.toString() === '{"id":') continue
      const schema = schemas.find(([pattern]) => pattern.test(topic))
      assert.ok(schema, `no schema for ${topic}`)
      const validate = ajv.getSchema(schema[1])
      assert.ok(validate, `schema ${schema[1]} is missing`)
      assert.ok(validate(JSON.parse(payload)), `${topic}: ${ajv.errorsText(validate.errors)}\n${payload}`)
      seen.add(schema[1])
    }
    for (const [, name] of schemas) assert.ok(seen.has(name), `no ${name} was seen`)
  })
}
