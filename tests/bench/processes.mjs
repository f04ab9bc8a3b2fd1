// SPDX-License-Identifier: Apache-2.0
// What processes cost, from /proc.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const TICKS = Number(execFileSync('getconf', ['CLK_TCK']).toString())

const fields = pid => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ').map(Number) // from the third field on
}

const own = stat => (stat[11] + stat[12]) * 1e6 / TICKS
const ended = stat => (stat[13] + stat[14]) * 1e6 / TICKS

/** Children, as the kernel has them now. @param {number} pid */
export function childrenOf(pid) {
  const all = []
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      if (fields(name)[1] === pid) all.push(Number(name))
    } catch { /* ended meanwhile */ }
  }
  return all
}

/**
 * CPU microseconds so far; with `family`, also of its children, those that have ended included.
 * @param {number} pid
 * @param {boolean} family
 */
export function cpuOf(pid, family = false) {
  const stat = fields(pid)
  let sum = own(stat)
  if (family) {
    sum += ended(stat)
    for (const child of childrenOf(pid)) {
      try {
        sum += own(fields(child))
      } catch { /* ended meanwhile: counted with its parent next time */ }
    }
  }
  return sum
}

/** Memory in KiB: anonymous now, most at any time, and a fair share of what is shared (null without the right to read it). */
export function memoryOf(pid, family = false) {
  const sum = { anonymous: 0, peak: 0, share: 0 }
  for (const one of family ? [pid, ...childrenOf(pid)] : [pid]) {
    try {
      const status = readFileSync(`/proc/${one}/status`, 'utf8')
      const of = name => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
      sum.anonymous += of('RssAnon')
      sum.peak += of('VmHWM')
      sum.share += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${one}/smaps_rollup`, 'utf8'))?.[1] ?? 0)
    } catch { /* ended meanwhile */ }
  }
  return sum
}

/** CPU microseconds of those of several processes that are still there. @param {number[]} pids */
export function cpuOfLiving(pids) {
  return pids.reduce((sum, pid) => {
    try {
      return sum + cpuOf(pid)
    } catch {
      return sum
    }
  }, 0)
}

/**
 * CPU of several processes at one moment, to be taken from each other.
 * @param {Record<string, {pid: number, family?: boolean}>} processes
 * @returns {Record<string, number>}
 */
export function cpuOfAll(processes) {
  return Object.fromEntries(Object.entries(processes).map(([name, p]) => [name, cpuOf(p.pid, p.family)]))
}

export const difference = (after, before) => Object.fromEntries(Object.keys(after).map(name => [name, after[name] - (before[name] ?? 0)]))
