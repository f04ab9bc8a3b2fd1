// SPDX-License-Identifier: Apache-2.0
// Every text of the collection through the real ingest: what is no JSON is refused with its path and kept, what is well-formed is not
// refused for its form, and the good report beside each of them is accepted.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { depth, malformed } from '../harness/malformed.mjs'
import { json, report, until } from '../harness/system.mjs'

const account = 'bomei-014'
const topic = `minqing/field/${account}/report`
const most = 65536
const together = 40 // texts on the way at a time

const good = () => report('巡查发现电线老化打火花')

/** Publishes each text and a good report behind it, and waits for both receipts; the correlation data tells whose a receipt is. */
async function exchange(device, texts) {
  const sent = texts.map(bytes => ({ bytes, key: randomUUID(), beside: good() }))
  for (let at = 0; at < sent.length; at += together) {
    const part = sent.slice(at, at + together)
    await Promise.all(part.flatMap(({ bytes, key, beside }) => [
      device.publish(topic, bytes, { properties: { correlationData: Buffer.from(key) } }),
      device.publish(topic, JSON.stringify(beside), { properties: { correlationData: Buffer.from(beside.id) } }),
    ]))
    await until(() => {
      const found = new Map(device.messages.map(m => [m.packet.properties?.correlationData?.toString(), json(m)]))
      for (const one of part) Object.assign(one, { receipt: found.get(one.key), besideReceipt: found.get(one.beside.id) })
      return part.every(one => one.receipt && one.besideReceipt)
    }, `receipts of ${part.length} texts, the first of them ${part[0].bytes.subarray(0, 100)}`, 30000)
  }
  for (const one of sent) assert.equal(one.besideReceipt.status, 'accepted', `the good report beside ${one.bytes.subarray(0, 200)}`)
  return sent
}

export function stories(system) {
  let device
  const listening = async () => device ??= await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`)

  test('every text that is no JSON is refused with its path, kept, and harms nothing beside it', async () => {
    const lines = malformed().filter(line => !line.good)
    const [{ before }] = await system.sql('select coalesce(max(id), 0) as before from minqing.rejections')
    const sent = await exchange(await listening(), lines.map(line => line.bytes))
    sent.forEach(({ receipt, bytes }, i) => {
      const line = lines[i], what = `${line.rule}: ${line.shows}: ${bytes.subarray(0, 200)}: ${JSON.stringify(receipt)}`
      assert.equal(receipt.status, 'rejected', what)
      assert.equal(receipt.errors.length, 1, what)
      assert.equal(receipt.errors[0].path, bytes.length > most ? '' : line.path, what)
      assert.match(receipt.errors[0].message, bytes.length > most ? /at most 65536 bytes/ : /, at byte \d+$/, what)
    })
    const kept = await system.sql('select bytes, size from minqing.rejections where id > $1 and topic = $2', before, topic)
    assert.equal(kept.length, lines.length)
    const left = kept.map(row => `${row.size} ${row.bytes.toString('latin1')}`).sort()
    assert.deepEqual(left, lines.map(line => `${line.bytes.length} ${line.bytes.subarray(0, 4096).toString('latin1')}`).sort())
  })

  test('every well-formed text is taken as what an unknown member holds, and stored as it is', async () => {
    const lines = malformed().filter(line => line.good)
    const carried = lines.map(line => {
      const message = good()
      const head = Buffer.from(JSON.stringify(message).replace(/\}$/, ',"more":'))
      return { message, bytes: Buffer.concat([head, line.bytes, Buffer.from('}')]) }
    })
    const sent = await exchange(await listening(), carried.map(one => one.bytes))
    for (const [i, { receipt, bytes }] of sent.entries()) {
      const line = lines[i], what = `${line.rule}: ${line.shows}: ${line.bytes.subarray(0, 200)}: ${JSON.stringify(receipt)}`
      if (bytes.length > most) {
        assert.match(receipt.errors[0].message, /at most 65536 bytes/, what)
      } else if (depth(line.bytes.toString()) === 16) {
        assert.match(receipt.errors[0].message, /deeper than 16/, what)
      } else {
        assert.equal(receipt.status, 'accepted', what)
        const [{ same }] = await system.sql(`select extra -> 'more' = $2::jsonb as same from minqing.reports where id = $1`, carried[i].message.id,
          line.bytes.toString())
        assert.equal(same, true, what)
      }
    }
  })

  test('every well-formed text that is the whole message is refused for what it lacks, never for its form', async () => {
    const lines = malformed().filter(line => line.good && line.bytes.length <= most)
    const sent = await exchange(await listening(), lines.map(line => line.bytes))
    sent.forEach(({ receipt, bytes }, i) => {
      const what = `${lines[i].shows}: ${bytes.subarray(0, 200)}: ${JSON.stringify(receipt)}`
      assert.equal(receipt.status, 'rejected', what)
      assert.doesNotMatch(receipt.errors[0].message, /at byte/, what)
      assert.equal(receipt.errors[0].path, /^\s*\{/.test(bytes) ? '/id' : '', what)
    })
  })
}
