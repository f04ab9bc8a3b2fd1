// SPDX-License-Identifier: Apache-2.0
// A port for a server that a test starts itself.
import net from 'node:net'

/** A port of this machine on which nobody listens now. @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
