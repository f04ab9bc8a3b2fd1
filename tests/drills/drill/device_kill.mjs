// SPDX-License-Identifier: Apache-2.0
// What a device said it kept is kept, whatever happens to it: it is killed, or its disk is full, at one system call after the other while
// it keeps and sends.
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

export const name = 'a device is killed at each system call, or has a full disk'

/** What changes the disk or tells somebody something. */
const calls = ['pwrite64', 'fdatasync', 'fsync', 'ftruncate', 'unlink', 'write', 'openat', 'sendto', 'rename', 'link']

const lines = text => text.split('\n').filter(Boolean).flatMap(line => {
  try {
    return [JSON.parse(line)] // the last one may have been cut off by the kill
  } catch {
    return []
  }
})

class Device {
  constructor(system, account, folder) {
    this.system = system
    this.account = account
    this.folder = folder
    this.boxes = 0
  }

  newBox() {
    this.box = path.join(this.folder, `${++this.boxes}`, 'outbox.db') // its folder is made by the device too
  }

  /** Runs minqing-field, under strace where `inject` names a fault; never throws. */
  run(inject, ...words) {
    const args = ['minqing-field', ...words, '--outbox', this.box, '--json']
    const traced = inject ? ['strace', '-f', '-qq', '-o', path.join(this.folder, 'trace'), ...inject, ...args] : args
    const env = { ...process.env, ...this.system.environment, MINQING_DEVICE_USER: this.account, MINQING_DEVICE_PASSWORD: this.system.devices[this.account],
      ...(inject && { ASAN_OPTIONS: 'detect_leaks=0' }) } // which does not work in a traced process
    return new Promise(resolve => execFile(traced[0], traced.slice(1), { env, timeout: 60000 }, (error, stdout, stderr) => {
      resolve({ status: error ? error.code ?? -1 : 0, killed: error?.signal === 'SIGKILL', stdout, stderr, events: lines(stdout) })
    }))
  }

  /** How often a run of `words` makes each of the calls. */
  async count(...words) {
    const { status, stderr } = await this.run(['-e', `trace=${calls.join(',')}`], ...words)
    assert.equal(status, 0, stderr)
    const text = readFileSync(path.join(this.folder, 'trace'), 'utf8')
    return Object.fromEntries(calls.map(call => [call, text.split('\n').filter(line => line.includes(` ${call}(`)).length]))
  }

  async waiting() {
    const { status, events, stderr } = await this.run(null, 'list')
    assert.equal(status, 0, stderr)
    return events
  }
}

/** The points to kill at: [call, when]; all of them, or so many by chance. */
function points(counts, most, random) {
  const all = Object.entries(counts).flatMap(([call, n]) => Array.from({ length: n }, (_, i) => [call, i + 1]))
  if (all.length <= most) return all
  return Array.from({ length: most }, () => all.splice(Math.floor(random() * all.length), 1)[0])
}

const stored = async (system, text) => (await system.sql('select id::text from minqing.reports where text = $1', text)).map(row => row.id)

/** Killed while it keeps one report and sends it. */
async function killedWhileSending(world, device, most) {
  const { system } = world
  const mark = `巷口电线老化 ${world.seed}`
  device.newBox()
  const where = points(await device.count('send', `${mark} 数一数`, '--timeout', '10'), most, world.random)
  for (const [call, when] of where) {
    const at = `${call}:${when}`
    const text = `${mark} ${at}`
    device.newBox()
    world.faults++
    const { events } = await device.run(['-e', `trace=${call}`, '-e', `inject=${call}:signal=KILL:when=${when}`], 'send', text, '--timeout', '10')
    const kept = events.find(e => e.event === 'kept')?.id
    const left = await device.waiting()
    assert.ok(left.every(e => e.state === 'waiting'), `${at}: ${JSON.stringify(left)}`)
    if (kept) {
      const there = left.some(e => e.id === kept) || (await stored(system, text)).includes(kept)
      assert.ok(there, `${at}: ${kept} was said to be kept and is nowhere`)
    }
    const flushed = await device.run(null, 'flush', '--timeout', '20')
    assert.equal(flushed.status, 0, `${at}: ${flushed.stdout}${flushed.stderr}`)
    assert.deepEqual(await device.waiting(), [], at)
    const ids = await stored(system, text)
    assert.ok(ids.length <= 1, `${at}: stored ${ids.length} times`)
    if (kept) assert.deepEqual(ids, [kept], at)
    rmSync(path.dirname(device.box), { recursive: true })
  }
}

/** Killed again and again while it sends what waits; each start goes on where the last one was killed. */
async function killedWhileFlushing(world, device, rounds) {
  const { system } = world
  const text = `沟渠堵塞 ${world.seed}`
  device.newBox()
  const kept = []
  for (let i = 0; i < 30; i++) {
    const { events } = await device.run(null, 'send', `${text} ${i}`, '-p', '1', '--timeout', '0.1', '--severity', String(1 + i % 4))
    kept.push(events.find(e => e.event === 'kept').id)
  }
  for (let i = 0; i < rounds; i++) {
    const call = ['pwrite64', 'fdatasync', 'write', 'sendto', 'ftruncate'][Math.floor(world.random() * 5)]
    world.faults++
    await device.run(['-e', `trace=${call}`, '-e', `inject=${call}:signal=KILL:when=${1 + Math.floor(world.random() * 40)}`], 'flush', '--timeout', '20')
    const left = new Set((await device.waiting()).map(e => e.id))
    const there = new Set((await system.sql('select id::text from minqing.reports where id = any($1::uuid[])', kept)).map(row => row.id))
    for (const id of kept) assert.ok(left.has(id) || there.has(id), `round ${i}: ${id} is nowhere`)
  }
  const flushed = await device.run(null, 'flush', '--timeout', '20')
  assert.equal(flushed.status, 0, flushed.stdout + flushed.stderr)
  assert.deepEqual(await device.waiting(), [])
  const rows = await system.sql('select id::text, text from minqing.reports where text like $1', `${text} %`)
  assert.deepEqual(rows.map(row => row.id).sort(), [...kept].sort())
}

/** The disk has no room from one write on: what cannot be kept is said so, what was kept before is not touched. */
async function fullDisk(world, device, most) {
  device.newBox()
  const before = await device.run(null, 'send', `盘满之前 ${world.seed}`, '-p', '1', '--timeout', '0.1')
  const kept = before.events.find(e => e.event === 'kept').id
  const count = (await device.count('send', `盘满 ${world.seed}`, '--timeout', '10')).pwrite64
  // the count has sent both: keep one again
  const again = await device.run(null, 'send', `盘满之前又一条 ${world.seed}`, '-p', '1', '--timeout', '0.1')
  const waiting = [again.events.find(e => e.event === 'kept').id]
  assert.ok((await stored(world.system, `盘满之前 ${world.seed}`)).includes(kept))
  for (const [, when] of points({ pwrite64: count }, most, world.random)) {
    world.faults++
    const text = `盘满 ${world.seed} ${when}`
    const { events, status, stderr } = await device.run(['-e', 'trace=pwrite64', '-e', `inject=pwrite64:error=ENOSPC:when=${when}+`], 'send', text,
      '-p', '1', '--timeout', '0.1')
    const said = events.find(e => e.event === 'kept')
    if (said) waiting.push(said.id)
    else {
      assert.notEqual(status, 0)
      assert.match(stderr, /已满|full/, `pwrite64:${when}: ${stderr}`)
    }
    const left = (await device.waiting()).map(e => e.id)
    assert.deepEqual(left.sort(), [...waiting].sort(), `pwrite64:${when}+`)
  }
  const flushed = await device.run(null, 'flush', '--timeout', '20')
  assert.equal(flushed.status, 0, flushed.stdout + flushed.stderr)
}

/** @param {import('../world.mjs').World} world */
export async function run(world) {
  execFileSync('strace', ['-V'], { stdio: 'ignore' })
  const folder = mkdtempSync(path.join(tmpdir(), 'minqing-device-'))
  const device = new Device(world.system, 'bomei-070', folder)
  try {
    await killedWhileSending(world, device, world.long ? 1000 : 40)
    await killedWhileFlushing(world, device, world.long ? 60 : 12)
    await fullDisk(world, device, world.long ? 1000 : 8)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
