// SPDX-License-Identifier: Apache-2.0
// Every text of the collection through the real ingest: what is no JSON is refused with its path and kept, what is well-formed is not
// refused for its form, and the good report beside each of them is accepted.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exchange, rejectedWhile } from '../harness/exchange.mjs'
import { depth, malformed } from '../harness/malformed.mjs'
import { report } from '../harness/system.mjs'

const most = 65536

const good = () => report('巡查发现电线老化打火花')

/** The receipt of each text; the good report behind it is accepted. */
async function receipts({ client, topic }, texts) {
  const sent = await exchange(client, topic, texts, good)
  for (const one of sent) assert.equal(one.beside.status, 'accepted', `the good report beside ${one.bytes.subarray(0, 200)}`)
  return sent
}

export function stories(system) {
  /** Each story has a device, and so a rate, of its own. */
  const listening = async account => ({ topic: `minqing/field/${account}/report`,
    client: await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`) })

  test('every text that is no JSON is refused with its path, kept, and harms nothing beside it', async () => {
    const lines = malformed().filter(line => !line.good)
    const device = await listening('bomei-040')
    const { result: sent, rejected } = await rejectedWhile(system, () => receipts(device, lines.map(line => line.bytes)))
    sent.forEach(({ answer: receipt, bytes }, i) => {
      const line = lines[i], what = `${line.rule}: ${line.shows}: ${bytes.subarray(0, 200)}: ${JSON.stringify(receipt)}`
      assert.equal(receipt.status, 'rejected', what)
      assert.equal(receipt.errors.length, 1, what)
      assert.equal(receipt.errors[0].path, bytes.length > most ? '' : line.path, what)
      assert.match(receipt.errors[0].message, bytes.length > most ? /at most 65536 bytes/ : /, at byte \d+$/, what)
    })
    const kept = rejected.filter(row => row.topic === device.topic)
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
    const sent = await receipts(await listening('bomei-041'), carried.map(one => one.bytes))
    for (const [i, { answer: receipt, bytes }] of sent.entries()) {
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
    const sent = await receipts(await listening('bomei-042'), lines.map(line => line.bytes))
    sent.forEach(({ answer: receipt, bytes }, i) => {
      const what = `${lines[i].shows}: ${bytes.subarray(0, 200)}: ${JSON.stringify(receipt)}`
      assert.equal(receipt.status, 'rejected', what)
      assert.doesNotMatch(receipt.errors[0].message, /at byte/, what)
      assert.equal(receipt.errors[0].path, /^\s*\{/.test(bytes) ? '/id' : '', what)
    })
  })
}
