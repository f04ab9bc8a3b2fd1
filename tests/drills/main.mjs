// SPDX-License-Identifier: Apache-2.0
// Runs drills one after the other and prints what the judge found: main.mjs [--long] [--seed N] [--share FOLDER] [NAME…]
import { mkdirSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { judge } from './judge.mjs'
import { World } from './world.mjs'

const folder = path.join(path.dirname(new URL(import.meta.url).pathname), 'drill')
const { values, positionals } = parseArgs({ allowPositionals: true,
  options: { long: { type: 'boolean', default: false }, seed: { type: 'string' }, share: { type: 'string' } } })
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6))
const COLUMNS = ['drill', 'faults', 'sent', 'accepted', 'stored', 'delivered', 'lost', 'doubled', 'gap s', 'memory MiB']

/** Names in alphabetical order, all or those asked for. */
function names() {
  const all = readdirSync(folder).filter(f => f.endsWith('.mjs')).map(f => f.slice(0, -4)).sort()
  const unknown = positionals.filter(n => !all.includes(n))
  if (unknown.length) throw new Error(`no such drill: ${unknown.join(', ')}; there are: ${all.join(', ')}`)
  return positionals.length ? positionals : all
}

/** Several runners side by side, with one folder between them: who first makes a drill's folder in it runs the drill. */
function mine(name) {
  if (!values.share) return true
  try {
    mkdirSync(path.join(values.share, name))
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

/** The world that drills share, and for those that need one of their own another. */
const worlds = new Map()
function worldOf(drill) {
  const key = drill.settings || drill.prepare ? drill : 'shared'
  if (!worlds.has(key)) worlds.set(key, World.open({ seed, long: values.long, settings: drill.settings, prepare: drill.prepare }))
  return worlds.get(key)
}

async function close(drill) {
  const key = drill.settings || drill.prepare ? drill : 'shared'
  const world = worlds.get(key)
  worlds.delete(key)
  await world?.close(drill.finish)
}

function row(name, faults, v) {
  const memory = Object.entries(v.memory).filter(([p]) => ['ingest', 'classifier', 'dispatcher', 'notifier'].includes(p)).map(([, m]) => m).join('/')
  return [name, faults, v.sent, v.accepted, v.stored, v.delivered, v.lost, v.doubled, (v.gap / 1000).toFixed(1), memory].map(String)
}

function table(rows) {
  const all = [COLUMNS, ...rows]
  const widths = COLUMNS.map((_, i) => Math.max(...all.map(r => r[i].length)))
  return all.map(r => r.map((cell, i) => i ? cell.padStart(widths[i]) : cell.padEnd(widths[i])).join('  ')).join('\n')
}

/** One drill: its story, then the judge. Returns what is wrong, and its line of the table. */
async function one(name, drill) {
  try {
    const world = worldOf(drill)
    world.start()
    const own = await drill.run(world) // of a drill that had the judge look by itself
    await world.gather()
    const verdict = own ?? await judge(world, world.patience)
    return { findings: verdict.findings, line: row(name, world.faults, verdict) }
  } catch (error) {
    return { findings: [error.stack], line: null, broken: true }
  }
}

console.log(`# seed ${seed}${values.long ? ', long' : ''}`)
const rows = []
let failed = 0
let count = 0
for (const name of names()) {
  if (!mine(name)) continue
  const drill = await import(path.join(folder, `${name}.mjs`))
  const begun = Date.now()
  const { findings, line, broken } = await one(name, drill)
  if (drill.settings || drill.prepare || broken) await close(drill).catch(error => findings.push(error.message))
  count++
  if (findings.length) failed++
  console.log(`${findings.length ? 'not ok' : 'ok'} ${count} - ${drill.name} (${name}, ${((Date.now() - begun) / 1000).toFixed(0)} s)`)
  for (const finding of findings) console.log(`# ${finding.replaceAll('\n', '\n# ')}`)
  if (line) rows.push(line)
}
for (const world of worlds.values()) {
  await world.close().catch(error => {
    failed++
    console.log(`not ok ${++count} - the world ends well\n# ${error.message}`)
  })
}
console.log(table(rows).replace(/^/gm, '# '))
process.exitCode = failed ? 1 : 0
