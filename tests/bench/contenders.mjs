// SPDX-License-Identifier: Apache-2.0
// Who is compared: each can be started on an empty stand, and says which broker it uses and which processes it is made of.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { here } from './stand.mjs'

/**
 * @typedef {object} Contender
 * @property {string} name
 * @property {string} title
 * @property {(stand: import('./stand.mjs').Stand) => Promise<{port: number, processes: Record<string, {pid: number, family?: boolean}>, stop: () => Promise<void>}>} start
 */

/** Starts a program and resolves when it has printed "ready". */
function startProgram(stand, command, args, environment = {}) {
  const child = spawn(command, args.map(String), { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise(resolve => child.once('error', resolve).once('close', resolve))
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
  }
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout.setEncoding('utf8').on('data', more => {
      text += more
      if (text.includes('ready\n')) resolve({ child, stop })
    })
    ended.then(status => reject(new Error(`${path.basename(command)} ended with ${status} before it was ready`)))
  })
}

async function startPeer(stand, mode) {
  await stand.system.sql('select peer.clear()')
  await stand.startPeerBroker()
  const [{ account, password }] = stand.peers
  const { child, stop } = await startProgram(stand, process.execPath, [path.join(here, 'peer/peer.mjs'), mode], {
    PEER_BROKER: `mqtt://127.0.0.1:${stand.peerPort}`, PEER_USER: account, PEER_PASSWORD: password, PEER_DATABASE: stand.databaseUrl,
  })
  return {
    port: stand.peerPort, stop,
    processes: { broker: { pid: stand.broker.pid }, postgresql: stand.postgresql, service: { pid: child.pid } },
  }
}

/** @type {Record<string, Contender>} */
export const contenders = {
  minqing: {
    name: 'minqing', title: 'minqing',
    async start(stand) {
      await stand.startMinqing()
      return { port: stand.minqingPort, processes: stand.minqingProcesses(), stop: async () => {} }
    },
  },
  bound: {
    name: 'bound', title: 'broker and clients alone',
    async start(stand) {
      await stand.startPeerBroker()
      const { child, stop } = await startProgram(stand, process.env.MINQING_BENCH_LOAD,
        ['--port', stand.peerPort, '--accounts', stand.file('people.tsv'), '--replay', stand.file('profile.tsv'), '--measure', 3600])
      return {
        port: stand.peerPort, stop,
        processes: { broker: { pid: stand.broker.pid }, postgresql: stand.postgresql, service: { pid: child.pid } },
      }
    },
  },
  careful: { name: 'peer_careful', title: 'Node.js, batches of 200', start: stand => startPeer(stand, 'careful') },
  usual: { name: 'peer_usual', title: 'Node.js, a transaction a report', start: stand => startPeer(stand, 'usual') },
}

/** Writes what minqing was seen to send, from the tables of a run, for the bound. Out: how many messages and bytes a report. */
export async function writeProfile(stand) {
  const rows = await stand.system.sql('select * from bench.profile()')
  writeFileSync(stand.file('profile.tsv'), rows.map(r => `${r.report} ${r.what} ${r.town} ${r.department} ${r.bytes}\n`).join(''))
  const reports = Number(rows.at(-1).report)
  const of = what => rows.filter(r => r.what === what)
  return Object.fromEntries(['case', 'restricted', 'review', 'status', 'stream'].map(what => [what, {
    a_report: of(what).length / reports, bytes: Math.round(of(what).reduce((sum, r) => sum + r.bytes, 0) / Math.max(of(what).length, 1)),
  }]))
}
