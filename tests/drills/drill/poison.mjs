// SPDX-License-Identifier: Apache-2.0
// Good and bad share every batch, from the field and between the stages.
import { once } from 'node:events'

export const name = 'a poisoned message in every batch, of the field and of every stage'

const good = id => ({ id, observed_at: '2026-11-23T02:10:00+08:00', text: '路边有人' })
const FIELD = [
  '', '{', '[]', 'null', '{"id":1}', '\u0000', '{"id":"x","observed_at":"yesterday","text":""}', Buffer.from([0xff, 0xfe, 0x22]),
  JSON.stringify({ ...good('01900000-0000-7000-8000-000000000001'), observed_at: '9999-12-31T23:59:59-14:00', text: 'x'.repeat(5000) }),
  JSON.stringify({ ...good('01900000-0000-7000-8000-000000000002'), location: { lat: 1e308, lon: -1e308 } }),
  JSON.stringify({ ...good('01900000-0000-7000-8000-000000000003'), area: '999999999999' }),
  '{"id":"01900000-0000-7000-8000-000000000004","observed_at":"2026-11-23T02:10:00+08:00","text":"\\ud800"}',
]
const STAGE = [
  '', '[', '{}', '[null]', '[{}]', '[{"v":1}]', '[[]]', '[{"v":99,"id":"01900000-0000-7000-8000-000000000005"}]',
  '[{"v":1,"id":"01900000-0000-7000-8000-000000000006","ref":"01900000-0000-7000-8000-000000000006","event":9223372036854775807}]',
]

export async function run(world) {
  const { system } = world
  const device = await system.connect('bomei-080')
  const stages = await Promise.all([['ingest', 'received'], ['ingest', 'answered'], ['classifier', 'classified'], ['dispatcher', 'dispatched']]
    .map(async ([account, stage]) => [await system.connect(account), `minqing/stage/${stage}`]))
  const load = world.load({ rate: 60, seconds: world.long ? 30 : 8 })
  const ended = once(load.child, 'close')
  let over = false
  ended.then(() => { over = true })
  await load.flows(10)
  for (let n = 0; !over; n++) {
    world.faults++
    await device.publish('minqing/field/bomei-080/report', FIELD[n % FIELD.length])
    for (const [client, topic] of stages) await client.publish(topic, STAGE[n % STAGE.length])
  }
}
