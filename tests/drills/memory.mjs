// SPDX-License-Identifier: Apache-2.0
// The memory of the services while a drill lasts.
import { readFileSync } from 'node:fs'

const SERVICES = ['ingest', 'classifier', 'dispatcher', 'notifier', 'query', 'webhook']

/** Anonymous memory of a process in MiB, 0 when it is gone. */
function anonymous(pid) {
  try {
    return Math.round(Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024)
  } catch {
    return 0
  }
}

export class Memory {
  /** @param {import('../harness/system.mjs').System} system */
  constructor(system, sanitized) {
    this.system = system
    this.sanitized = sanitized
    /** @type {Record<string, number>} */
    this.peaks = {}
    this.timer = setInterval(() => this.look(), 200)
    this.timer.unref()
  }

  look() {
    for (const name of [...SERVICES, 'mosquitto']) this.note(name, this.system.pid(name))
    for (const child of this.system.children) this.note(child.spawnargs[0].replace('minqing-', ''), child.pid)
  }

  note(name, pid) {
    const mib = pid ? anonymous(pid) : 0
    if (mib > (this.peaks[name] ?? 0)) this.peaks[name] = mib
  }

  /** Most MiB that a program may use: a service 32, of which a sanitizer needs a multiple; a broker its queue and what is live. */
  limit(name) {
    if (name === 'mosquitto') return 768
    return this.sanitized ? 512 : 32
  }

  stop() {
    clearInterval(this.timer)
  }
}
