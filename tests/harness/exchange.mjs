// SPDX-License-Identifier: Apache-2.0
// Sends many messages, each with a good one behind it, and waits for the answers to all of them.
import { randomUUID } from 'node:crypto'
import { json, until } from './system.mjs'

/**
 * @param {import('./system.mjs').Client} client that hears the answers
 * @param {string} topic
 * @param {(Buffer|string)[]} messages
 * @param {() => object} good makes a message that is accepted
 * @param {{responseTopic?: string, together?: number}} [options] where answers are asked for, and how many of them at a time
 * @returns {Promise<{bytes: Buffer, answer: object, beside: object}[]>} the answer to each, and to the good one behind it
 */
export async function exchange(client, topic, messages, good, { responseTopic, together = 40 } = {}) {
  const sent = messages.map(bytes => ({ bytes: Buffer.from(bytes), key: randomUUID(), goodKey: randomUUID() }))
  const publish = (bytes, key) => client.publish(topic, bytes, { properties: { correlationData: Buffer.from(key), ...responseTopic && { responseTopic } } })
  for (let from = 0; from < sent.length; from += together) {
    const part = sent.slice(from, from + together)
    const heard = client.messages.length
    // in one breath, so that good and bad are of one batch
    await Promise.all(part.flatMap(one => [publish(one.bytes, one.key), publish(JSON.stringify(good()), one.goodKey)]))
    await until(() => {
      const found = new Map(client.messages.slice(heard).map(m => [m.packet.properties?.correlationData?.toString(), m]))
      return part.every(one => {
        if (!found.has(one.key) || !found.has(one.goodKey)) return false
        Object.assign(one, { answer: json(found.get(one.key)), beside: json(found.get(one.goodKey)) })
        return true
      })
    }, `answers to ${part.length} messages on ${topic}, the first of them ${part[0].bytes.subarray(0, 200)}`, 30000)
  }
  return sent
}

/** What came into rejections while `act` ran: [{service, topic, bytes, size, errors}], oldest first. */
export async function rejectedWhile(system, act) {
  const [{ before }] = await system.sql('select coalesce(max(id), 0) as before from minqing.rejections')
  const result = await act()
  return { result, rejected: await system.sql('select service, topic, bytes, size, errors from minqing.rejections where id > $1 order by id', before) }
}
