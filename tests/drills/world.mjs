// SPDX-License-Identifier: Apache-2.0
// The world of a drill: a whole private system, officers who report, and the means to break things.
import { execFileSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { System, until } from '../harness/system.mjs'
import { Memory } from './memory.mjs'

/** Numbers from 0 to 1 that follow from a seed (mulberry32). */
function generator(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** A fleet of officers that reports through a drill and keeps a history. */
class Load {
  constructor(world, { officers = 20, rate = 60, seconds = 6, port, accounts }) {
    this.world = world
    this.expected = rate * seconds
    this.file = path.join(world.folder, `history-${world.loads.length}`)
    const seed = Math.floor(world.random() * 1e9)
    const more = [...(port ? ['-p', String(port)] : []), ...(accounts ? ['--accounts', accounts] : [])]
    this.child = world.system.spawn('minqing-field', 'simulate', '--officers', String(officers), '--rate', String(rate), '--seconds', String(seconds),
      '--settle', String(world.patience), '--json', '--history', this.file, '--seed', String(seed), ...more)
    this.output = ''
    this.child.stdout.on('data', data => { this.output += data })
    this.ended = new Promise(resolve => this.child.on('close', resolve))
    this.began = new Date()
  }

  /** Resolves when so many more reports than now are stored. */
  async flows(more = 30) {
    const from = await this.stored()
    await until(async () => await this.stored() >= from + more, `${more} more reports are stored`, 120000)
  }

  async stored() {
    try {
      return (await this.world.system.sql('select count(*)::int as n from minqing.reports where received_at >= $1', this.began))[0].n
    } catch {
      return -1 // the database is away
    }
  }

  /** Resolves when all its reports have a receipt and arrived, or its patience is over. */
  async end() {
    await this.ended
    if (!existsSync(this.file)) throw new Error(`the officers never reported: ${this.output}`)
    return readFileSync(this.file, 'utf8').trim().split('\n').map(line => JSON.parse(line))
  }
}

export class World {
  /** @param {{seed: number, long?: boolean, patience?: number, settings?: Record<string, string>, prepare?: (system: System) => void}} options */
  static open(options) {
    return new World(options)
  }

  constructor({ seed, long = false, patience = 120, settings = {}, prepare, prefix = process.env.MINQING_TEST_PREFIX }) {
    this.seed = seed
    this.long = long
    this.patience = patience
    this.random = generator(seed)
    this.folder = mkdtempSync(path.join(tmpdir(), 'minqing-drill-'))
    // shorter than in use, so that a drill of what only they notice takes seconds
    const environment = { MINQING_DRILL_FOLDER: this.folder, MINQING_MQTT_KEEP_ALIVE: '4s', MINQING_MQTT_ANSWER_TIMEOUT: '4s',
      MINQING_DATABASE_STATEMENT_TIMEOUT: '6s', MINQING_DATABASE_ANSWER_TIMEOUT: '2s',
      ASAN_OPTIONS: 'quarantine_size_mb=16:verify_asan_link_order=0',
      TSAN_OPTIONS: `suppressions=${fileURLToPath(new URL('tsan.suppressions', import.meta.url))}`, ...settings }
    this.environment = { ...process.env }
    Object.assign(process.env, environment)
    this.system = System.start(prefix, prepare)
    Object.assign(this.system.environment, environment)
    this.owner = ['-u', '-g'].map(flag => Number(execFileSync('stat', ['-c', flag === '-u' ? '%u' : '%g', this.system.folder]).toString()))
    if (process.getuid() === 0) chownSync(this.folder, ...this.owner)
    this.memory = new Memory(this.system, /__asan_init|__tsan_init/.test(execFileSync('bash', ['-c',
      `grep -aoE '__(a|t)san_init' "${prefix}/bin/minqing-ingest" | head -1`]).toString()))
    this.start()
  }

  /** A new drill begins in the same world. */
  start() {
    this.began = new Date()
    this.faults = 0
    /** @type {import('./judge.mjs').Entry[]} */
    this.history = []
    this.loads = []
    this.memory.peaks = {}
  }

  /** A number from `least` to `most`, from the seed. */
  between(least, most) {
    return least + Math.floor(this.random() * (most - least + 1))
  }

  pick(list) {
    return list[this.between(0, list.length - 1)]
  }

  load(options = {}) {
    const load = new Load(this, options)
    this.loads.push(load)
    return load
  }

  /** Waits for all loads and takes over their histories. */
  async gather() {
    for (const load of this.loads) this.history.push(...await load.end())
    this.loads = []
  }

  /** SIGKILL of a supervised program; resolves when it runs again. */
  async kill(service) {
    this.faults++
    await until(() => this.system.pid(service), `${service} runs`)
    await this.system.kill(service)
  }

  signal(service, signal) {
    this.faults++
    process.kill(this.system.pid(service), signal)
  }

  /** Lets the next process of a program that passes a numbered point (common/drill.h) end there; resolves when one did. */
  async killAt(program, point) {
    this.faults++
    const file = path.join(this.folder, `${program}.${point}`)
    writeFileSync(file, '')
    if (process.getuid() === 0) chownSync(file, ...this.owner)
    await until(() => !existsSync(file), `${program} passes point ${point}`, 30000)
  }

  /** Takes a defence out while `story` is told. */
  async without(defence, story) {
    const file = path.join(this.folder, `without.${defence}`)
    writeFileSync(file, '')
    try {
      return await story()
    } finally {
      rmSync(file)
    }
  }

  /** Sends the services through other ports while `story` is told: {broker, database}. */
  async through(ports, story) {
    const file = path.join(this.system.folder, 'minqing.conf')
    const before = readFileSync(file, 'utf8')
    let text = before
    if (ports.broker) text = text.replace(/^port = \d+$/m, `port = ${ports.broker}`)
    if (ports.database) text = text.replace(/(host=127\.0\.0\.1 port=)\d+/g, `$1${ports.database}`)
    const services = ['ingest', 'classifier', 'dispatcher', 'notifier']
    const restart = () => Promise.all(services.map(name => this.system.restart(name)))
    writeFileSync(file, text)
    await restart()
    try {
      return await story()
    } finally {
      writeFileSync(file, before)
      await restart()
    }
  }

  /** Two system ports: of the broker, of the database. */
  get ports() {
    return { broker: Number(this.system.environment.MINQING_MQTT_PORT),
      database: Number(/port=(\d+)/.exec(this.system.environment.MINQING_DATABASE_ADMIN)[1]) }
  }

  /** @param {() => void} finish what is undone of `prepare`, once nothing runs any more */
  async close(finish = () => {}) {
    this.memory.stop()
    for (const load of this.loads) load.child.kill('SIGKILL') // of a drill that failed
    await this.system.stop(finish)
    rmSync(this.folder, { recursive: true, force: true })
    process.env = this.environment
  }
}
