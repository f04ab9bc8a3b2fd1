// SPDX-License-Identifier: Apache-2.0
// The people of a story: officers with their devices, desks, operators. Each acts over MQTT with its own account and nothing else.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'

const parse = message => JSON.parse(message.payload.toString())

/** "441581/441581105" of an area: the county and town levels of a topic; `none` where there is none. */
function scope(area, none) {
  return `${area.slice(0, 6)}/${area.length >= 9 ? area.slice(0, 9) : none}`
}

class Person {
  /** @param {import('./system.mjs').System} system @param {import('./system.mjs').Client} client @param {{account: string, area: string, department: string?}} who */
  constructor(system, client, who) {
    Object.assign(this, { system, client, account: who.account, area: who.area, department: who.department })
  }

  /** Everything that arrived of which `match` is true: parsed payloads, oldest first. */
  heard(match) {
    return this.client.messages.filter(m => m.payload.length && match(m.topic, parse(m))).map(parse)
  }

  /** The first message, old or new, of which `match(topic, payload)` is true. */
  async hears(match, what, ms) {
    const found = await this.client.next(m => m.payload.length > 0 && match(m.topic, parse(m)), `${this.account} hears of ${what}`, ms)
    return parse(found)
  }
}

/** A desk of a department, or an operator of a command centre. */
export class Actor extends Person {
  get actions() {
    const where = scope(this.area, 'all')
    return this.department ? `minqing/department/${this.department}/${where}/action/${this.account}` : `minqing/command/${where}/action/${this.account}`
  }

  /** Publishes an action (a string: these very bytes) and returns the reply. */
  async act(action, topic = this.actions) {
    const bytes = typeof action === 'string' ? action : JSON.stringify({ id: randomUUID(), ...action })
    const responseTopic = `minqing/reply/${this.account}/${randomUUID()}`
    const code = await this.client.publish(topic, bytes, { properties: { responseTopic } })
    assert.ok(code < 0x80, `the broker lets ${this.account} act on ${topic}: ${code}`)
    return parse(await this.client.next(m => m.topic === responseTopic, `a reply to ${bytes}`, 20000))
  }

  /** An action that must be done. */
  async does(action, id, more = {}) {
    const reply = await this.act({ case: id, action, ...more })
    assert.equal(reply.done, true, `${this.account} ${action}: ${reply.reason}`)
    return reply
  }

  /** An action that must be refused, with a reason that `words` matches. */
  async mayNot(action, id, more = {}, words = /./) {
    const reply = await this.act({ case: id, action, ...more })
    assert.equal(reply.done, false, `${this.account} could ${action}`)
    assert.match(reply.reason, words)
    return reply
  }

  /** Messages about one case under the department's own topics, oldest first. */
  cases(id) {
    return this.heard((topic, payload) => /\/(case|restricted)\//.test(topic) && payload.case === id)
  }

  /** The case as this desk is shown it, as soon as `match` is true of it; a string is a state. */
  sees(id, match = () => true, ms) {
    const fits = typeof match === 'string' ? shown => shown.state === match : match
    return this.hears((topic, shown) => /\/(case|restricted)\//.test(topic) && shown.case === id && fits(shown), `case ${id} as ${match}`, ms)
  }

  /** The line of the stream about what happened to a case (operators). */
  streams(id, what, match = () => true) {
    return this.hears((topic, line) => topic.startsWith('minqing/stream/') && line.case === id && line.what === what && match(line), `${what} on the stream`)
  }
}

/** A grid officer with a device. */
export class Officer extends Person {
  async #send(what, message) {
    await this.client.publish(`minqing/field/${this.account}/${what}`, JSON.stringify(message))
    const receipt = await this.hears((topic, r) => topic.endsWith('/receipt') && r.id === message.id, `the receipt of ${what}`, 20000)
    assert.equal(receipt.status, 'accepted', JSON.stringify(receipt))
    return message
  }

  /** Reports, and returns the report when its receipt is there. */
  report(text, more = {}) {
    return this.#send('report', { id: randomUUID(), observed_at: this.system.now().toISOString(), text, ...more })
  }

  visit(text, more = {}) {
    return this.#send('visit', { id: randomUUID(), observed_at: this.system.now().toISOString(), text, ...more })
  }

  /** Answers a task, or about a case: {task | case, answer, note}. */
  answer(more) {
    return this.#send('answer', { id: randomUUID(), at: this.system.now().toISOString(), ...more })
  }

  /** The task that came about a case. */
  task(id, kind, match = () => true) {
    return this.hears((topic, task) => topic.endsWith('/task') && task.case === id && task.kind === kind && match(task), `a task to ${kind}`)
  }

  /** What the device was told about a case: as soon as it is in `state`. */
  told(id, state) {
    return this.hears((topic, status) => topic.endsWith('/status') && status.case === id && status.state === state, `status ${state}`)
  }
}

const topics = {
  // a village's own desk hears of its village alone
  desk: who => ['case', 'restricted'].map(kind => `minqing/department/${who.department}/${who.area.length < 12 ? scope(who.area, '+')
    : `${who.area.slice(0, 6)}/${who.area}`}/${kind}/+`),
  operator: who => [`minqing/stream/${scope(who.area, '+')}/+/+`, `minqing/department/command_centre/${scope(who.area, '+')}/case/+`,
    `minqing/command/${scope(who.area, '+')}/review/+`],
  device: who => ['receipt', 'status', 'task'].map(kind => `minqing/field/${who.account}/${kind}`),
}

/** Connects a person and subscribes to what concerns them. */
export async function connectPerson(system, account) {
  const [who] = await system.sql('select account, role, area, department from minqing.accounts where account = $1', account)
  const client = await system.connect(account)
  await client.subscribe(`minqing/reply/${account}/#`, ...topics[who.role](who))
  return new (who.role === 'device' ? Officer : Actor)(system, client, who)
}
