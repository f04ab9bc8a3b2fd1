// SPDX-License-Identifier: Apache-2.0
// What one would write in Node.js in a few days instead of using minqing: one process that takes reports from MQTT, stores the same rows and
// sends the same messages. Two ways: `careful` works in batches of up to 200, one transaction each; `usual` in a transaction a report, over
// a pool of connections. Both give the receipt after the commit. What they leave out: docs/performance.md.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import mqtt from 'mqtt'
import pg from 'pg'
import Ajv from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { handle } from './handle.mjs'
import { loadReference } from './reference.mjs'
import { messagesOf, rejection } from './messages.mjs'
import { storeBatch, storeOne } from './store.mjs'

const mode = process.argv[2]
const BATCH = 200
const POOL = 10

const schemas = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../../schemas/messages')
const ajv = addFormats(new Ajv({ strict: false }))
const validate = ajv.compile(JSON.parse(readFileSync(path.join(schemas, 'report.schema.json'), 'utf8')))

const pool = new pg.Pool({ connectionString: process.env.PEER_DATABASE, max: mode === 'careful' ? 1 : POOL })
const reference = await loadReference(pool)
const client = await mqtt.connectAsync(process.env.PEER_BROKER, {
  protocolVersion: 5, username: process.env.PEER_USER, password: process.env.PEER_PASSWORD, clientId: process.env.PEER_USER, clean: true,
  properties: { receiveMaximum: 512 },
})
client.stream.setNoDelay(true) // else each hop waits up to 40 ms

const publish = message => new Promise((resolve, reject) => {
  client.publish(message.topic, message.payload, {
    qos: message.qos, retain: message.retain ?? false,
    properties: { payloadFormatIndicator: true, contentType: 'application/json', userProperties: message.traceparent && { traceparent: message.traceparent } },
  }, error => (error ? reject(error) : resolve()))
})

/** @returns {{fault?: object[], work?: import('./handle.mjs').Work}} */
function take(topic, payload, packet) {
  let report
  try {
    report = JSON.parse(payload.toString())
  } catch {
    return { fault: [{ path: '', message: 'is not JSON' }] }
  }
  if (!validate(report)) return { fault: validate.errors.map(e => ({ path: e.instancePath, message: e.message })), id: report?.id }
  const device = topic.split('/')[2]
  return { work: handle(reference, report, payload, device, packet.properties?.userProperties?.traceparent) }
}

const refuse = (topic, taken) => publish(rejection(topic.split('/')[2], taken.id, taken.fault))

const queue = []
let busy = false
let told = Promise.resolve() // what the batch before published

/** Takes batch after batch while there is something. */
async function drain() {
  if (busy) return
  busy = true
  while (queue.length) {
    const batch = []
    for (const [topic, payload, packet] of queue.splice(0, BATCH)) {
      const taken = take(topic, payload, packet)
      if (taken.work) batch.push(taken.work)
      else refuse(topic, taken).catch(fail)
    }
    if (!batch.length) continue
    await storeBatch(pool, batch)
    await told // no more than two batches on their way to the broker
    told = Promise.all(batch.flatMap(work => messagesOf(reference, work)).map(publish))
  }
  busy = false
}

async function one(topic, payload, packet) {
  const taken = take(topic, payload, packet)
  if (!taken.work) return refuse(topic, taken)
  await storeOne(pool, taken.work)
  return Promise.all(messagesOf(reference, taken.work).map(publish))
}

function fail(error) {
  console.error(error)
  process.exit(1)
}

client.on('message', (topic, payload, packet) => {
  if (mode === 'careful') {
    queue.push([topic, payload, packet])
    if (queue.length === 1) setImmediate(() => drain().catch(fail))
  } else {
    one(topic, payload, packet).catch(fail)
  }
})
client.on('error', fail)
client.on('close', () => fail(new Error('the broker is gone')))
process.once('SIGTERM', () => process.exit(0))
await client.subscribeAsync('$share/peer/minqing/field/+/report', { qos: 1 })
console.log('ready')
