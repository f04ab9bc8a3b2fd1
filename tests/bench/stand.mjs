// SPDX-License-Identifier: Apache-2.0
// What the measurements stand on: a private system of the real programs, accounts for all who take part, and a second broker with the same
// settings and rights on which the others of the comparison may do what minqing's services do.
import { execFileSync, spawn } from 'node:child_process'
import { appendFileSync, chownSync, copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import net from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../harness/port.mjs'
import { root, System, until } from '../harness/system.mjs'
import { cpuOfAll, cpuOfLiving, difference, memoryOf } from './processes.mjs'

export const here = path.dirname(fileURLToPath(import.meta.url))
export const services = ['ingest', 'classifier', 'dispatcher', 'notifier', 'query', 'webhook']
export const DEVICES = 2000

export class Stand {
  /** Makes and starts everything. */
  static async make(prefix) {
    const stand = new Stand(System.start(prefix))
    try {
      await stand.addAccounts()
      await stand.addPeerBroker()
      for (const name of ['profile', 'stock', 'bound', 'peer/tables']) await stand.system.sql(stand.text(`${name}.sql`))
      await stand.system.sql(`insert into bench.villages select left(code, 9), code, st_centroid(polygon) from minqing.areas
        where level = 'village' and polygon is not null`)
    } catch (error) {
      await stand.stop()
      throw error
    }
    return stand
  }

  constructor(system) {
    this.system = system
    this.broker = null // of the peers
    this.owner = statSync(system.folder)
  }

  text(name) {
    return readFileSync(path.join(here, name), 'utf8')
  }

  file(name) {
    return path.join(this.system.folder, name)
  }

  /** Runs a program as whoever owns the system. */
  spawnAsOwner(command, args, options) {
    const drop = process.getuid() === 0 ? { uid: this.owner.uid, gid: this.owner.gid } : {}
    return spawn(command, args, { cwd: '/', ...drop, ...options })
  }

  give(file) {
    if (process.getuid() === 0) chownSync(file, this.owner.uid, this.owner.gid)
  }

  /** Devices beside the 84 of Bomei, and two operators of the county, by the way on which real ones come. */
  async addAccounts() {
    const { system } = this
    const villages = await system.sql(`select code from minqing.areas where level = 'village' order by code`)
    const more = DEVICES - Object.keys(system.devices).length
    const lines = ['account\trole\tname\tarea\tdepartment\tunit']
    for (let i = 1; i <= more; i++) lines.push(`bench-${String(i).padStart(4, '0')}\tdevice\t网格员${i}\t${villages[i % villages.length].code}001\t-\t-`)
    for (let i = 1; i <= 2; i++) lines.push(`bench-command-${i}\toperator\t县指挥中心${i}\t441581\t-\t-`)
    writeFileSync(this.file('more.tsv'), `${lines.join('\n')}\n`)
    const result = await system.run('minqing', 'account', 'import', this.file('more.tsv'), '--secrets-file', this.file('secrets/more'))
    if (result.status !== 0) throw new Error(`minqing account import: ${result.stderr}`)
    this.give(this.file('broker/passwords'))
    this.give(this.file('broker/acl'))
    this.peers = [1, 2].map(i => ({ account: `bench-peer-${i}`, password: randomBytes(12).toString('hex') }))
    const secrets = system.secret('more').split('\n').map(line => line.split('\t'))
    const people = [
      ...Object.entries(system.devices).map(pair => ['device', ...pair]),
      ...secrets.map(pair => [pair[0].startsWith('bench-command') ? 'operator' : 'device', ...pair]),
      ...this.peers.map(peer => ['peer', peer.account, peer.password]),
    ]
    writeFileSync(this.file('people.tsv'), people.map(p => p.join('\t')).join('\n') + '\n', { mode: 0o600 })
  }

  async addPeerBroker() {
    const folder = this.file('peer-broker')
    mkdirSync(folder, { mode: 0o700 })
    for (const name of ['passwords', 'acl']) copyFileSync(this.file(`broker/${name}`), path.join(folder, name))
    for (const { account, password } of this.peers) {
      execFileSync('mosquitto_passwd', ['-b', path.join(folder, 'passwords'), account, password], { stdio: 'ignore' })
      appendFileSync(path.join(folder, 'acl'), `\nuser ${account}\ntopic readwrite minqing/#\n`)
    }
    this.peerPort = await freePort()
    const settings = readFileSync(this.file('broker/mosquitto.conf'), 'utf8')
      .replaceAll(`${this.system.folder}/broker`, folder)
      .replace(/^listener .*$/m, `listener ${this.peerPort} 127.0.0.1`)
      .replace(/^pid_file .*\n/m, '')
    writeFileSync(path.join(folder, 'mosquitto.conf'), settings)
    for (const name of ['', 'passwords', 'acl', 'mosquitto.conf']) this.give(path.join(folder, name))
  }

  /** For clients that speak PostgreSQL. */
  get databaseUrl() {
    const port = /port=(\d+)/.exec(this.system.environment.MINQING_DATABASE_ADMIN)[1]
    return `postgres://postgres:${this.system.secret('postgres')}@127.0.0.1:${port}/minqing`
  }

  get minqingPort() {
    return Number(this.system.environment.MINQING_MQTT_PORT)
  }

  /** Services and broker of minqing down, the others' broker too. */
  async quiet() {
    for (const name of [...services, 'mosquitto']) execFileSync('sv', ['-w', '30', 'down', this.file(`service/${name}`)], { stdio: 'ignore' })
    if (this.broker) {
      const gone = new Promise(resolve => this.broker.once('exit', resolve))
      this.broker.kill('SIGTERM')
      await gone
      this.broker = null
    }
  }

  /** Nothing stored, nothing retained, and the disk at rest: every round begins with this. `keep`: what is stored stays. */
  async clear(keep = false) {
    await this.quiet()
    for (const folder of ['broker', 'peer-broker']) rmSync(this.file(`${folder}/mosquitto.db`), { force: true })
    if (!keep) await this.system.sql('select bench.clear()')
    await this.system.sql('checkpoint')
  }

  /** Starts minqing on what clear left. */
  async startMinqing() {
    for (const name of ['mosquitto', ...services]) execFileSync('sv', ['up', this.file(`service/${name}`)], { stdio: 'ignore' })
    await until(async () => (await this.system.run('minqing', 'status', '--json')).status === 0, 'minqing is up', 60000)
  }

  /** Starts the broker of the others. */
  async startPeerBroker() {
    this.broker = this.spawnAsOwner('/usr/sbin/mosquitto', ['-c', this.file('peer-broker/mosquitto.conf')], { stdio: 'ignore' })
    await until(() => new Promise(resolve => {
      const socket = net.connect(this.peerPort, '127.0.0.1', () => resolve(socket.destroy() && true))
      socket.once('error', () => resolve(false))
    }), 'the broker of the others is up')
  }

  get postgresql() {
    return { pid: Number(readFileSync(this.file('database/postmaster.pid'), 'utf8').split('\n')[0]), family: true }
  }

  /** What takes part when minqing runs. */
  minqingProcesses() {
    const all = { broker: { pid: this.system.pid('mosquitto') }, postgresql: this.postgresql }
    for (const name of services) all[name] = { pid: this.system.pid(name) }
    return all
  }

  /** PostgreSQL's processes by whom they serve: in `postgresql` already, here to see whose work it is. */
  async backends() {
    const rows = await this.system.sql(`select array_agg(pid) as pids, replace(usename, 'minqing_', '') as name from pg_stat_activity
      where backend_type = 'client backend' and usename like 'minqing_%' group by usename`)
    return Object.fromEntries(rows.map(r => [r.name, r.pids]))
  }

  /** Bytes: of the database, of all log of changes written so far. */
  async disk() {
    const [row] = await this.system.sql(`select pg_database_size(current_database())::float8 as database, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as log`)
    return row
  }

  /**
   * Runs the load generator once. Out: what it measured; CPU microseconds a report by process in the measured time (its own as `load`);
   * memory at its end.
   */
  async load({ port, processes, devices = 84, rate = 0, warm = 2, measure = 10, drain = 20, most, backlog = 4096, seed = 1 }) {
    const reference = path.join(root, 'schemas/reference')
    most ??= Math.ceil((rate ? rate * 1.2 : 25000) * (warm + measure)) + 1000
    const child = spawn(process.env.MINQING_BENCH_LOAD, ['--port', port, '--accounts', this.file('people.tsv'), '--areas', `${reference}/areas.tsv`,
      '--towns', `${reference}/towns.tsv`, '--devices', devices, '--rate', rate, '--warm', warm, '--measure', measure, '--drain', drain, '--most', most,
      '--backlog', backlog, '--seed', seed].map(String), { stdio: ['ignore', 'pipe', 'inherit'] })
    const all = { ...processes, load: { pid: child.pid } }
    const backends = await this.backends()
    const serving = () => Object.fromEntries(Object.entries(backends).map(([name, pids]) => [name, cpuOfLiving(pids)]))
    let before, cpu, served, memory, last = ''
    const output = []
    child.stdout.setEncoding('utf8').on('data', text => {
      const lines = (last + text).split('\n')
      last = lines.pop()
      for (const line of lines) {
        if (line === 'begin') before = [cpuOfAll(all), serving()]
        else if (line === 'end') {
          cpu = difference(cpuOfAll(all), before[0])
          served = difference(serving(), before[1])
          memory = Object.fromEntries(Object.entries(all).map(([name, p]) => [name, memoryOf(p.pid, p.family)]))
        } else output.push(line)
      }
    })
    const status = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
    if (status !== 0) throw new Error(`the load generator ended with ${status}`)
    const result = JSON.parse(output.at(-1))
    if (result.exhausted) throw new Error('not enough reports were made beforehand: the measurement is no good')
    const reports = Math.max(result.at_end.out - result.at_begin.out, 1)
    const each = times => Object.fromEntries(Object.entries(times).map(([name, us]) => [name, us / reports]))
    return { ...result, cpu_us: each(cpu), backend_us: each(served), memory_kib: memory }
  }

  /** Lets go of it: minqing runs on, with what the last measurement left. */
  async leave() {
    await this.quiet()
    await this.startMinqing()
    await this.system.pool.end()
  }

  async stop() {
    if (this.broker) this.broker.kill('SIGTERM')
    await this.system.stop()
  }
}
