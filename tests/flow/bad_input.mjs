// SPDX-License-Identifier: Apache-2.0
// What cannot be understood is refused with its reason, kept in rejections, and harms nothing beside it.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { exchange, rejectedWhile } from '../harness/exchange.mjs'
import { json, report, until } from '../harness/system.mjs'

const account = 'bomei-010'
const topic = `minqing/field/${account}/report`

const good = () => report('巡查发现电线老化打火花')

/** [what, bytes, path of the fault, words of the fault] */
const cases = [
  ['not JSON', () => 'smoke on the hill', '', /.+/],
  ['an array', () => '[]', '', /object/],
  ['a text that is a number', () => JSON.stringify({ ...good(), text: 7 }), '/text', /string|text/],
  ['a missing text', () => JSON.stringify({ ...good(), text: undefined }), '/text', /missing/],
  ['a missing time', () => JSON.stringify({ ...good(), observed_at: undefined }), '/observed_at', /missing/],
  ['a missing id', () => JSON.stringify({ ...good(), id: undefined }), '/id', /missing/],
  ['4,001 characters', () => JSON.stringify({ ...good(), text: '烟'.repeat(4001) }), '/text', /4001/],
  ['a latitude of 91', () => JSON.stringify({ ...good(), location: { lat: 91, lon: 115 } }), '/location/lat', /90/],
  ['a longitude of 181', () => JSON.stringify({ ...good(), location: { lat: 23, lon: 181 } }), '/location/lon', /180/],
  ['an unknown area', () => JSON.stringify({ ...good(), area: '999999999999' }), '/area', /known/],
  ['an unknown kind', () => JSON.stringify({ ...good(), kind: 'fire_safety.dragon' }), '/kind', /catalogue/],
  ['a kind of another domain', () => JSON.stringify({ ...good(), kind: 'fire_safety.smoke', domain: 'anti_drug' }), '/kind', /anti_drug/],
  ['a severity of 5', () => JSON.stringify({ ...good(), severity: 5 }), '/severity', /4/],
  ['70 KiB', () => JSON.stringify({ ...good(), note: 'x'.repeat(70 * 1024) }), '', /65536/],
  ['invalid UTF-8', () => Buffer.concat([Buffer.from('{"id":"'), Buffer.from(randomUUID()), Buffer.from('","text":"'), Buffer.from([0xff, 0xfe]),
    Buffer.from('","observed_at":"2026-11-23T02:10:00+08:00"}')]), null, /UTF-8/],
  ['\\u0000', () => JSON.stringify(good()).replace('巡查', '\\u0000'), null, /0000|NUL|null/i],
  ['duplicate keys', () => JSON.stringify(good()).replace('{', '{"text":"a",'), null, /twice|duplicate/i],
  ['bytes after the value', () => JSON.stringify(good()) + '{}', null, /after/],
  ['a number that overflows', () => JSON.stringify(good()).replace('{', '{"x":1e999,'), null, /.+/],
  ['an empty payload', () => '', null, /.+/],
]

export function stories(system) {
  for (const [what, bytes, path, words] of cases) {
    test(`${what}: refused with its reason, kept, and the next good report passes`, async () => {
      const device = await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`)
      const [{ before }] = await system.sql('select coalesce(max(id), 0) as before from minqing.rejections')
      const fine = good()
      const bad = bytes()
      // both in one breath, so that they are likely one batch
      await Promise.all([device.publish(topic, bad), device.publish(topic, JSON.stringify(fine))])
      const refusal = json(await device.next(m => json(m).status === 'rejected', 'the refusal'))
      if (path !== null) assert.equal(refusal.errors[0].path, path, JSON.stringify(refusal))
      assert.match(refusal.errors.map(e => e.message).join(), words)
      assert.equal(json(await device.next(m => m.payload.includes(fine.id), 'the good one')).status, 'accepted')
      const [row] = await system.sql('select topic, size, errors from minqing.rejections where id > $1 and topic = $2', before, topic)
      assert.equal(row.size, Buffer.byteLength(bad))
      assert.ok(row.errors.length >= 1)
    })
  }

  test('a report of 3 MiB is refused by the broker with its reason', async () => {
    // mosquitto_pub, because mqtt.js does not know the reason code 0x95
    const file = `${system.folder}/large`
    writeFileSync(file, Buffer.alloc(3 << 20, 0x20))
    const { stderr } = await system.run('mosquitto_pub', '-V', '5', '-p', system.environment.MINQING_MQTT_PORT, '-u', account,
      '-P', system.devices[account], '-q', '1', '-t', topic, '-f', file)
    assert.match(stderr, /too large/)
    const device = await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`)
    const fine = good()
    assert.equal(await device.publish(topic, JSON.stringify(fine)), 0)
    await device.next(m => m.payload.includes(fine.id), 'the good one')
  })

  test('a device cannot publish as another', async () => {
    const device = await system.connect(account)
    const message = good()
    assert.equal(await device.publish('minqing/field/bomei-011/report', JSON.stringify(message)), 0x87)
    const own = good()
    const listening = await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`)
    await device.publish(topic, JSON.stringify(own))
    await listening.next(m => m.payload.includes(own.id), 'its own')
    assert.deepEqual(await system.sql('select from minqing.reports where id = $1', message.id), [])
  })

  test('a desk is not a device, although the broker lets it write under its own name', async () => {
    const desk = await (await system.connect('bomei-fire')).subscribe('minqing/field/bomei-fire/receipt')
    await desk.publish('minqing/field/bomei-fire/report', JSON.stringify(good()))
    const refusal = json(await desk.next(m => m.topic.endsWith('receipt'), 'the refusal'))
    assert.equal(refusal.status, 'rejected')
    assert.match(refusal.errors[0].message, /not a device/)
  })

  test('the same report again is a duplicate; the same id with other bytes, or from another device, is refused', async () => {
    const device = await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`)
    const message = good()
    const bytes = JSON.stringify(message)
    const receipts = () => device.messages.filter(m => m.payload.includes(message.id)).map(m => json(m))
    await device.publish(topic, bytes)
    await until(() => receipts().length === 1, 'the first receipt')
    await device.publish(topic, bytes)
    await until(() => receipts().length === 2, 'the second receipt')
    await device.publish(topic, JSON.stringify({ ...message, text: '另外的话，另外的火' }))
    await until(() => receipts().length === 3, 'the third receipt')
    assert.deepEqual(receipts().map(r => r.status), ['accepted', 'duplicate', 'rejected'])
    assert.equal(receipts()[2].errors[0].path, '/id')
    const other = await (await system.connect('bomei-012')).subscribe('minqing/field/bomei-012/receipt')
    await other.publish('minqing/field/bomei-012/report', bytes)
    const refusal = json(await other.next(m => m.payload.includes(message.id), 'the refusal'))
    assert.equal(refusal.status, 'rejected')
    assert.equal(refusal.errors[0].path, '/id')
    const [{ n }] = await system.sql('select count(*)::int as n from minqing.reports where id = $1', message.id)
    assert.equal(n, 1)
  })

  test('of a refused report nothing is kept of whom it is about, however the key is spelled', async () => {
    const device = await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`)
    const text = JSON.stringify({ ...good(), severity: 9, subject: { name: '欧阳婷婷', phone: '13912345678' } })
    const spelled = ['"subject"', '"\\u0073ubject"', '"s\\u0075b\\u006Aect"', '"Subject"', "'subject'", 'subject', '"subject', '"\\u0053\\u0055\\u0042\\u004a\\u0045\\u0043\\u0054"']
    const sent = [...spelled.map(key => Buffer.from(text.replace('"subject"', key))), Buffer.from(text, 'utf16le'), Buffer.from(text, 'utf16le').swap16()]
    const { rejected } = await rejectedWhile(system, () => exchange(device, topic, sent, good))
    assert.equal(rejected.length, sent.length)
    for (const { bytes, errors } of rejected) {
      const kept = `${bytes.toString('latin1')} ${bytes.toString()} ${JSON.stringify(errors)}`.replaceAll('\0', '')
      assert.doesNotMatch(kept, /欧阳|阳婷|139123/, kept)
      assert.match(kept, /severity/)
    }
  })

  test('unknown members of a report are kept', async () => {
    const device = await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`)
    const message = { ...good(), weather: { wind: 'NE 5' } }
    await device.publish(topic, JSON.stringify(message))
    await device.next(m => m.payload.includes(message.id), 'the receipt')
    const [row] = await system.sql('select extra from minqing.reports where id = $1', message.id)
    assert.deepEqual(row.extra, { weather: { wind: 'NE 5' } })
  })
}
