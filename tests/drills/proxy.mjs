// SPDX-License-Identifier: Apache-2.0
// A TCP link that can be cut, reset, half open, slow, and split into single bytes.
import net from 'node:net'

export class Link {
  /** @param {number} target a port of this machine */
  static async to(target) {
    const link = new Link(target)
    link.server = net.createServer({ pauseOnConnect: true }, socket => link.accept(socket))
    await new Promise(resolve => link.server.listen(0, '127.0.0.1', resolve))
    link.port = link.server.address().port
    return link
  }

  constructor(target) {
    this.target = target
    this.pairs = new Set()
    this.mode = 'whole'
    this.delay = 0
    this.visits = 0
  }

  accept(near) {
    this.visits++
    if (this.mode === 'cut') {
      near.destroy()
      return
    }
    const far = net.connect(this.target, '127.0.0.1')
    const pair = { near, far }
    this.pairs.add(pair)
    for (const [from, to, backwards] of [[near, far, false], [far, near, true]]) {
      from.setNoDelay(true)
      from.on('error', () => {})
      from.on('close', () => {
        this.pairs.delete(pair)
        to.destroy()
      })
      from.on('data', bytes => this.pass(from, to, bytes, backwards))
    }
    near.resume()
  }

  pass(from, to, bytes, backwards) {
    if (this.mode === 'half open' || (this.mode === 'mute' && backwards)) return // as if a router had forgotten it
    if (this.mode === 'slow') {
      setTimeout(() => to.writable && to.write(bytes), this.delay)
    } else if (this.mode === 'bytes') {
      for (const byte of bytes) to.write(Buffer.of(byte))
    } else if (!to.write(bytes)) {
      from.pause()
      to.once('drain', () => from.resume())
    }
  }

  /** All connections end, new ones are refused until `mend`. */
  cut() {
    this.mode = 'cut'
    for (const { near, far } of this.pairs) {
      near.destroy()
      far.destroy()
    }
  }

  /** All connections are reset; new ones are welcome. */
  reset() {
    for (const { near, far } of this.pairs) {
      near.resetAndDestroy()
      far.resetAndDestroy()
    }
  }

  /** Nothing passes any more, and nobody is told: neither those connected nor who comes. */
  halfOpen() {
    this.mode = 'half open'
  }

  /** What is asked arrives, the answers do not. */
  mute() {
    this.mode = 'mute'
  }

  /** Everything comes so many milliseconds late. */
  slow(ms) {
    this.mode = 'slow'
    this.delay = ms
  }

  /** Every byte in a packet of its own. */
  bytes() {
    this.mode = 'bytes'
  }

  /** As new; connections that were half open end. */
  mend() {
    const stale = this.mode === 'half open' || this.mode === 'mute'
    this.mode = 'whole'
    if (stale) this.reset()
  }

  close() {
    this.cut()
    this.server.close()
  }
}
