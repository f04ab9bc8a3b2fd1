// SPDX-License-Identifier: Apache-2.0
// A device that publishes reports as fast as it is told to, and never waits for anything.
import { randomBytes, randomUUID } from 'node:crypto'

export class Flood {
  /** @param {import('../harness/system.mjs').System} system @param {string} account @param {number} rate messages a second */
  static async start(system, account, rate) {
    const flood = new Flood()
    flood.client = await system.connect(account)
    await flood.client.subscribe(`minqing/field/${account}/receipt`)
    flood.sent = 0
    const begun = Date.now()
    flood.timer = setInterval(() => {
      const due = Math.floor((Date.now() - begun) * rate / 1000)
      for (; flood.sent < due; flood.sent++) {
        const id = randomUUID()
        flood.client.raw.publish(`minqing/field/${account}/report`,
          JSON.stringify({ id, observed_at: '2026-11-23T02:10:00+08:00', text: `洪水 ${randomBytes(200).toString('hex')}` }))
      }
    }, 5)
    return flood
  }

  /** How many of its messages were answered with "later". */
  get later() {
    return this.client.messages.filter(m => JSON.parse(m.payload.toString()).status === 'later').length
  }

  async stop() {
    clearInterval(this.timer)
    await this.client.end()
  }
}
