// SPDX-License-Identifier: Apache-2.0
// A whole private system for tests: real broker, real database, real services, made by deploy/system in a folder of its own.
import { execFile, execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, chmodSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual, promisify } from 'node:util'
import mqtt from 'mqtt'
import pg from 'pg'
import { connectPerson } from './people.mjs'

const execute = promisify(execFile)
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')

/**
 * Waits for `probe` to give something truthy and returns that; fails with `what` after `ms`.
 * @template T
 * @param {() => T | Promise<T>} probe
 * @param {string} what
 * @param {number} ms
 * @returns {Promise<T>}
 */
export async function until(probe, what, ms = 15000) {
  const end = Date.now() + ms
  for (;;) {
    const found = await probe()
    if (found) return found
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** One MQTT 5 client that remembers what it was sent. */
export class Client {
  /** @param {mqtt.MqttClient} raw */
  constructor(raw) {
    this.raw = raw
    /** @type {{topic: string, payload: Buffer, packet: object}[]} */
    this.messages = []
    this.waiting = new Set()
    raw.on('message', (topic, payload, packet) => {
      this.messages.push({ topic, payload, packet })
      for (const check of this.waiting) check()
    })
  }

  async subscribe(...filters) {
    await this.raw.subscribeAsync(filters, { qos: 1 })
    return this
  }

  /** Publishes at QoS 1; returns the PUBACK's reason code. */
  publish(topic, payload, options = {}) {
    return new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`no PUBACK for ${topic} within 20 s`)), 20000).unref()
      this.raw.publish(topic, payload, { qos: 1, ...options }, (error, packet) => {
        if (error && error.code === undefined) reject(error)
        else resolve(error ? error.code : packet?.reasonCode ?? 0)
      })
    })
  }

  /** The first message, old or new, for which `match` is true. */
  next(match, what, ms = 10000) {
    return new Promise((resolve, reject) => {
      const check = () => {
        const found = this.messages.find(match)
        if (!found) return
        clearTimeout(timer)
        this.waiting.delete(check)
        resolve(found)
      }
      const timer = setTimeout(() => {
        this.waiting.delete(check)
        reject(new Error(`not within ${ms} ms: ${what}; arrived: ${this.messages.map(m => m.topic).slice(-10).join(' ')}`))
      }, ms)
      this.waiting.add(check)
      check()
    })
  }

  end() {
    return this.raw.endAsync(true)
  }
}

export class System {
  /**
   * Makes and starts a system.
   * @param {string} prefix where the programs are installed
   * @param {(folder: string) => void} prepare what is done to its folder before
   */
  static start(prefix = process.env.MINQING_TEST_PREFIX, prepare = () => {}) {
    const folder = mkdtempSync(path.join(tmpdir(), 'minqing-test-'))
    chmodSync(folder, 0o711)
    if (process.getuid() === 0) {
      const [uid, gid] = ['-u', '-g'].map(flag => Number(execFileSync('id', [flag, 'minqing']).toString()))
      chownSync(folder, uid, gid)
    }
    const system = new System(folder)
    try {
      prepare(folder)
      system.deploy('create', prefix)
      system.deploy('start')
      system.readEnvironment()
    } catch (error) {
      system.stop()
      throw error
    }
    return system
  }

  constructor(folder) {
    this.folder = folder
    this.clients = []
    this.people = {}
    this.moved = 0
    this.children = []
  }

  deploy(command, ...rest) {
    execFileSync(path.join(root, 'deploy/system'), [command, this.folder, ...rest], { stdio: ['ignore', 'ignore', 'inherit'] })
  }

  readEnvironment() {
    const text = execFileSync('bash', ['-c', `set -a; . "${this.folder}/env"; env -0`]).toString()
    this.environment = Object.fromEntries(text.split('\0').filter(Boolean).map(line => {
      const at = line.indexOf('=')
      return [line.slice(0, at), line.slice(at + 1)]
    }))
    const pairs = name => Object.fromEntries(this.secret(name).split('\n').map(line => line.split('\t')))
    this.devices = pairs('devices')
    this.secrets = { ...this.devices, ...pairs('desks') }
  }

  secret(name) {
    return readFileSync(path.join(this.folder, 'secrets', name), 'utf8').trim()
  }

  /** Connects with an account's own password. */
  async connect(account, options = {}) {
    const password = options.password ?? this.secrets[account] ?? this.secret(account)
    const raw = await mqtt.connectAsync(`mqtt://127.0.0.1:${this.environment.MINQING_MQTT_PORT}`, {
      protocolVersion: 5, username: account, clientId: options.clientId ?? `test-${randomUUID()}`, clean: true, reconnectPeriod: 200, ...options,
      password,
    }, false)
    raw.stream.setNoDelay?.(true) // else 40 ms a question: Nagle against delayed ACK
    const client = new Client(raw)
    this.clients.push(client)
    return client
  }

  /** Runs a statement as the owner of the database. */
  async sql(text, ...values) {
    if (!this.pool) {
      const port = Number(/port=(\d+)/.exec(this.environment.MINQING_DATABASE_ADMIN)[1])
      this.pool = new pg.Pool({ host: '127.0.0.1', port, database: 'minqing', user: 'postgres', password: this.secret('postgres'), max: 2 })
      this.pool.on('error', () => {})
    }
    return (await this.pool.query(text, values)).rows
  }

  /** A person of a story, connected once and listening to what concerns them. @returns {Promise<import('./people.mjs').Actor>} */
  desk(account) {
    return this.people[account] ??= connectPerson(this, account)
  }

  /** @returns {Promise<import('./people.mjs').Actor>} */
  operator(account) {
    return this.desk(account)
  }

  /** @returns {Promise<import('./people.mjs').Officer>} */
  officer(account) {
    return this.desk(account)
  }

  /** The time as the database has it: of this machine, and as far as it was moved. */
  now() {
    return new Date(Date.now() + this.moved)
  }

  /** Moves the clock of the whole system: an interval such as '20 minutes', or a time to be. */
  async moveClock(by) {
    const port = Number(/port=(\d+)/.exec(this.environment.MINQING_DATABASE_ADMIN)[1])
    const password = /^127\.0\.0\.1:\*:\*:minqing_test:(.*)$/m.exec(this.secret('pgpass'))[1]
    const client = new pg.Client({ host: '127.0.0.1', port, database: 'minqing', user: 'minqing_test', password })
    await client.connect()
    const moved = by instanceof Date ? '$1::timestamptz - statement_timestamp()' : 'moved + $1::interval'
    const { rows } = await client.query(`update minqing.clock_offset set moved = ${moved} returning extract(epoch from moved) * 1000 as ms`,
      [by instanceof Date ? by.toISOString() : by])
    await client.end()
    this.moved = Number(rows[0].ms)
  }

  /** The clock goes as this machine's again. */
  resetClock() {
    return this.moveClock(new Date())
  }

  /** Resolves when the dispatchers have looked for what is due by now: a timer that means nothing is put there, and is gone. */
  async clockLooks() {
    const [{ id }] = await this.sql(`insert into minqing.timers ("case", chain, step, due_at)
      select c.id, 'resume', 'due', minqing.now() from minqing.cases c where c.state <> 'suspended' limit 1 returning "case" as id`)
    await until(async () => !(await this.sql(`select from minqing.timers where "case" = $1 and chain = 'resume'`, id)).length
      && !(await this.sql('select from minqing.timers where due_at <= minqing.now()')).length, 'nothing is due any more')
  }

  /** The id of the case that a report opened or joined. */
  async caseOf(report) {
    const [row] = await until(async () => {
      const rows = await this.sql('select "case" as id from minqing.case_reports where report = $1', report.id)
      return rows.length && rows
    }, `a case of ${report.text}`)
    return row.id
  }

  /** A case as its row is now, with its parts. */
  async case(id) {
    const [row] = await this.sql(`select c.*, (select jsonb_object_agg(a.department, a.state) from minqing.assignments a where a."case" = c.id) as parts
      from minqing.cases c where c.id = $1`, id)
    return row
  }

  /** What happened to a case, in words, oldest first; without the joining of reports. */
  async history(id) {
    return (await this.sql(`select what from minqing.case_events where ref = $1 and what <> 'joined' order by version, id`, id)).map(e => e.what)
  }

  /** Waits until something has happened to a case for the nth time. */
  happened(id, what, times = 1) {
    return until(async () => (await this.history(id)).filter(w => w === what).length >= times, `${what} in the history of ${id}`)
  }

  /** The history has no gap, and replays to the present state. */
  async assertReplays(id) {
    const [row] = await this.sql(`select minqing.replay_case(c.id) as replayed, minqing.case_snapshot(c) as present from minqing.cases c where c.id = $1`, id)
    if (!isDeepStrictEqual(row.replayed, row.present)) {
      throw new Error(`the history of ${id} replays to ${JSON.stringify(row.replayed)}, not to ${JSON.stringify(row.present)}`)
    }
  }

  /** Whether this system has the read side. */
  get answersQuestions() {
    return existsSync(path.join(this.folder, 'service/query'))
  }

  /** Asks the read side as an account, and returns the result. */
  async ask(account, name, question = {}) {
    const { client } = await this.desk(account)
    const id = randomUUID()
    await client.publish(`minqing/query/${account}/${name}`, JSON.stringify({ id, ...question }),
      { properties: { responseTopic: `minqing/reply/${account}/query` } })
    return json(await client.next(m => m.topic === `minqing/reply/${account}/query` && json(m).id === id, `the result of ${name}`))
  }

  /** One connection of the owner, for what needs a transaction; to be released. */
  async sqlClient() {
    await this.sql('select 1')
    return this.pool.connect()
  }

  /** Runs one of our programs to its end. Never throws for an exit status. */
  run(program, ...args) {
    return new Promise(resolve => {
      execFile(program, args, { env: { ...process.env, ...this.environment }, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
        resolve({ status: error ? error.code ?? -1 : 0, stdout, stderr })
      })
    })
  }

  spawn(program, ...args) {
    return spawn(program, args, { env: { ...process.env, ...this.environment }, stdio: ['ignore', 'pipe', 'inherit'] })
  }

  /** One more instance of a service beside the supervised one; ends with the system at the latest. */
  spawnService(name, instance) {
    const child = spawn(`minqing-${name}`, ['--config', path.join(this.folder, 'minqing.conf')], {
      env: { ...process.env, ...this.environment, [`MINQING_${name.toUpperCase()}_INSTANCE`]: instance }, stdio: ['ignore', 'ignore', 'inherit'],
    })
    this.children.push(child)
    return child
  }

  /** Process id of a supervised service, 0 while it is down. */
  pid(service) {
    try {
      return Number(readFileSync(path.join(this.folder, 'service', service, 'supervise/pid'), 'utf8').trim()) || 0
    } catch {
      return 0
    }
  }

  /** SIGKILL; resolves when the supervisor has started it again. */
  async kill(service) {
    const before = this.pid(service)
    process.kill(before, 'SIGKILL')
    await until(() => this.pid(service) && this.pid(service) !== before, `${service} runs again`)
  }

  /** Whether the broker takes connections. */
  brokerListens() {
    return new Promise(resolve => {
      const socket = net.connect(this.environment.MINQING_MQTT_PORT, '127.0.0.1')
      socket.once('connect', () => { socket.destroy(); resolve(true) }).once('error', () => resolve(false))
    })
  }

  /** Ends a supervised program as its supervisor does, calls `between`, and starts it again; the broker until it listens. */
  async restart(service, between = () => {}) {
    const folder = path.join(this.folder, 'service', service)
    // not synchronously: what it must finish may pass through this process
    await execute('sv', ['-w', '30', 'down', folder])
    await between()
    await execute('sv', ['up', folder])
    if (service === 'mosquitto') await until(() => this.brokerListens(), 'the broker listens again')
  }

  /** @param {() => void} finish what is done once nothing runs any more, before the folder is removed */
  async stop(finish = () => {}) {
    for (const child of this.children) child.kill('SIGTERM')
    await Promise.all(this.clients.map(client => client.end().catch(() => {})))
    if (this.pool) await this.pool.end()
    this.deploy('stop')
    finish()
    const found = this.sanitizerFindings()
    if (process.env.MINQING_TEST_KEEP) console.log(`# kept: ${this.folder}`)
    else rmSync(this.folder, { recursive: true, force: true })
    if (found) throw new Error(`the sanitizers found something:\n${found}`)
  }

  /** Lines of the services' logs in which a sanitizer speaks, "" for none. */
  sanitizerFindings() {
    try {
      return execFileSync('grep', ['-rhE', '-A12', '(ERROR|WARNING): (Address|Leak|Thread)Sanitizer|runtime error:', path.join(this.folder, 'log')]).toString()
    } catch {
      return ''
    }
  }
}

/** A report as a device would write it. */
export function report(text, more = {}) {
  return { id: randomUUID(), observed_at: '2026-11-23T02:10:00+08:00', text, ...more }
}

export const json = message => JSON.parse(message.payload.toString())
