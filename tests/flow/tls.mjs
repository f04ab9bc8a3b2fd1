// SPDX-License-Identifier: Apache-2.0
// The broker speaks TLS: services and field clients check its certificate, and talk to no other.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { freePort } from '../harness/port.mjs'
import { json, until } from '../harness/system.mjs'

const SERVICES = ['ingest', 'classifier', 'dispatcher', 'notifier', 'query', 'webhook']

export function stories(system) {
  const file = name => path.join(system.folder, 'tls', name)
  const openssl = (...args) => execFileSync('openssl', args, { stdio: 'ignore' })
  const logOf = service => readFileSync(path.join(system.folder, 'log', service, 'current'), 'utf8')

  /** An authority, and a certificate of it for the broker at 127.0.0.1. */
  function makeCertificates() {
    mkdirSync(path.join(system.folder, 'tls'))
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30']
    for (const authority of ['ours', 'theirs']) openssl('req', '-x509', ...key, '-keyout', file(`${authority}.key`), '-out', file(`${authority}.pem`), '-subj', `/CN=${authority}`)
    openssl('req', ...key.slice(0, 4), '-nodes', '-keyout', file('broker.key'), '-out', file('broker.csr'), '-subj', '/CN=broker')
    writeFileSync(file('names'), 'subjectAltName = IP:127.0.0.1\n')
    openssl('x509', '-req', '-in', file('broker.csr'), '-CA', file('ours.pem'), '-CAkey', file('ours.key'), '-CAcreateserial', '-days', '30', '-extfile', file('names'), '-out', file('broker.pem'))
    const { uid, gid } = statSync(system.folder)
    for (const name of ['ours.pem', 'theirs.pem', 'broker.pem', 'broker.key']) {
      chmodSync(file(name), name.endsWith('.key') ? 0o600 : 0o644)
      if (process.getuid() === 0) chownSync(file(name), uid, gid)
    }
  }

  /** Broker and services with other settings, until `story` has ended. */
  async function withFiles(changes, story) {
    const files = Object.keys(changes).map(name => path.join(system.folder, name))
    const before = files.map(name => readFileSync(name, 'utf8'))
    const restart = async texts => {
      for (const service of SERVICES) await system.restart(service, () => {})
      await system.restart('mosquitto', () => files.forEach((name, i) => writeFileSync(name, texts[i])))
      const sizes = Object.fromEntries(SERVICES.map(s => [s, logOf(s).length]))
      for (const service of SERVICES) await system.restart(service)
      for (const service of SERVICES) await until(() => / ready: /.test(logOf(service).slice(sizes[service])), `${service} is ready`, 30000)
    }
    try {
      await restart(before.map((text, i) => Object.values(changes)[i](text)))
      await story()
    } finally {
      await restart(before)
    }
  }

  test('a report goes from a field client to its department over TLS alone, and who trusts another authority sends nothing', async () => {
    makeCertificates()
    const port = await freePort()
    await withFiles({
      'broker/mosquitto.conf': text => `${text}\nlistener ${port} 127.0.0.1\ncafile ${file('ours.pem')}\ncertfile ${file('broker.pem')}\nkeyfile ${file('broker.key')}\n`,
      'minqing.conf': text => text.replace(/^port = .*$/m, `port = ${port}\nca_file = ${file('ours.pem')}`),
    }, async () => {
      const fire = await (await system.connect('bomei-fire')).subscribe('minqing/department/fire/441581/441581105/case/+')
      const send = (text, authority) => system.run('minqing-field', 'send', text, '--json', '--port', String(port), '--ca-file', file(`${authority}.pem`), '--timeout', '5',
        '--outbox', file(`outbox-${authority}`))
      const sent = await send('竹围村后山松林着火，火势很大', 'ours')
      assert.equal(sent.status, 0, sent.stderr)
      const id = /"id": ?"([0-9a-f-]{36})"/.exec(sent.stdout)[1]
      await fire.next(m => m.payload.length && json(m).reports?.latest.some(r => r.id === id), 'the case at the fire brigade')
      const refused = await send('竹围村路灯不亮', 'theirs')
      assert.notEqual(refused.status, 0)
      assert.match(refused.stdout + refused.stderr, /certificate|证书/)
      assert.equal((await system.sql(`select from minqing.reports where text = '竹围村路灯不亮'`)).length, 0)
    })
  })
}
