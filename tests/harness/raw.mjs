// SPDX-License-Identifier: Apache-2.0
// An MQTT 5 client that sends any bytes, also those that a client library refuses to send, and stops reading when told to.
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import packets from 'mqtt-packet'

/** A number in MQTT's variable length. */
function length(n) {
  const bytes = []
  do {
    bytes.push(n % 128 + (n >= 128 ? 128 : 0))
    n = Math.floor(n / 128)
  } while (n > 0)
  return Buffer.from(bytes)
}

const text = value => {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes])
}

/** One property of a PUBLISH as bytes. */
export const property = {
  byte: (id, value) => Buffer.from([id, value]),
  short: (id, value) => Buffer.from([id, value >> 8, value & 255]),
  long: (id, value) => Buffer.from([id, value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]),
  text: (id, value) => Buffer.concat([Buffer.from([id]), text(value)]),
  user: (name, value) => Buffer.concat([Buffer.from([0x26]), text(name), text(value)]),
}
export const id = { payloadFormat: 0x01, expiry: 0x02, contentType: 0x03, responseTopic: 0x08, correlation: 0x09, subscription: 0x0b, alias: 0x23 }

/** A PUBLISH with any topic and properties. */
export function publish({ topic, payload = '', qos = 1, packet = 1, properties = [], retain = false, dup = false }) {
  const given = Buffer.concat(properties)
  const body = Buffer.concat([text(topic), ...qos ? [Buffer.from([packet >> 8, packet & 255])] : [], length(given.length), given, Buffer.from(payload)])
  return Buffer.concat([Buffer.from([0x30 | qos << 1 | (retain ? 1 : 0) | (dup ? 8 : 0)]), length(body.length), body])
}

export class Raw {
  /** Connects as an account; the CONNACK is the first of `packets`. @param {import('./system.mjs').System} system */
  static async connect(system, account, options = {}) {
    const raw = await Raw.open(system)
    raw.send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId: `raw-${randomUUID()}`, clean: true, keepalive: 300, username: account,
      password: Buffer.from(system.secrets[account] ?? system.secret(account)), ...options })
    await raw.until(p => p.cmd === 'connack', `${account} connects`)
    return raw
  }

  /** Only the socket. */
  static async open(system) {
    const socket = net.connect(Number(system.environment.MINQING_MQTT_PORT), '127.0.0.1')
    await once(socket, 'connect')
    socket.setNoDelay(true)
    return new Raw(socket)
  }

  constructor(socket) {
    this.socket = socket
    this.packets = []
    this.closed = false
    this.waiting = new Set()
    const changed = () => this.waiting.forEach(check => check())
    const parser = packets.parser({ protocolVersion: 5 })
    parser.on('packet', packet => this.packets.push(packet))
    parser.on('error', () => {})
    socket.on('data', bytes => (parser.parse(bytes), changed()))
    socket.on('error', () => {})
    socket.on('close', () => (this.closed = true, changed()))
  }

  write(bytes) {
    this.socket.write(bytes)
  }

  send(packet) {
    this.write(packets.generate(packet, { protocolVersion: 5 }))
  }

  /** The first packet that `match`es, or undefined when the broker closes the connection before. */
  until(match, what, ms = 10000) {
    return new Promise((resolve, reject) => {
      const end = (settle, value) => {
        clearTimeout(timer)
        this.waiting.delete(check)
        settle(value)
      }
      const check = () => {
        const found = this.packets.find(match)
        if (found || this.closed) end(resolve, found)
      }
      const timer = setTimeout(() => end(reject, new Error(`not within ${ms} ms: ${what}`)), ms)
      this.waiting.add(check)
      check()
    })
  }

  /** What the broker makes of a packet: its answer, DISCONNECT, or nothing but an end. */
  async outcome(bytes, packet = 1) {
    this.write(bytes)
    const answer = await this.until(p => ['puback', 'pubrec'].includes(p.cmd) && p.messageId === packet || p.cmd === 'disconnect', 'an answer or an end')
    return answer ? `${answer.cmd} 0x${(answer.reasonCode ?? 0).toString(16)}` : 'closed'
  }

  /** Reads nothing more; the broker finds the socket full. */
  stopReading() {
    this.socket.pause()
  }

  end() {
    this.socket.destroy()
  }
}
