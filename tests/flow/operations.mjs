// SPDX-License-Identifier: Apache-2.0
// Who is on call at night: status says what is behind and why, the doctor names what is broken and what to do. Each fault is made, named,
// mended, and gone.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { appendFileSync, chmodSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import pg from 'pg'
import { flood } from '../harness/flood.mjs'
import { json, report, root, until } from '../harness/system.mjs'

const lock = '30796695531515495'

export function stories(system) {
  const file = name => path.join(system.folder, name)

  /** Runs the doctor; its findings by check. */
  async function doctor(...words) {
    const { status, stdout, stderr } = await system.run('env', ...words.filter(w => /^[A-Z_]+=/.test(w)), 'minqing', 'doctor', '--json',
      ...words.filter(w => !/^[A-Z_]+=/.test(w)))
    const findings = stdout.trim().split('\n').map(line => JSON.parse(line))
    return { status, stderr, findings, faults: findings.filter(f => f.outcome === 'fault') }
  }

  /** The fault of a check, once the doctor sees it. */
  const sees = (check, says, ...words) => until(async () => {
    const seen = await doctor(...words)
    const fault = seen.faults.find(f => f.check === check && says.test(f.found))
    return fault && { ...seen, fault }
  }, `the doctor names ${check}: ${says}`, 30000)

  const wellAgain = (check, ...words) => until(async () => !(await doctor(...words)).faults.some(f => f.check === check), `${check} is good again`, 30000)

  const status = async () => {
    const ended = await system.run('minqing', 'status', '--json')
    return { exit: ended.status, ...JSON.parse(ended.stdout) }
  }

  /** A settings file that differs: `change` gets the text and gives another. */
  function otherSettings(change) {
    const other = file('other.conf')
    writeFileSync(other, change(readFileSync(file('minqing.conf'), 'utf8')), { mode: 0o600 })
    return ['--config', other]
  }

  const sv = (verb, service) => execFileSync('sv', ['-w', '30', verb, file(`service/${service}`)], { stdio: 'ignore' })
  const sql = (...words) => system.sql(...words)

  test('a healthy system: every check is good, status is good, and says so in words', async () => {
    await system.resetClock()
    await until(async () => (await doctor()).status === 0, 'a healthy system is good in every line', 40000)
      .catch(async error => { throw new Error(`${error.message}: ${JSON.stringify((await doctor()).faults)}`) })
    const seen = await doctor()
    assert.deepEqual(seen.faults, [])
    for (const check of ['settings', 'secrets', 'seal_key', 'model', 'certificates', 'broker', 'broker_settings', 'access_list', 'accounts', 'round_trip', 'database',
      'db_version', 'db_postgis', 'db_encoding', 'db_durable', 'db_schema', 'db_reference', 'db_roles', 'db_sessions', 'db_transactions', 'db_locks', 'db_replication',
      'clock', 'clock_moved', 'disk', 'service', 'backlog', 'deadlines', 'lock', 'webhooks']) {
      assert.ok(seen.findings.some(f => f.check === check && f.outcome === 'good'), `${check} is looked at and good`)
    }
    const text = await system.run('minqing', 'doctor')
    assert.equal(text.status, 0)
    assert.match(text.stdout, /✓ 正常 good +数据库 database/)
    assert.doesNotMatch(text.stdout, /\x1b/)
    const now = await status()
    assert.equal(now.exit, 0)
    assert.equal(now.well, true)
    assert.match((await system.run('minqing', 'status')).stdout, /^一切正常 all is well/)
  })

  const faults = [
    { what: 'an unknown key in the settings', check: 'settings', says: /ingest: .*has no key wtchdog/,
      words: () => otherSettings(text => text.replace('[ingest]', '[ingest]\nwtchdog = 3s')) },
    { what: 'a section that no program has', check: 'settings', says: /\[ingst\]/, words: () => otherSettings(text => text + '\n[ingst]\ninstance = 2\n') },
    { what: 'a value out of its bounds', check: 'settings', says: /query: .*keep_alive/, words: () => otherSettings(text => text.replace('[mqtt]', '[mqtt]\nkeep_alive = 1ms')) },
    { what: 'a key file that others can read', check: 'secrets', says: /seal\.key.*644/, make: () => chmodSync(file('secrets/seal.key'), 0o644),
      mend: () => chmodSync(file('secrets/seal.key'), 0o600) },
    { what: 'a missing password file', check: 'secrets', says: /nowhere/, words: () => otherSettings(text => text.replace(/password_file = .*\/ingest/, 'password_file = /nowhere/ingest')) },
    { what: 'a key file that is not the one that sealed', check: 'seal_key', says: /cannot open what key/,
      words: () => otherSettings(text => text.replaceAll('seal.key', 'webhook.key')) },
    { what: 'a missing model', check: 'model', says: /nowhere/, words: () => otherSettings(text => text.replace(/^model = .*$/m, 'model = /nowhere/model')) },
    { what: 'a certificate that ends soon', check: 'certificates', says: /certificate\.pem.*days left/,
      make: () => execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('key.pem'), '-out', file('certificate.pem'),
        '-days', '5', '-subj', '/CN=broker'], { stdio: 'ignore' }),
      words: () => otherSettings(text => text.replace('[mqtt]', `[mqtt]\nca_file = ${file('certificate.pem')}`)) },
    { what: 'no TLS to a broker elsewhere', check: 'certificates', says: /broker\.example/,
      words: () => otherSettings(text => text.replace('host = 127.0.0.1\n', 'host = broker.example\n')) },
    { what: 'account files that are not what the table says', check: 'accounts', says: /broker\/acl/, make: () => appendFileSync(file('broker/acl'), '# by hand\n'),
      mend: () => system.run('minqing', 'account', 'sync') },
    { what: 'an access list that lets everything through', check: 'access_list', says: /was taken/,
      make: () => {
        appendFileSync(file('broker/acl'), '\nuser bomei-command\ntopic readwrite #\n')
        process.kill(system.pid('mosquitto'), 'SIGHUP')
      },
      mend: () => system.run('minqing', 'account', 'sync') },
    { what: 'a broker that keeps nothing', check: 'broker_settings', says: /persistence/,
      make: () => writeFileSync(file('broker/mosquitto.conf'), readFileSync(file('broker/mosquitto.conf'), 'utf8').replace('persistence true', 'persistence false')),
      mend: () => writeFileSync(file('broker/mosquitto.conf'), readFileSync(file('broker/mosquitto.conf'), 'utf8').replace('persistence false', 'persistence true')) },
    { what: 'a database whose commits promise nothing', check: 'db_durable', says: /full_page_writes = off/,
      make: () => sql('alter system set full_page_writes = off').then(() => sql('select pg_reload_conf()')),
      mend: () => sql('alter system reset full_page_writes').then(() => sql('select pg_reload_conf()')) },
    { what: 'a service whose role waives durability', check: 'db_durable', says: /minqing_ingest: synchronous_commit/,
      make: () => sql('alter role minqing_ingest set synchronous_commit = off'), mend: () => sql('alter role minqing_ingest reset synchronous_commit') },
    { what: 'an extension that is gone', check: 'db_postgis', says: /not installed/,
      make: () => sql(`update pg_extension set extname = 'postgone' where extname = 'postgis'`), mend: () => sql(`update pg_extension set extname = 'postgis' where extname = 'postgone'`) },
    { what: 'a schema that is not this program\'s', check: 'db_schema', says: /^999/,
      make: () => sql(`insert into minqing.schema_migrations select 999, '0999_later', sha256, now() from minqing.schema_migrations where number = 1`),
      mend: () => sql('delete from minqing.schema_migrations where number = 999') },
    { what: 'reference data that were not loaded', check: 'db_reference', says: /kinds: 1\//,
      make: () => sql(`update minqing.kinds set name_zh = name_zh || '?' where code = 'fire_safety.hill_fire'`),
      mend: () => system.run('minqing', 'migrate') },
    { what: 'a role that may do too much', check: 'db_roles', says: /minqing_classifier: may DELETE reports/,
      make: () => sql('grant delete on minqing.reports to minqing_classifier'), mend: () => sql('revoke delete on minqing.reports from minqing_classifier') },
    { what: 'a role that may do everything', check: 'db_roles', says: /minqing_query: bypassrls/,
      make: () => sql('alter role minqing_query bypassrls'), mend: () => sql('alter role minqing_query nobypassrls') },
    { what: 'a clock that was moved', check: 'clock_moved', says: /59:59|01:00/, make: () => system.moveClock('1 hour'), mend: () => system.resetClock() },
    { what: 'clocks that differ', check: 'clock', says: /differ/, words: () => ['--clock', '0'] },
    { what: 'a full disk', check: 'disk', says: /database .*free/, words: () => ['--disk-free', '101'] },
    { what: 'a webhook that does not answer', check: 'webhooks', says: /night-away away/,
      make: () => sql(`insert into minqing.webhooks (name, url, secret, secret_key, made_at, since, failures, paused_until)
        values ('night-away', 'https://example.org/', '\\x00', 'k', minqing.now(), 0, 3, minqing.now() + interval '1 day')`),
      mend: () => sql(`delete from minqing.webhooks where name = 'night-away'`) },
  ]

  test('a sealed report is there to be opened', async () => {
    const device = await (await system.connect('bomei-050')).subscribe('minqing/field/bomei-050/receipt')
    const message = report('老人独居生病，需要救助', { subject: { name: '郑某', phone: '13900000000' } })
    await device.publish('minqing/field/bomei-050/report', JSON.stringify(message))
    assert.equal(json(await device.next(m => json(m).id === message.id, 'the receipt')).status, 'accepted')
    const { findings } = await doctor()
    assert.ok(findings.some(f => f.check === 'seal_key' && /1 个密钥/.test(f.found)))
  })

  for (const fault of faults) {
    test(`the doctor names ${fault.what}, and that it is mended`, async () => {
      const words = fault.words ? fault.words() : []
      try {
        await fault.make?.()
        const seen = await sees(fault.check, fault.says, ...words)
        assert.equal(seen.status, 1)
        assert.ok(seen.fault.do.length > 5, 'it says what to do')
      } finally {
        await fault.mend?.()
      }
      await wellAgain(fault.check)
    })
  }

  test('too many sessions: the doctor counts them', async () => {
    const port = Number(/port=(\d+)/.exec(system.environment.MINQING_DATABASE_ADMIN)[1])
    const clients = Array.from({ length: 31 }, () => new pg.Client({ host: '127.0.0.1', port, database: 'minqing', user: 'postgres', password: system.secret('postgres') }))
    await Promise.all(clients.map(client => client.connect()))
    await sees('db_sessions', /of 47/)
    await Promise.all(clients.map(client => client.end()))
    await wellAgain('db_sessions')
  })

  test('somebody holds a table: doctor and status name who', async () => {
    const holder = await system.sqlClient()
    await holder.query('begin; lock table minqing.domains in access exclusive mode')
    const [{ pid }] = (await holder.query('select pg_backend_pid() as pid')).rows
    const waiting = system.sql('select count(*) from minqing.domains')
    // the doctor itself must not touch that table: its reference check would wait, too
    const now = await until(async () => {
      const found = await status()
      return found.database_figures.waiting_for_locks > 0 && found
    }, 'status sees that somebody waits')
    assert.equal(now.database_figures.blocked_by, String(pid))
    await holder.query('rollback')
    await waiting
    holder.release()
  })

  test('a stopped classifier: status says how many wait, how long, why, and what to do', async () => {
    sv('down', 'classifier')
    const id = randomUUID()
    await sql(`insert into minqing.reports (id, account, received_at, observed_at, text, payload_sha256, area, town, area_from, area_conflict, attachments, traceparent)
      values ($1, 'bomei-040', now() - interval '1 minute', now(), '楼道里电动车飞线充电', '\\x00', '441581105202', '441581105', 'home', false, '{}',
              '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')`, id)
    const now = await status()
    assert.equal(now.exit, 1)
    const stage = now.stages.find(s => s.stage === 'classify')
    assert.deepEqual([stage.rows, stage.why, stage.service], [1, 'down', 'classifier'])
    assert.ok(stage.oldest_s >= 60 && /sv up/.test(stage.do))
    assert.match((await system.run('minqing', 'status')).stdout, /^有问题[^]*未分类 to classify[^]*积压 behind\n +原因 why: 服务已停/)
    const { fault } = await sees('backlog', /classify/)
    assert.match(fault.found, /service is down/)
    await sees('service', /classifier\/1: 已停/)
    sv('up', 'classifier')
    await until(async () => (await status()).exit === 0, 'all is well again', 30000)
    await wellAgain('backlog')
  })

  test('a service whose database is away says so, and status what to do', async () => {
    await sql('alter role minqing_classifier nologin')
    try {
      await sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'minqing_classifier'")
      const seen = await until(async () => {
        const now = await status()
        return now.notes.some(n => n.why === 'database') && now
      }, 'status names whose database is away', 30000)
      const [note] = seen.notes.filter(n => n.why === 'database')
      assert.deepEqual([note.service, note.instance, note.fault, seen.exit, seen.well, seen.services_up], ['classifier', '1', true, 1, false, true])
      assert.match(note.do, /database-away/)
      const { stdout } = await system.run('minqing', 'status')
      assert.match(stdout, /classifier\/1 [^\n]*\n +故障 fault: [^\n]*its database is away/)
    } finally {
      await sql('alter role minqing_classifier login')
    }
    await until(async () => (await status()).exit === 0, 'all is well again', 40000)
  })

  test('accounts above their rate and rejections that are not kept: status says how many, and where their names are', async () => {
    const account = 'bomei-064', settings = file('minqing.conf'), usual = readFileSync(settings, 'utf8')
    const notes = async () => Object.fromEntries((await status()).notes.map(n => [n.why, n]))
    assert.equal((await notes()).later, undefined)
    await system.restart('ingest', () => writeFileSync(settings, usual.replace('[ingest]', '[ingest]\naccount_rate = 20\naccount_burst = 20\nrejections_an_hour = 2')))
    try {
      await until(async () => (await status()).services_up, 'ingest is back', 20000)
      await flood(system, account, { perSecond: 4000, seconds: 0.05, make: i => JSON.stringify({ wrong: i }) })
      const seen = await until(async () => {
        const now = await notes()
        return now.later && now.excess && now.unkept && now
      }, 'status has all three', 20000)
      for (const why of ['later', 'excess', 'unkept']) {
        assert.deepEqual([seen[why].service, seen[why].fault], ['ingest', false])
        assert.ok(seen[why].count > 0, why)
      }
      assert.ok(readFileSync(file('log/ingest/current'), 'utf8').includes(`over-rate: account ${account} sends more than it may`))
      assert.match((await system.run('minqing', 'status')).stdout, /注意 note \(\d+\): [^\n]*told to send later\n +处理 do: .*over-rate/)
      assert.equal((await sql('select from minqing.rejection_counts where unkept > 0 and sender like $1', `%${account}%`)).length, 1)
    } finally {
      await system.restart('ingest', () => writeFileSync(settings, usual))
    }
    await until(async () => !Object.keys(await notes()).length && (await status()).services_up, 'the notes went with the counters', 30000)
  })

  test('a stopped query service: no answer, and the doctor says where to look', async () => {
    sv('down', 'query')
    const { fault } = await sees('round_trip', /no answer/)
    assert.match(fault.do, /log/)
    sv('up', 'query')
    await wellAgain('round_trip')
    await wellAgain('service')
  })

  test('deadlines come and nobody looks: the clock stands still', async () => {
    await until(async () => (await sql('select from minqing.cases')).length, 'a case')
    sv('down', 'dispatcher')
    await sql(`insert into minqing.timers ("case", chain, step, due_at)
      select c.id, 'resume', 'due', minqing.now() - interval '5 minutes' from minqing.cases c where c.state <> 'suspended' limit 1`)
    const { fault } = await sees('deadlines', /due and not done/)
    assert.match(fault.do, /dispatcher/)
    sv('up', 'dispatcher')
    await wellAgain('deadlines')
    await wellAgain('service')
  })

  test('a dead session holds the notifier\'s lock: it is named', async () => {
    const holder = await system.sqlClient()
    sv('down', 'notifier')
    await holder.query(`select pg_advisory_lock(${lock})`)
    sv('up', 'notifier')
    const { fault } = await sees('lock', /no notifier speaks/)
    const [{ pid }] = (await holder.query('select pg_backend_pid() as pid')).rows
    assert.ok(fault.found.includes(`(${pid})`))
    assert.match(fault.do, /pg_terminate_backend/)
    await holder.query(`select pg_advisory_unlock(${lock})`)
    holder.release()
    await wellAgain('lock')
    await wellAgain('service')
  })

  test('the page for who is on call has every check and every reason', async () => {
    const page = readFileSync(path.join(root, 'docs/operations.md'), 'utf8')
    for (const source of ['doctor.c', 'status_why.c']) {
      const text = readFileSync(path.join(root, 'clients/minqing', source), 'utf8')
      for (const [, code] of text.matchAll(/^ +\{ "([a-z_]+)", *"/gm)) assert.ok(page.includes(`\`${code}\``), `docs/operations.md knows ${code}`)
    }
  })

  test('broker or database out of reach: status 3, and what to start', async () => {
    const broker = await doctor('MINQING_MQTT_PORT=1')
    assert.equal(broker.status, 3)
    assert.match(broker.faults.find(f => f.check === 'broker').do, /mosquitto/)
    const database = await doctor('MINQING_DATABASE=host=127.0.0.1 port=1 dbname=minqing')
    assert.equal(database.status, 3)
    assert.match(database.faults.find(f => f.check === 'database').do, /PostgreSQL/)
    assert.ok(database.findings.some(f => f.check === 'broker' && f.outcome === 'good'), 'the rest is looked at all the same')
    assert.equal((await system.run('minqing', 'status', '-p', '1')).status, 3)
    const denied = await doctor('-P', 'wrong')
    assert.equal(denied.status, 1)
    assert.match(denied.faults.find(f => f.check === 'broker').found, /account/)
  })

  test('after all of it everything is good', async () => {
    await until(async () => (await doctor()).status === 0, 'every line is good')
      .catch(async error => { throw new Error(`${error.message}: ${JSON.stringify((await doctor()).faults)}`) })
  })
}
