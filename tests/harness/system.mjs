// SPDX-License-Identifier: Apache-2.0
// A whole private system for tests: real broker, real database, real services, made by deploy/system in a folder of its own.
import { execFile, execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chownSync, mkdtempSync, readFileSync, rmSync, chmodSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import mqtt from 'mqtt'
import pg from 'pg'

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
  /** Makes and starts a system. @param {string} prefix where the programs are installed */
  static start(prefix = process.env.MINQING_TEST_PREFIX) {
    const folder = mkdtempSync(path.join(tmpdir(), 'minqing-test-'))
    chmodSync(folder, 0o711)
    if (process.getuid() === 0) {
      const [uid, gid] = ['-u', '-g'].map(flag => Number(execFileSync('id', [flag, 'minqing']).toString()))
      chownSync(folder, uid, gid)
    }
    const system = new System(folder)
    try {
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
    this.devices = Object.fromEntries(this.secret('devices').trim().split('\n').map(line => line.split('\t')))
  }

  secret(name) {
    return readFileSync(path.join(this.folder, 'secrets', name), 'utf8').trim()
  }

  /** Connects with an account's own password. */
  async connect(account, options = {}) {
    const password = options.password ?? this.devices[account] ?? this.secret(account)
    const raw = await mqtt.connectAsync(`mqtt://127.0.0.1:${this.environment.MINQING_MQTT_PORT}`, {
      protocolVersion: 5, username: account, clientId: options.clientId ?? `test-${randomUUID()}`, clean: true, reconnectPeriod: 200, ...options,
      password,
    }, false)
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

  /** Ends a supervised program as its supervisor does, calls `between`, and starts it again. */
  async restart(service, between = () => {}) {
    const folder = path.join(this.folder, 'service', service)
    execFileSync('sv', ['-w', '30', 'down', folder], { stdio: 'ignore' })
    await between()
    execFileSync('sv', ['up', folder], { stdio: 'ignore' })
  }

  async stop() {
    for (const child of this.children) child.kill('SIGTERM')
    await Promise.all(this.clients.map(client => client.end().catch(() => {})))
    if (this.pool) await this.pool.end()
    this.deploy('stop')
    const found = this.sanitizerFindings()
    if (process.env.MINQING_TEST_KEEP) console.log(`# kept: ${this.folder}`)
    else rmSync(this.folder, { recursive: true, force: true })
    if (found) throw new Error(`the sanitizers found something:\n${found}`)
  }

  /** Lines of the services' logs in which a sanitizer speaks, "" for none. */
  sanitizerFindings() {
    try {
      return execFileSync('grep', ['-rhE', '-A12', 'ERROR: (Address|Leak)Sanitizer|runtime error:', path.join(this.folder, 'log')]).toString()
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
