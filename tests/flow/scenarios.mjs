// SPDX-License-Identifier: Apache-2.0
// Twelve stories of a county, from what an officer sees to the end of the case.
import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { json, until } from '../harness/system.mjs'

const photo = name => createHash('sha256').update(name).digest('hex')
const dianshi = '441581105202'
const hongxia = '441581105211'

/** Account names bomei-001 … bomei-084. */
const officers = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => `bomei-${String(from + i).padStart(3, '0')}`)

/** The county's rule by which a unit is called to every critical case; '-' for none. */
const mobiliseCritical = (system, level) => system.sql(`update minqing.settings set value = $1 where name = 'mobilise_critical'`, level)

/** A point that lies in a village. */
async function placeIn(system, village) {
  const [place] = await system.sql(`select st_y(p) as lat, st_x(p) as lon from (select st_pointonsurface(polygon) as p from minqing.areas where code = $1) v`, village)
  return place
}

export function stories(system) {
  let fire, hill

  test('1 hill fire, first sight: stored, receipted, led by fire with forestry and emergency, the command centre and the village team alerted', async () => {
    await mobiliseCritical(system, 'team')
    const [desk, forestry, emergency, operator] = await Promise.all(['bomei-fire', 'bomei-forestry', 'bomei-emergency', 'bomei-command'].map(a => system.desk(a)))
    const [first, second, third] = await Promise.all(officers(16, 21).map(a => system.officer(a)))
    hill = await placeIn(system, dianshi)
    const seen = await first.report('前面山头冒烟，疑似山火', { location: { ...hill, accuracy_m: 20 }, attachments: [photo('smoke')] })
    fire = await system.caseOf(seen)

    const shown = await desk.sees(fire)
    assert.equal(shown.domain, 'fire_safety')
    assert.equal(shown.severity, 4)
    assert.equal(shown.lead, 'fire')
    assert.deepEqual(shown.reports.latest[0].attachments, [photo('smoke')])
    for (const part of ['forestry', 'emergency']) assert.equal(shown.parts.find(p => p.department === part)?.role, 'supporting', part)
    await forestry.sees(fire)
    await emergency.sees(fire)
    await operator.sees(fire)
    await operator.streams(fire, 'opened', line => line.severity === 4)
    assert.match((await first.told(fire, 'assigned')).number, /^博美-\d{4}-\d{3}$/)
    for (const account of officers(16, 21)) {
      const task = await (await system.officer(account)).task(fire, 'mobilise')
      assert.match(task.text, /山火/)
      assert.ok(Math.abs(task.location.lat - hill.lat) < 1e-6)
    }
    assert.equal((await system.sql('select from minqing.tasks where "case" = $1', fire)).length, 6, 'nobody else is called')
    await mobiliseCritical(system, '-')
    for (const officer of [second, third]) {
      assert.equal(await system.caseOf(await officer.report('点石村后山着火了，烟很大', { area: dianshi })), fire)
    }
    await system.assertReplays(fire)
  })

  test('2 same smoke, many eyes: 84 see it, each in other words; one case, no review left, each told its number', async () => {
    const openings = ['后山冒烟', '山上着火了', '山头浓烟滚滚', '看到山火', '林子起火', '山坡烧起来了', '那边山上有火光', '点石后山有火情', '闻到焦味，山上有烟', '火在山腰',
      '山那边红红的', '好像山上在烧', '有烟，不知道是不是烧荒', '远处有黑烟']
    const endings = ['，请支援', '，风很大', '，火势往村子来', '！', '，看不清', '，有人在喊']
    const { number } = await system.case(fire)
    const before = (await system.case(fire)).report_count
    const seen = await Promise.all(officers(1, 84).map(async (account, i) => {
      const officer = await system.officer(account)
      // every third has no signal for a place; the officer says the village, or not even that
      const where = i % 3 === 0 ? {} : i % 3 === 1 ? { area: dianshi } : { location: { lat: hill.lat + (i % 7) * 0.001, lon: hill.lon - (i % 5) * 0.001 } }
      return officer.report(openings[i % 14] + endings[Math.floor(i / 14)], where)
    }))
    const ids = seen.map(r => r.id)
    await until(async () => (await system.sql('select from minqing.classifications where report = any($1)', ids)).length === 84, 'all are classified')
    await until(async () => (await system.case(fire)).report_count === before + 84, 'all 84 joined', 30000)
      .catch(async error => {
        const lost = await system.sql(`select r.text, r.area, r.location is not null as placed, v.state, c.domain, c.kind, k."case" from minqing.reports r join minqing.classifications c on c.report = r.id
          left join minqing.reviews v on v.report = r.id left join minqing.case_reports k on k.report = r.id where r.id = any($1) and k."case" is distinct from $2`, ids, fire)
        throw new Error(`${error.message}: ${JSON.stringify(lost)}`)
      })
    assert.deepEqual(await system.sql(`select report from minqing.reviews where report = any($1) and state = 'waiting'`, ids), [])
    for (const account of officers(1, 84)) assert.equal((await (await system.officer(account)).told(fire, 'assigned')).number, number)
    await system.assertReplays(fire)
  })

  test('3 all hands: the brigade is called, counted, called again, stood down; someone who did not handle it verifies; closed', async () => {
    const operator = await system.operator('bomei-command')
    const desk = await system.desk('bomei-fire')
    await desk.does('sign', fire, { note: '两车八人出动' })
    await operator.does('stand_down', fire, { note: '小队归入大队' })
    await operator.does('mobilise', fire, { unit: 'bomei', note: '全体到点石村集合' })
    const brigade = await Promise.all(officers(1, 84).map(a => system.officer(a)))
    const tasks = await Promise.all(brigade.map(o => o.task(fire, 'mobilise', t => /集合/.test(t.text))))
    const [coming, silent] = [brigade.slice(0, 61), brigade.slice(61)]
    await Promise.all(coming.map((o, i) => o.answer({ task: tasks[i].task, answer: 'acknowledged', note: '正在路上' })))
    await Promise.all(coming.slice(0, 40).map((o, i) => o.answer({ task: tasks[i].task, answer: 'arrived' })))
    await operator.streams(fire, 'arrived', line => line.words === '61/84 已收到，40 已到场')
    await desk.sees(fire, shown => shown.mobilisation.acknowledged === 61 && shown.mobilisation.arrived === 40 && shown.mobilisation.called === 84)

    await system.moveClock('3 minutes')
    await Promise.all(silent.map((o, i) => o.task(fire, 'mobilise', t => t.task === tasks[61 + i].task && t.version > tasks[61 + i].version)))
    await operator.streams(fire, 'called_again', line => /23 人未应答/.test(line.words))
    await operator.does('stand_down', fire)
    await brigade[0].task(fire, 'mobilise', t => t.state === 'stood_down')

    await desk.does('progress', fire, { note: '明火已扑灭，清理火场', attachments: [photo('out')] })
    await desk.does('resolve', fire, { note: '过火约三亩，无人员伤亡' })
    // all of the village were there, so somebody of another village is asked
    const [verifier] = await system.sql(`select device from minqing.tasks where "case" = $1 and kind = 'verify'`, fire)
    assert.ok(verifier && !officers(1, 40).includes(verifier.device), `${verifier?.device} was not there to put it out`)
    // nor may one who was
    await brigade[0].answer({ case: fire, answer: 'verified', note: '没有复燃' })
    await until(async () => (await system.sql('select from minqing.outcomes where reason like $1', '%经办人%')).length, 'the handler is refused')
    assert.equal((await system.case(fire)).state, 'resolved')
    const eye = await system.officer(verifier.device)
    await eye.answer({ task: (await eye.task(fire, 'verify')).task, answer: 'verified', note: '现场无明火、无烟', attachments: [photo('cold')] })
    await operator.sees(fire, 'verified')
    await desk.mayNot('close', fire)
    await operator.does('close', fire)
    for (const officer of brigade.slice(0, 3)) assert.match((await officer.told(fire, 'closed')).text, /三亩/)
    assert.deepEqual((await system.history(fire)).filter(w => !['acknowledged', 'arrived'].includes(w)),
      ['opened', 'mobilised', 'signed', 'stood_down', 'mobilised', 'called_again', 'stood_down', 'progress', 'resolved', 'verified', 'closed'])
    await system.assertReplays(fire)
  })

  test('4 grave illness: led by civil affairs with medical insurance, filed, decided, the reporter told, closed after a call back', async t => {
    const [civil, medical, operator, second] = await Promise.all(['bomei-civil', 'bomei-medical', 'bomei-command', 'bomei-command2'].map(a => system.desk(a)))
    const officer = await system.officer('bomei-078')
    const subject = { name: '林阿桂', phone: '13712349876', id_number: '441581197602034567' }
    const told = await officer.report('红下村林阿桂50岁得了直肠癌，没钱住院，不知道可以申请医疗救助', { origin: 'visit', area: hongxia, subject })
    const id = await system.caseOf(told)
    const shown = await civil.sees(id)
    assert.equal(shown.lead, 'civil_affairs')
    assert.equal(shown.has_subject, true)
    await medical.sees(id)
    const everybody = await Promise.all(['bomei-police', 'bomei-market', 'bomei-justice', 'jieshi-police'].map(a => system.desk(a)))
    for (const person of [operator, ...everybody]) {
      assert.ok(person.client.messages.every(m => !/林阿桂|13712349876|441581197602034567|50岁得了直肠癌/.test(m.payload.toString())),
        `${person.account} reads neither name nor illness`)
    }
    for (const person of everybody) assert.deepEqual(person.cases(id), [], `${person.account} does not see it`)

    await civil.does('sign', id)
    await civil.does('progress', id, { note: '已受理医疗救助申请，材料齐全', filed: true })
    const row = await system.case(id)
    const [{ by }] = await system.sql(`select minqing.deadline(e.at, 15 * 1440, 'working_days') as by from minqing.case_events e
      where e.ref = $1 and e.what = 'progress'`, id)
    assert.deepEqual(row.outcome_by, by, 'the outcome has its own clock: 15 working days')
    await officer.told(id, 'signed')
    await civil.does('resolve', id, { note: '批准医疗救助，先行垫付八千元' })
    assert.match((await officer.told(id, 'resolved')).text, /八千元/)
    assert.deepEqual(await system.sql(`select from minqing.tasks where "case" = $1`, id), [], 'nobody need go')
    await civil.mayNot('call_back', id, { note: '自己回访' })
    await operator.does('call_back', id, { note: '电话回访本人，已住院' })
    await second.does('close', id)
    assert.match((await officer.told(id, 'closed')).text, /批准/)
    await system.assertReplays(id)

    if (!system.answersQuestions) return t.diagnostic('the read side is not installed')
    const read = await system.ask('bomei-civil', 'subject', { case: id, reason: '核对身份证办理救助' })
    assert.equal(read.subjects[0].name, subject.name)
    assert.equal((await system.ask('bomei-police', 'subject', { case: id, reason: '看看' })).done, false)
    assert.equal((await system.ask('bomei-civil', 'subject', { case: id })).done, false, 'never without a reason')
  })

  test('5 anti-drug visit: a person due for a visit is not to be found; only its own desks see the case, each reading is in the audit log', async t => {
    const people = Object.fromEntries(await Promise.all(['bomei-antidrug', 'bomei-police', 'bomei-justice', 'bomei-fire', 'bomei-civil', 'bomei-command', 'bomei-002',
      'bomei-003'].map(async a => [a, await system.desk(a)])))
    const subject = { name: '欧阳某强', address: '红下村榕树巷七号' }
    const told = await people['bomei-002'].report('本周应走访的社区戒毒人员欧阳某强找不到人，电话关机，家人说三天没回', { kind: 'anti_drug.lost_contact', subject })
    const id = await system.caseOf(told)
    assert.equal((await people['bomei-antidrug'].sees(id)).restricted, true)
    await people['bomei-police'].sees(id)
    await people['bomei-justice'].sees(id)
    const bare = await people['bomei-command'].sees(id)
    for (const key of ['domain', 'kind', 'lead', 'parts', 'summary', 'reports', 'location', 'area_name', 'events']) assert.equal(bare[key], undefined, key)
    assert.equal(bare.area, '441581105', 'no village')
    const line = await people['bomei-command'].streams(id, 'opened')
    assert.deepEqual([line.domain, line.area, line.text], [undefined, '441581105', '（受限事件 restricted）'])
    await people['bomei-antidrug'].does('sign', id)
    await people['bomei-police'].does('sign', id)
    await people['bomei-police'].does('resolve', id, { note: '在邻镇亲戚家找到' })
    await people['bomei-antidrug'].does('resolve', id, { note: '已接回，恢复定期检测' })
    for (const outsider of ['bomei-fire', 'bomei-civil']) {
      assert.deepEqual(people[outsider].cases(id), [])
      const refused = await people[outsider].mayNot('progress', id, { note: '看看' })
      assert.equal(refused.number, undefined, 'not even its number')
    }
    await people['bomei-003'].answer({ case: id, answer: 'verified', note: '我去看看' })
    await until(async () => (await system.sql(`select from minqing.outcomes where reason like '没有此事件%'`)).length, 'an officer who did not report it is refused')
    await people['bomei-command'].does('call_back', id, { note: '电话核实' })
    await people['bomei-command'].does('close', id)
    const heard = Object.values(people).filter(p => !['bomei-antidrug', 'bomei-police', 'bomei-justice', 'bomei-002'].includes(p.account))
    for (const person of heard) assert.ok(person.client.messages.every(m => !/欧阳某强|榕树巷|戒毒人员|邻镇亲戚/.test(m.payload.toString())), person.account)
    await system.assertReplays(id)

    if (!system.answersQuestions) return t.diagnostic('the read side is not installed')
    for (const account of ['bomei-fire', 'bomei-command', 'bomei-003']) {
      for (const [name, more] of [['case', {}], ['subject', { reason: '看看' }]]) {
        const result = await system.ask(account, name, { case: id, ...more })
        assert.ok(!/欧阳|榕树巷|戒毒/.test(JSON.stringify(result)), `${account} asks for ${name}`)
      }
    }
    assert.equal((await system.ask('bomei-antidrug', 'subject', { case: id, reason: '上门走访' })).subjects[0].name, subject.name)
    assert.equal((await system.ask('bomei-police', 'subject', { case: id, reason: '查找' })).subjects[0].address, subject.address)
    const audit = JSON.stringify((await system.ask('bomei-antidrug', 'audit', { case: id })).entries)
    assert.ok(audit.includes('上门走访') && audit.includes('查找'), audit)
  })

  test('6 small help: a house swept is a service in the visits, and no department is troubled', async () => {
    const officer = await system.officer('bomei-079')
    const operator = await system.operator('bomei-command')
    const [{ before }] = await system.sql('select count(*)::int as before from minqing.cases')
    const visit = await officer.visit('林某加患尿毒症，独居', { area: `${hongxia}001`, service: '帮他打扫了屋子', subject: { name: '林某加' } })
    await operator.hears((topic, line) => topic.startsWith('minqing/stream/') && line.what === 'service' && line.by === 'bomei-079' && /打扫/.test(line.text),
      'the service')
    const [row] = await system.sql('select service, masked from minqing.visits where id = $1', visit.id)
    assert.equal(row.service, '帮他打扫了屋子')
    assert.ok(!row.masked.includes('林某加'))
    assert.equal((await system.sql('select count(*)::int as n from minqing.cases'))[0].n, before)
    assert.deepEqual(await system.sql('select from minqing.announcements where ref = $1', visit.id), [])
  })

  test('7 stolen at night: to the police by clock hours, next morning in the figures of its grid', async t => {
    const at = new Date('2026-11-24T02:10:00+08:00')
    await system.moveClock(at)
    const officer = await system.officer('bomei-030')
    const grid = '441581105204002'
    const id = await system.caseOf(await officer.report('门口摩托车昨晚被偷', { area: grid, origin: 'resident' }))
    const row = await system.case(id)
    assert.deepEqual([row.lead, row.severity, row.clock, row.area], ['police', 3, 'hours', grid])
    assert.equal(row.sign_by - row.opened_at, 3600e3, 'an hour, in the middle of the night')
    const police = await system.desk('bomei-police')
    await police.sees(id)
    await police.does('sign', id)
    await system.resetClock()
    if (!system.answersQuestions) return t.diagnostic('the read side is not installed')
    const { rows } = await system.ask('bomei-command', 'stats', { by: 'village', from: '2026-11-24T00:00:00+08:00', to: '2026-11-25T00:00:00+08:00' })
    assert.ok(JSON.stringify(rows).includes(grid.slice(0, 12)), JSON.stringify(rows))
  })

  test('8 no signal: kept in the valley, sent on reconnection under its own time, twice makes one case, the deadline runs from receipt', async () => {
    const outbox = `${system.folder}/outbox-valley`
    const kept = await system.run('env', 'MINQING_MQTT_PORT=1', 'minqing-field', 'send', '水库坝体渗水，水是浑的', '--area', '441581105203', '--outbox', outbox, '--json')
    assert.ok(kept.status !== 0 || /wait|kept|待发/.test(kept.stdout + kept.stderr), kept.stdout + kept.stderr)
    const listed = await system.run('minqing-field', 'list', '--outbox', outbox, '--json')
    const id = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(listed.stdout)[0]
    assert.deepEqual(await system.sql('select from minqing.reports where id = $1', id), [])

    // three hours later there is a signal, and the first receipt is lost on the way
    await system.moveClock('3 hours')
    const sent = await system.run('minqing-field', 'flush', '--outbox', outbox)
    assert.equal(sent.status, 0, sent.stdout + sent.stderr)
    const [stored] = await system.sql('select observed_at, received_at, text from minqing.reports where id = $1', id)
    assert.ok(stored.received_at - stored.observed_at > 2.9 * 3600e3, 'its own time is kept')
    const found = await system.caseOf({ id, text: stored.text })
    const row = await system.case(found)
    assert.equal(row.severity, 4)
    assert.ok(row.opened_at >= stored.received_at && row.sign_by > row.opened_at, 'the deadline runs from receipt')

    const device = await system.officer('bomei-019')
    const bytes = JSON.stringify({ id: randomUUID(), observed_at: new Date(system.now() - 2 * 3600e3).toISOString(), text: '鳌峰水库坝脚冒水', area: '441581105205' })
    const again = []
    for (const attempt of [1, 2]) {
      await device.client.publish('minqing/field/bomei-019/report', bytes, { properties: { correlationData: Buffer.from(`attempt ${attempt}`) } })
      again.push(json(await device.client.next(m => m.packet.properties?.correlationData?.toString() === `attempt ${attempt}`, 'its receipt')).status)
    }
    assert.deepEqual(again, ['accepted', 'duplicate'])
    await system.caseOf({ ...JSON.parse(bytes) })
    assert.equal((await system.sql('select from minqing.case_reports where report = $1', JSON.parse(bytes).id)).length, 1)
    await system.resetClock()
  })

  test('9 boat at night: nobody signs; a reminder at two thirds, supervision at the deadline, by themselves', async () => {
    const officer = await system.officer('bomei-060')
    const desk = await system.desk('jieshi-smuggling')
    const police = await system.desk('jieshi-police')
    const operator = await system.operator('jieshi-command')
    const id = await system.caseOf(await officer.report('夜间三无船卸油', { area: '441581102210' }))
    const row = await system.case(id)
    assert.deepEqual([row.lead, row.severity, row.sign_by - row.opened_at, row.town], ['anti_smuggling_office', 3, 1800e3, '441581102'])
    await desk.sees(id)
    await police.sees(id)
    await system.moveClock('19 minutes')
    assert.deepEqual(await system.history(id), ['opened'], 'not yet')
    await system.moveClock('2 minutes')
    await operator.streams(id, 'reminded')
    await desk.sees(id, shown => shown.events.some(e => e.what === 'reminded'))
    await system.moveClock('10 minutes')
    await operator.streams(id, 'supervised')
    await desk.sees(id, shown => shown.events.some(e => e.what === 'supervised'))
    assert.deepEqual(await system.history(id), ['opened', 'reminded', 'supervised'])
    await desk.does('sign', id)
    await desk.does('resolve', id, { note: '查扣无名船一艘、柴油十二吨' })
    // who saw it is at home in the next town, and goes to look all the same
    const { task } = await officer.task(id, 'verify')
    const { id: wrong } = await officer.answer({ task, answer: 'result', note: '看过了' })
    await until(async () => (await system.sql('select from minqing.outcomes where id = $1 and not done', wrong)).length, 'that says neither yes nor no')
    await officer.answer({ task, answer: 'verified', note: '船已拖走，滩上无人' })
    await operator.sees(id, 'verified')
    await operator.does('close', id)
    await system.assertReplays(id)
    await system.resetClock()
  })

  test('10 wrong department: returned in time with its reason, dispatched again to tobacco, kept as an example; never without a reason', async () => {
    const officer = await system.officer('bomei-044')
    const market = await system.desk('bomei-market')
    const tobacco = await system.desk('bomei-tobacco')
    const told = await officer.report('村口小卖部卖假中华，一抽就呛，整条都是假的', { area: '441581105206', kind: 'counterfeit.fake_brand' })
    const id = await system.caseOf(told)
    await market.sees(id)
    const refused = await market.mayNot('return', id, {}, /reason/)
    assert.equal(refused.state, 'assigned')
    await market.mayNot('return', id, { reason: '   ' }, /reason/)
    const { sign_by: before } = await system.case(id)
    await market.does('return', id, { reason: '属烟草局职责' })
    const shown = await tobacco.sees(id)
    assert.deepEqual([shown.lead, shown.kind, shown.state], ['tobacco', 'counterfeit.cigarettes', 'assigned'])
    const row = await system.case(id)
    assert.ok(row.sign_by >= before && row.assigned_at > row.opened_at, 'who had it before used its own time, not this one\'s')
    assert.deepEqual(row.parts.market_supervision, 'returned')
    await market.client.next(m => m.topic.endsWith(`/case/${id}`) && m.payload.length === 0, 'the end of its topic at market supervision')
    const [example] = await system.sql('select source, domain, kind from minqing.examples where report = $1', told.id)
    assert.deepEqual(example, { source: 'return', domain: 'counterfeit', kind: 'counterfeit.cigarettes' })
    await tobacco.does('sign', id)
    await system.assertReplays(id)
  })

  test('11 after the holiday: 300 devices come back with 5,000 kept reports; none lost or doubled, deadlines skip the holiday', async () => {
    const count = 300
    const accounts = `${system.folder}/holiday.tsv`
    writeFileSync(accounts, ['account\trole\tname\tarea\tdepartment\tunit', ...Array.from({ length: count }, (_, i) =>
      `holiday-${String(i).padStart(3, '0')}\tdevice\t假日${i}\t44158110${[1, 2, 3, 4, 6, 7, 8, 9][i % 8]}201001\t-\t-`)].join('\n') + '\n')
    const imported = await system.run('minqing', 'account', 'import', accounts, '--secrets-file', `${system.folder}/holiday-secrets`)
    assert.equal(imported.status, 0, imported.stderr)
    const secrets = Object.fromEntries(readFileSync(`${system.folder}/holiday-secrets`, 'utf8').trim().split('\n').map(l => l.split('\t')))
    await system.moveClock(new Date('2026-10-08T08:00:00+08:00'))
    const things = ['路边垃圾成堆', '过期牛奶还在卖', '邻居为排水沟吵架', '老人独居没人照看', '消防通道被车堵住', '养殖场排污水', '工资拖欠三个月', '流浪狗咬人']
    const sent = []
    await Promise.all(Object.entries(secrets).map(async ([account, password], i) => {
      const client = await until(() => system.connect(account, { password }).catch(() => null), `${account} connects`)
      await client.subscribe(`minqing/field/${account}/receipt`)
      const mine = Array.from({ length: i < 200 ? 17 : 16 }, (_, n) => ({
        id: randomUUID(), observed_at: new Date(Date.parse('2026-10-03T09:00:00+08:00') + (i * 17 + n) * 60000).toISOString(),
        text: `${things[(i + n) % things.length]}，第${i}号${n}处` }))
      await Promise.all(mine.map(message => client.publish(`minqing/field/${account}/report`, JSON.stringify(message))))
      const accepted = new Set()
      await until(() => {
        for (const m of client.messages) if (json(m).status === 'accepted') accepted.add(json(m).id)
        return accepted.size === mine.length
      }, `the receipts of ${account}`, 60000)
      sent.push(...mine.map(m => m.id))
      await client.end()
    }))
    assert.equal(sent.length, 5000)
    const settled = `select from minqing.reports r where r.id = any($1) and (exists (select from minqing.case_reports k where k.report = r.id)
      or exists (select from minqing.reviews v where v.report = r.id))`
    await until(async () => (await system.sql(settled, sent)).length === 5000, 'each report is in a case or in review', 90000)
    const [{ doubled }] = await system.sql('select count(*)::int as doubled from (select report from minqing.case_reports group by report having count(*) > 1) d')
    assert.equal(doubled, 0)

    // before the holiday: what takes 8 working hours from the last afternoon is due after it; 10 October is a Saturday that is worked
    await system.moveClock(new Date('2026-09-30T16:30:00+08:00'))
    const officer = await system.officer('bomei-051')
    const id = await system.caseOf(await officer.report('店里卖过期月饼', { area: '441581105207', kind: 'counterfeit.food', severity: 2 }))
    const { sign_by: signBy } = await system.case(id)
    assert.equal(new Date(signBy).toISOString().slice(0, 16), new Date('2026-10-09T09:00:00+08:00').toISOString().slice(0, 16),
      'one hour on 30 September, six and a half on 8 October, half an hour on the 9th')
    await system.resetClock()
  })

  test('12 the long one: an extension, then a suspension with reasons; it stays in the overdue review and is counted alike', async t => {
    const officer = await system.officer('bomei-065')
    const [justice, operator] = await Promise.all(['bomei-justice', 'bomei-command'].map(a => system.desk(a)))
    const id = await system.caseOf(await officer.report('两家为祖上那块山地的界线争了三年，昨天又动手拔桩', { area: '441581105209', kind: 'dispute_mediation.land' }))
    await justice.does('sign', id)
    const { handle_by: due } = await system.case(id)
    const until1 = new Date(due.getTime() + 7 * 86400e3)
    await justice.mayNot('extend', id, { reason: '需调取档案' }, /until/)
    await justice.mayNot('extend', id, { until: until1.toISOString() }, /reason/)
    await justice.does('extend', id, { reason: '需调取1982年林权档案', until: until1.toISOString() })
    await operator.sees(id, shown => shown.request?.what === 'extension')
    await justice.mayNot('suspend', id, { reason: '等判决' }, /waits for an answer/)
    await operator.does('approve', id)
    assert.equal((await system.case(id)).handle_by.getTime(), until1.getTime())
    await officer.told(id, 'signed')
    await justice.does('progress', id, { note: '第一次调解未果' })
    await justice.does('suspend', id, { reason: '一方已向法院起诉，等待判决' })
    await operator.does('approve', id, { note: '同意挂账' })
    assert.match((await officer.told(id, 'suspended')).text, /起诉/)

    // long after the deadline: neither reminded nor escalated, and still among what is overdue
    await system.moveClock(new Date(until1.getTime() + 30 * 86400e3))
    const overdue = await system.sql(`select from minqing.cases where id = $1 and state = 'suspended' and handle_by < minqing.now()`, id)
    assert.equal(overdue.length, 1)
    if (system.answersQuestions) {
      const listed = await system.ask('bomei-command', 'cases', { overdue: true, kind: 'dispute_mediation.land', limit: 200 })
      assert.ok(listed.cases.some(c => c.case === id), 'it stays in the overdue review')
    } else t.diagnostic('the read side is not installed')
    await justice.does('progress', id, { note: '法院判决已下，双方接受' })
    await justice.does('resolve', id, { note: '按判决立界桩，双方签字' })
    await operator.does('call_back', id, { note: '双方均确认' })
    await operator.does('close', id)
    assert.deepEqual((await system.history(id)).filter(w => !['reminded', 'supervised', 'escalated'].includes(w)),
      ['opened', 'signed', 'extension_asked', 'approved', 'progress', 'suspension_asked', 'approved', 'progress', 'resolved', 'verified', 'closed'])
    // the month as its events tell it, and as the rows have it
    const [{ live, told }] = await system.sql(`select
      (select jsonb_build_object('opened', count(*), 'closed', count(*) filter (where state = 'closed'), 'suspended', count(*) filter (where state = 'suspended'))
       from minqing.cases c where town = '441581105' and exists (select from minqing.case_events e where e.ref = c.id)) as live,
      (select jsonb_build_object('opened', count(*) filter (where l.first), 'closed', count(*) filter (where l.state = 'closed' and l.last),
                                 'suspended', count(*) filter (where l.state = 'suspended' and l.last))
       from (select e.state, e.version = 1 as first, e.version = max(e.version) over (partition by e.ref) as last
             from minqing.case_events e join minqing.cases c on c.id = e.ref where c.town = '441581105') l) as told`)
    assert.deepEqual(told, live)
    await system.assertReplays(id)
    await system.resetClock()
  })

  test('of whom all this was about nothing lies open: not in a dump, in no log, in no message, not in the broker\'s store', async () => {
    const said = /13712349876|441581197602034567|榕树巷七号/
    for (const client of system.clients) {
      for (const m of client.messages.filter(m => said.test(m.payload.toString()))) assert.match(m.topic, /^minqing\/reply\/[a-z0-9-]+\/query$/, 'but in the audited reply')
    }
    const dump = `${system.folder}/dump`
    const dumped = await system.run('pg_dump', '--data-only', '--file', dump, system.environment.MINQING_DATABASE_ADMIN)
    assert.equal(dumped.status, 0, dumped.stderr)
    assert.ok(readFileSync(dump, 'utf8').includes('前面山头冒烟'), 'the dump has the reports')
    const store = `${system.folder}/broker/mosquitto.db`
    const saved = statSync(store, { throwIfNoEntry: false })?.mtimeMs
    process.kill(system.pid('mosquitto'), 'SIGUSR1')
    await until(() => statSync(store, { throwIfNoEntry: false })?.mtimeMs > (saved ?? 0), 'the broker writes its store')
    const files = [dump, store, ...readdirSync(`${system.folder}/log`, { recursive: true }).map(name => `${system.folder}/log/${name}`).filter(f => statSync(f).isFile())]
    assert.ok(files.length > 6)
    for (const file of files) assert.ok(!said.test(readFileSync(file, 'utf8')), file)
  })
}
