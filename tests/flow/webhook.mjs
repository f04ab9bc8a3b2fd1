// SPDX-License-Identifier: Apache-2.0
// Other systems get the case by HTTP: signed, again until taken, and whatever one of them does, the others get theirs.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import path from 'node:path'
import { test } from 'node:test'
import Ajv from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { json, report, root, until } from '../harness/system.mjs'

const town = 'minqing/department'
const scene = '441581105209'

/** An HTTP server of a department: remembers what it got, answers as it is told. */
class Endpoint {
  /** @param {(request: object, response: http.ServerResponse, n: number) => void} answer n: 1 for the first request */
  static async start(answer = (request, response) => response.end('ok'), tls) {
    const endpoint = new Endpoint()
    endpoint.requests = []
    const handle = (raw, response) => {
      const bytes = []
      raw.on('data', data => bytes.push(data))
      raw.on('end', () => {
        const request = { url: raw.url, headers: raw.headers, body: Buffer.concat(bytes), at: Date.now() }
        request.json = JSON.parse(request.body)
        endpoint.requests.push(request)
        answer(request, response, endpoint.requests.length)
      })
    }
    endpoint.server = tls ? https.createServer(tls, handle) : http.createServer(handle)
    await new Promise(resolve => endpoint.server.listen(0, '127.0.0.1', resolve))
    endpoint.url = `${tls ? 'https' : 'http'}://127.0.0.1:${endpoint.server.address().port}/in`
    return endpoint
  }

  next(match, what, ms = 20000) {
    return until(() => this.requests.find(match), what, ms)
  }

  end() {
    this.server.closeAllConnections()
    return new Promise(resolve => this.server.close(resolve))
  }
}

export function stories(system) {
  const endpoints = []
  const endpoint = async (...rest) => {
    const made = await Endpoint.start(...rest)
    endpoints.push(made)
    return made
  }
  const secretFile = name => `${system.folder}/webhook-${name}`
  const add = async (name, url, ...rest) => {
    const added = await system.run('minqing', 'webhook', 'add', name, '--url', url, '--secret-file', secretFile(name), ...rest)
    assert.equal(added.status, 0, added.stderr)
  }
  const remove = async (...names) => {
    for (const name of names) assert.equal((await system.run('minqing', 'webhook', 'remove', name)).status, 0)
  }
  const rows = (name, more = '') => system.sql(`select d.* from minqing.deliveries d join minqing.webhooks w on w.id = d.webhook
    where w.name = $1 ${more} order by d.made_at, d.event`, name)
  const settle = (name, state, n = 1) => until(async () => {
    const found = await rows(name, `and state = '${state}'`)
    return found.length >= n && found
  }, `${n} deliveries of ${name} are ${state}`, 30000)

  /** Opens a case by a report and returns its id. */
  const open = async (kind, text, more = {}) => {
    const device = await system.connect('bomei-060')
    const message = report(text, { kind, area: scene, ...more })
    await device.publish('minqing/field/bomei-060/report', JSON.stringify(message))
    const [{ id }] = await until(async () => {
      const found = await system.sql('select "case"::text as id from minqing.case_reports where report = $1', message.id)
      return found.length && found
    }, `the case of ${text}`)
    await device.end()
    return { id, report: message }
  }

  /** Something happens to a case, of which no message tells: as if it had been lost. Returns the event's number. */
  const happen = async (id, what) => (await system.sql(`insert into minqing.case_events (ref, "case", at, what, version, state)
    select id, id, minqing.now(), $2, version, state from minqing.cases where id = $1 returning id::int as event`, id, what))[0].event

  const settings = path.join(system.folder, 'minqing.conf')
  const written = readFileSync(settings, 'utf8')
  /** Gives the service other settings and starts it anew. */
  const configure = (...lines) => system.restart('webhook', () =>
    writeFileSync(settings, written.replace('[webhook]\n', `[webhook]\n${lines.map(line => `${line}\n`).join('')}`)))
  const quick = ['retry_first = 200ms', 'retry_cap = 1s', 'connect_timeout = 2s', 'look = 100ms', 'sweep = 300ms']

  test('a case reaches the system of its department, signed, and no other department', async () => {
    await configure(...quick)
    const ajv = new Ajv({ allErrors: true, strict: false })
    addFormats(ajv)
    const folder = path.join(root, 'schemas/messages')
    for (const file of readdirSync(folder))
      ajv.addSchema(JSON.parse(readFileSync(path.join(folder, file))), file.replace('.schema.json', ''))
    const fire = await endpoint()
    const others = await endpoint()
    await add('fire-system', fire.url, '--department', 'fire', '--area', '441581')
    await add('women-system', others.url, '--department', 'women_federation')
    await add('next-town', others.url, '--area', '441581104')
    await add('only-graver', others.url, '--severity', '4')
    const { id, report: sent } = await open('fire_safety.charging', '楼道里电动车飞线充电', { subject: { name: '陈小明', phone: '13800138007' } })
    const got = await fire.next(r => r.json.case?.case === id, 'the case at the department')
    const { headers, body } = got
    assert.equal(headers['content-type'], 'application/json')
    assert.ok(Math.abs(Number(headers['x-minqing-timestamp']) - Date.now() / 1000) < 60)
    const secret = readFileSync(secretFile('fire-system'), 'utf8').trim()
    assert.equal(headers['x-minqing-signature'],
      'sha256=' + createHmac('sha256', secret).update(`${headers['x-minqing-timestamp']}.`).update(body).digest('hex'))
    assert.equal(headers['x-minqing-delivery'], got.json.delivery)
    const validate = ajv.getSchema('delivery')
    assert.ok(validate(got.json), ajv.errorsText(validate.errors))
    assert.equal(got.json.event.what, 'opened')
    assert.equal(got.json.case.reports.latest[0].id, sent.id)
    assert.equal(got.json.case.has_subject, true)
    const [row] = await settle('fire-system', 'done')
    assert.equal(row.id, got.json.delivery)
    assert.deepEqual([row.attempt, row.status, row.error], [1, 200, null])
    // looking at everything again makes no second delivery
    await system.restart('webhook')
    const marked = await happen(id, 'progress')
    await fire.next(r => r.json.event.event === marked, 'what happened next')
    assert.equal(fire.requests.filter(r => r.json.delivery === row.id).length, 1)
    for (const name of ['women-system', 'next-town', 'only-graver']) assert.deepEqual(await rows(name), [])
    assert.equal(others.requests.length, 0)
    const all = Buffer.concat(fire.requests.map(r => r.body)).toString()
    assert.ok(!all.includes('陈小明') && !all.includes('13800138007'), 'nothing of the subject')
    await remove('fire-system', 'women-system', 'next-town', 'only-graver')
  })

  test('dead, silent, failing, endless and slow systems hold up neither the others nor the desks', async t => {
    const good = await endpoint()
    const failing = await endpoint((request, response) => {
      response.statusCode = request.json.attempt < 3 ? 500 : 200
      response.end()
    })
    let endlessBytes = 0
    const endless = await endpoint((request, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(16384, 'x'))) endlessBytes += 16384
      }
      response.on('drain', more)
      more()
    })
    const slow = await endpoint((request, response) => {
      response.writeHead(200)
      const drip = setInterval(() => response.write('.'), 100)
      response.on('close', () => clearInterval(drip))
    })
    const held = new Set()
    const silent = net.createServer(socket => {
      held.add(socket)
      socket.on('error', () => {}).resume()
    })
    await new Promise(resolve => silent.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      for (const socket of held) socket.destroy()
      silent.close()
    })
    const dead = net.createServer()
    await new Promise(resolve => dead.listen(0, '127.0.0.1', resolve))
    const deadUrl = `http://127.0.0.1:${dead.address().port}/`
    await new Promise(resolve => dead.close(resolve))

    await add('good', good.url)
    await add('failing', failing.url, '--event', 'opened')
    await add('endless', endless.url, '--event', 'opened')
    await add('slow', slow.url, '--event', 'opened', '--timeout', '1')
    await add('silent', `http://127.0.0.1:${silent.address().port}/`, '--timeout', '3')
    await add('dead', deadUrl)

    const desk = await (await system.connect('bomei-fire')).subscribe(`${town}/fire/441581/441581105/case/+`)
    const { id } = await open('fire_safety.blocked_exit', '安全出口被货物堵住')
    await good.next(r => r.json.case?.case === id, 'the case at the good one')
    const delays = []
    for (let i = 0; i < 10; i++) {
      const begun = Date.now()
      const { report: sent } = await open('fire_safety.blocked_exit', `第${i}处安全出口被堵`,
        { location: { lat: 22.97 + 0.004 * i, lon: 115.83 } })
      await desk.next(m => m.payload.includes(sent.id), 'the case at the desk')
      delays.push(Date.now() - begun)
      const event = await happen(id, 'progress')
      await good.next(r => r.json.event?.event === event, `what happened for the ${i}th time`)
    }
    delays.sort((a, b) => a - b)
    assert.ok(delays[5] < 1000, `desks are told at once: ${delays} ms`)

    const [done] = await settle('failing', 'done')
    const tries = failing.requests.filter(r => r.json.delivery === done.id)
    assert.deepEqual(tries.map(r => r.json.attempt), [1, 2, 3])
    assert.equal(done.attempt, 3)
    assert.equal((await rows('failing', `and event = ${done.event}`)).length, 1)
    // their status was an answer, what came behind it is of no interest
    await settle('endless', 'done')
    assert.ok(endlessBytes < 64 << 20, `${endlessBytes} bytes were not read to their end`)
    await settle('slow', 'done')
    for (const name of ['silent', 'dead']) {
      const waiting = await until(async () => {
        const found = await rows(name, 'and attempt > 0 and leased_until is null')
        return found.length && found
      }, `${name} has failed`)
      assert.equal(waiting[0].state, 'waiting')
      assert.equal(waiting[0].status, null)
      assert.ok(waiting[0].error)
      assert.equal((await rows(name, `and state = 'done'`)).length, 0)
    }
    const [away] = await system.sql(`select failures, paused_until > minqing.now() - interval '10 s' as paused
      from minqing.webhooks where name = 'dead'`)
    assert.ok(away.failures > 0 && away.paused)
    const listed = await system.run('minqing', 'webhook', 'deliveries', 'dead', '--failed', '--json')
    assert.ok(listed.stdout.trim().split('\n').map(JSON.parse).every(d => d.webhook === 'dead' && d.error), listed.stdout + listed.stderr)

    // when the dead one comes back it gets everything, in order, without waiting for each delivery's own delay
    const back = await Endpoint.start()
    await back.end()
    back.server.listen(Number(new URL(deadUrl).port), '127.0.0.1')
    endpoints.push(back)
    await until(async () => (await rows('dead', `and state <> 'done'`)).length === 0, 'everything is with the one that was dead', 30000)
    // what was tried three times holds up none of those behind it
    const events = back.requests.filter(r => r.json.case.case === id && r.json.attempt <= 3).map(r => r.json.event.event)
    assert.deepEqual(events, [...events].sort((a, b) => a - b), 'the events of one case in order')

    const health = await (await system.connect('bomei-command')).subscribe('minqing/health/webhook/+')
    await health.next(m => json(m).counters.delivered > 10 && json(m).counters.undelivered > 0, 'the counters')
    await remove('good', 'failing', 'endless', 'slow', 'silent', 'dead')
  })

  test('what was to be sent when the service ended, and what happened meanwhile, is sent when it is back', async () => {
    let answers = false
    const flaky = await endpoint((request, response) => {
      response.statusCode = answers ? 200 : 503
      response.end()
    })
    await add('flaky', flaky.url, '--event', 'progress')
    const { id } = await open('fire_safety.wiring', '老房子电线老化')
    const first = await happen(id, 'progress')
    await flaky.next(r => r.json.event.event === first, 'the first attempt')
    let second
    await system.restart('webhook', async () => {
      second = await happen(id, 'progress')
      answers = true
    })
    await flaky.next(r => r.json.event.event === second, 'what happened while it was down')
    const done = await settle('flaky', 'done', 2)
    assert.deepEqual(done.map(d => Number(d.event)), [first, second])
    const attempts = flaky.requests.filter(r => r.json.event.event === first)
    assert.ok(attempts.length > 1)
    assert.equal(new Set(attempts.map(r => r.json.delivery)).size, 1)
    await remove('flaky')
  })

  test('a service that is killed while it sends leaves its deliveries to the next', async () => {
    let held
    const stuck = await endpoint((request, response, n) => {
      if (n === 1) held = response
      else response.end()
    })
    await add('stuck', stuck.url, '--event', 'progress', '--timeout', '60')
    const { id } = await open('fire_safety.wiring', '出租屋电线老化')
    const event = await happen(id, 'progress')
    await stuck.next(r => r.json.event.event === event, 'the first attempt')
    await system.kill('webhook')
    assert.equal((await rows('stuck'))[0].state, 'waiting')
    // as if the lease had run out
    await system.sql(`update minqing.deliveries d set leased_until = minqing.now()
      from minqing.webhooks w where w.id = d.webhook and w.name = 'stuck'`)
    const [done] = await settle('stuck', 'done')
    assert.equal(done.attempt, 2)
    assert.equal(stuck.requests[1].json.delivery, stuck.requests[0].json.delivery)
    held.destroy()
    await remove('stuck')
  })

  test('two instances share the work and send nothing twice at once', async () => {
    const busy = await endpoint((request, response) => setTimeout(() => response.end(), 30))
    await add('busy', busy.url, '--event', 'progress')
    const cases = []
    const kinds = ['fire_safety.charging', 'natural_resources.dumping', 'public_security.theft', 'counterfeit.food', 'disaster_prevention.road_damage']
    for (const kind of kinds)
      cases.push((await open(kind, `多处情况 ${kind}`)).id)
    const second = system.spawn('env', 'MINQING_WEBHOOK_INSTANCE=2', 'minqing-webhook', '--config', settings)
    const ended = new Promise(resolve => second.on('close', resolve))
    const health = await (await system.connect('bomei-command')).subscribe('minqing/health/webhook/2')
    await health.next(m => json(m).state === 'up', 'the second instance')
    for (let i = 0; i < 12; i++) for (const id of cases) await happen(id, 'progress')
    await settle('busy', 'done', 60)
    second.kill('SIGTERM')
    assert.equal(await ended, 0)
    assert.equal(new Set(busy.requests.map(r => r.json.delivery)).size, busy.requests.length)
    for (const id of cases) {
      const events = busy.requests.filter(r => r.json.case.case === id).map(r => r.json.event.event)
      assert.deepEqual(events, [...events].sort((a, b) => a - b), 'of one case in order')
    }
    await remove('busy')
  })

  test('of a restricted case only its departments get the content', async () => {
    const [lead, gateway, stranger] = [await endpoint(), await endpoint(), await endpoint()]
    await add('drug-office', lead.url, '--department', 'anti_drug_office')
    await add('centre', gateway.url)
    await add('fire-system', stranger.url, '--department', 'fire')
    const text = '有人在出租屋吸食毒品，窗户常年紧闭'
    const { id } = await open('anti_drug.use', text, { subject: { name: '赵大海', phone: '13900139001' } })
    const whole = await lead.next(r => r.json.case?.case === id, 'the case at its lead')
    assert.equal(whole.json.case.reports.latest[0].text, text)
    const bare = await gateway.next(r => r.json.case?.case === id, 'that there is a case, at the gateway')
    assert.deepEqual(Object.keys(bare.json.event).sort(), ['at', 'case', 'event', 'number', 'severity', 'state', 'v', 'what'])
    assert.deepEqual(Object.keys(bare.json.case).sort(), ['area', 'case', 'handle_by', 'number', 'opened_at', 'restricted', 'severity',
      'sign_by', 'state', 'state_version', 'v', 'version'])
    assert.ok(!bare.body.includes('毒') && !bare.body.includes('anti_drug'))
    assert.deepEqual(await rows('fire-system'), [])

    // a department that is no longer on the case hears of the end of its part, without content, and of nothing later
    const endPart = at => system.sql(`update minqing.assignments set ended_at = minqing.now() + $2::interval, state = 'returned'
      where "case" = $1 and department = 'anti_drug_office'`, id, at)
    await endPart('0')
    await system.sql(`update minqing.case_events set at = at - interval '1 hour' where "case" = $1`, id)
    const late = await happen(id, 'progress')
    await gateway.next(r => r.json.event.event === late, 'what happened later, at the gateway')
    assert.equal((await rows('drug-office', `and event = ${late}`)).length, 0)
    await endPart('1 hour')
    const ending = await happen(id, 'returned')
    const end = await lead.next(r => r.json.event.event === ending, 'the end of its part')
    assert.ok(!end.body.includes('毒'))
    for (const e of [lead, gateway]) for (const r of e.requests) assert.ok(!r.body.includes('赵大海') && !r.body.includes('13900139001'))
    await remove('drug-office', 'centre', 'fire-system')
  })

  test('call-outs of critical cases reach the messaging gateway, each of them', async () => {
    const gateway = await endpoint()
    await add('sms', gateway.url, '--event', 'called_out', '--severity', '4')
    const { id } = await open('fire_safety.hill_fire', '后山起火，火势很大')
    const calm = await open('fire_safety.charging', '车棚充电线老化')
    await system.sql('update minqing.cases set severity = 3 where id = $1', calm.id)
    await happen(calm.id, 'called_out')
    const calls = [await happen(id, 'called_out'), await happen(id, 'called_out')]
    for (const event of calls) {
      const call = await gateway.next(r => r.json.event.event === event, 'the call')
      assert.equal(call.json.case.severity, 4)
      assert.equal(call.json.case.state, 'assigned')
      assert.match(call.json.case.number, /^博美-/)
    }
    assert.deepEqual(gateway.requests.map(r => r.json.event.what), ['called_out', 'called_out'])
    await remove('sms')
  })

  test('410 disables, Retry-After is respected, redirects are not followed', async () => {
    const elsewhere = await endpoint()
    const gone = await endpoint((request, response) => {
      response.statusCode = 410
      response.end()
    })
    const busy = await endpoint((request, response, n) => {
      response.writeHead(n === 1 ? 429 : 200, { 'Retry-After': '2' })
      response.end()
    })
    const moved = await endpoint((request, response) => {
      response.writeHead(307, { Location: elsewhere.url })
      response.end()
    })
    await add('gone', gone.url, '--event', 'progress')
    await add('crowded', busy.url, '--event', 'progress')
    await add('moved', moved.url, '--event', 'progress')
    const { id } = await open('fire_safety.charging', '楼下电动车充电')
    await happen(id, 'progress')
    await settle('crowded', 'done')
    assert.ok(busy.requests[1].at - busy.requests[0].at >= 1900, 'not before two seconds')
    await settle('gone', 'given_up')
    const [{ enabled, disabled_because: because }] = await system.sql(`select enabled, disabled_because
      from minqing.webhooks where name = 'gone'`)
    assert.deepEqual([enabled, because], [false, '410 Gone'])
    const [waiting] = await until(async () => {
      const found = await rows('moved', 'and status = 307')
      return found.length && found
    }, 'the redirect was answered')
    assert.match(waiting.error, /redirects/)
    assert.equal(elsewhere.requests.length, 0)
    await remove('gone', 'crowded', 'moved')
  })

  test('a certificate that nobody vouches for is refused before anything is sent', async () => {
    const [key, certificate] = ['key', 'certificate'].map(name => `${system.folder}/webhook-${name}.pem`)
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key,
      '-out', certificate, '-days', '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'], { stdio: 'ignore' })
    execFileSync('chmod', ['644', certificate])
    const secure = await endpoint(undefined, { key: readFileSync(key), cert: readFileSync(certificate) })
    await add('secure', secure.url)
    const refused = await system.run('minqing', 'webhook', 'test', 'secure')
    assert.equal(refused.status, 1, refused.stdout)
    assert.match(refused.stderr, /certificate/i)
    assert.equal(secure.requests.length, 0)
    await configure(...quick, `ca_file = ${certificate}`)
    const taken = await system.run('minqing', 'webhook', 'test', 'secure')
    assert.equal(taken.status, 0, taken.stderr)
    assert.equal(secure.requests[0].json.test, true)
    await configure(...quick)
    await remove('secure')
  })

  test('what is too old is given up', async () => {
    const never = await endpoint((request, response) => {
      response.statusCode = 500
      response.end()
    })
    await add('never', never.url, '--event', 'progress')
    await configure(...quick, 'give_up = 2s')
    const { id } = await open('fire_safety.charging', '电动车在楼梯间充电')
    await happen(id, 'progress')
    const [row] = await settle('never', 'given_up')
    assert.equal(row.status, 500)
    assert.ok(row.attempt > 1)
    await configure(...quick)
    await remove('never')
  })

  test('webhooks are added, tried, turned off and on, listed, and their old deliveries erased, at the terminal', async () => {
    const here = await endpoint()
    const wrong = [
      [2, 'ab', '--url', here.url], [2, 'no-url'], [2, 'bad-url', '--url', 'ftp://x/'], [2, 'user-url', '--url', 'http://a:b@c/'],
      [2, 'bad-severity', '--url', here.url, '--severity', '5'], [6, 'bad-event', '--url', here.url, '--event', 'exploded'],
      [6, 'bad-department', '--url', here.url, '--department', 'magic'], [6, 'bad-area', '--url', here.url, '--area', '999'],
    ]
    for (const [status, name, ...rest] of wrong) {
      const refused = await system.run('minqing', 'webhook', 'add', name, ...rest)
      assert.equal(refused.status, status, `${name}: ${refused.stderr}`)
    }
    const shown = await system.run('minqing', 'webhook', 'add', 'shown', '--url', here.url, '--event', 'progress', '--event', 'signed')
    assert.match(shown.stdout, /^shown\t[a-z0-9]{20}\n$/)
    assert.equal((await system.run('minqing', 'webhook', 'add', 'shown', '--url', here.url)).status, 1)
    const tried = await system.run('minqing', 'webhook', 'test', 'shown')
    assert.equal(tried.status, 0, tried.stderr)
    assert.match(tried.stdout, /HTTP 200/)
    assert.equal((await system.run('minqing', 'webhook', 'test', 'nobody')).status, 1)
    const list = async () => (await system.run('minqing', 'webhook', 'list', '--json')).stdout.trim().split('\n').map(JSON.parse)
      .find(w => w.name === 'shown')
    assert.deepEqual((await list()).events, ['progress', 'signed'])
    assert.ok(!JSON.stringify(await list()).includes('secret'))

    const { id } = await open('fire_safety.charging', '车棚里飞线充电')
    assert.equal((await system.run('minqing', 'webhook', 'disable', 'shown')).status, 0)
    assert.equal((await list()).state, 'disabled')
    const missed = await happen(id, 'progress')
    assert.equal((await system.run('minqing', 'webhook', 'test', 'shown')).status, 0, 'a disabled one can be tried')
    assert.equal((await system.run('minqing', 'webhook', 'enable', 'shown')).status, 0)
    const got = await happen(id, 'signed')
    await here.next(r => r.json.event?.event === got, 'what happened after it was turned on')
    assert.ok(!here.requests.some(r => r.json.event?.event === missed))

    await settle('shown', 'done', 3)
    await system.sql(`update minqing.deliveries set made_at = made_at - interval '40 days'`)
    const erased = await system.run('minqing', 'webhook', 'erase', '--days', '30')
    assert.equal(erased.status, 0, erased.stderr)
    assert.deepEqual(await rows('shown'), [])
    // a start looks at all of the history: what was erased is not made again
    await system.restart('webhook')
    const last = await happen(id, 'progress')
    await here.next(r => r.json.event?.event === last, 'what happened after the start')
    assert.equal(here.requests.filter(r => r.json.event?.event === got).length, 1)
    await remove('shown')
    assert.equal((await system.run('minqing', 'webhook', 'remove', 'shown')).status, 1)
  })

  test('secrets are sealed: neither the database nor the logs have them', async () => {
    const here = await endpoint()
    writeFileSync(secretFile('sealed'), 'a-secret-that-must-not-be-seen\n', { mode: 0o600 })
    await add('sealed', here.url)
    assert.equal((await system.run('minqing', 'webhook', 'test', 'sealed')).status, 0)
    const { headers, body } = here.requests[0]
    assert.equal(headers['x-minqing-signature'], 'sha256=' + createHmac('sha256', 'a-secret-that-must-not-be-seen')
      .update(`${headers['x-minqing-timestamp']}.`).update(body).digest('hex'))
    const [{ found }] = await system.sql(`select position('must-not-be-seen'::bytea in secret) > 0 as found
      from minqing.webhooks where name = 'sealed'`)
    assert.equal(found, false)
    assert.equal((await system.run('grep', '-rq', 'must-not-be-seen', `${system.folder}/log`)).status, 1)
    // bound to its name: moved to another row it is worth nothing
    await system.sql(`update minqing.webhooks set name = 'renamed' where name = 'sealed'`)
    const moved = await system.run('minqing', 'webhook', 'test', 'renamed')
    assert.equal(moved.status, 1)
    assert.match(moved.stderr, /unsealed/)
    await remove('renamed')
  })

  test('the service sees no more of the database than it must', async () => {
    const refused = ['perform 1 from minqing.reports', 'perform 1 from minqing.cases', 'perform 1 from minqing.assignments',
      'perform 1 from minqing.accounts', 'perform note from minqing.case_events', `update minqing.webhooks set url = 'http://x'`, 'delete from minqing.deliveries',
      `insert into minqing.case_events (ref, at, what, version) values (gen_random_uuid(), now(), 'x', 1)`]
    for (const text of refused)
      await assert.rejects(system.sql(`do $$ begin set local role minqing_webhook; ${text}; end $$`), /permission denied/, text)
    // the next story finds the service as it was
    await system.restart('webhook', () => writeFileSync(settings, written))
    await Promise.all(endpoints.map(e => e.end()))
  })
}
