// SPDX-License-Identifier: Apache-2.0
// A device that runs wild: MQTT packets written straight to a socket, because a client library is slower than what is to be tried.
import { randomUUID } from 'node:crypto'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { report } from './system.mjs'

const utf8 = text => {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes])
}

const packet = (first, body) => {
  const length = []
  for (let n = body.length; ;) {
    const byte = n % 128
    n = Math.floor(n / 128)
    length.push(n ? byte | 128 : byte)
    if (!n) return Buffer.concat([Buffer.from([first, ...length]), body])
  }
}

const connect = (account, password, clientId) => packet(0x10, Buffer.concat([utf8('MQTT'), Buffer.from([5, 0xc2, 0, 60, 0]),
  utf8(clientId), utf8(account), utf8(password)]))

/** A PUBLISH. At QoS 0 the broker answers nothing, so that nothing holds the flood back; the services see it all the same. */
const publish = (topic, payload, retain) => packet(0x30 | (retain ? 1 : 0), Buffer.concat([utf8(topic), Buffer.from([0]), Buffer.from(payload)]))

/**
 * Floods over one connection: `perSecond` reports for `seconds`, at QoS 0, or as `make` says. Resolves to how many were written, and to
 * the receipts that came, by status.
 * @param {import('./system.mjs').System} system
 * @param {string} account
 * @param {{perSecond: number, seconds: number, make?: (i: number) => string | Buffer, topic?: string, retain?: boolean}} what
 */
export async function flood(system, account, { perSecond, seconds, make, topic = `minqing/field/${account}/report`, retain = false }) {
  const listener = await (await system.connect(account)).subscribe(`minqing/field/${account}/receipt`)
  const socket = net.connect(Number(system.environment.MINQING_MQTT_PORT), '127.0.0.1')
  socket.setNoDelay(true)
  const connected = new Promise((resolve, reject) => {
    socket.once('data', data => data[3] === 0 ? resolve() : reject(new Error(`CONNACK ${data[3]}`)))
    socket.once('error', reject)
  })
  socket.write(connect(account, system.devices[account], `flood-${randomUUID()}`))
  await connected
  socket.on('data', () => {})
  const next = make ?? (() => JSON.stringify(report('洪水')))
  const begun = performance.now()
  let sent = 0
  for (;;) {
    const passed = performance.now() - begun
    const due = Math.min(Math.floor(passed / 1000 * perSecond), Math.floor(seconds * perSecond))
    const packets = []
    while (sent < due) packets.push(publish(topic, next(sent++), retain))
    // a broker that takes no more is waited for: the flood is then as large as it gets
    if (packets.length && !socket.write(Buffer.concat(packets))) await new Promise(resolve => socket.once('drain', resolve))
    if (sent >= Math.floor(seconds * perSecond)) break
    await sleep(5)
  }
  await new Promise(resolve => socket.end(Buffer.from([0xe0, 0]), resolve))
  const receipts = () => {
    const by = {}
    for (const { payload } of listener.messages) {
      const { status } = JSON.parse(payload.toString())
      by[status] = (by[status] ?? 0) + 1
    }
    return by
  }
  return { sent, receipts, listener }
}
