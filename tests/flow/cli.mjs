// SPDX-License-Identifier: Apache-2.0
// A day at the terminal: desk, command centre and officers follow cases from open to closed, by commands alone, each under their own account.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { before, test } from 'node:test'
import { json, report, until } from '../harness/system.mjs'

const town = '441581105', village = '441581105202'

export function stories(system) {
  /** Options that make a command another officer's. */
  const officer = account => ['-u', account, '-P', system.devices[account]]
  const minqing = (...words) => system.run('minqing', ...words)
  /** A command that must succeed; its output. */
  const good = async (...words) => {
    const ended = await minqing(...words)
    assert.equal(ended.status, 0, `minqing ${words.join(' ')}: ${ended.stderr}${ended.stdout}`)
    return ended.stdout
  }
  /** A command that must end with this status; what it complains of. */
  const bad = async (status, ...words) => {
    const ended = await minqing(...words)
    assert.equal(ended.status, status, `minqing ${words.join(' ')}: ${ended.stderr}${ended.stdout}`)
    return ended.stderr
  }
  const show = async number => JSON.parse(await good('case', 'show', number, '--json')).case

  /** Reports as an officer does and returns the case's id and number. Places and words differ, so that nothing joins. */
  async function opened(account, text, more = {}) {
    const device = await (await system.connect(account)).subscribe(`minqing/field/${account}/status`)
    const message = report(text, { observed_at: new Date().toISOString(), ...more })
    await device.publish(`minqing/field/${account}/report`, JSON.stringify(message))
    const status = json(await device.next(m => m.topic.endsWith('/status') && m.payload.includes(message.id), 'the status'))
    await device.end()
    assert.ok(status.number, JSON.stringify(status))
    return { id: status.case, number: status.number, report: message.id }
  }

  let fire
  before(async () => { fire = await opened('bomei-010', '祠堂旁柴房起火，有明火', { area: village, kind: 'fire_safety.house_fire' }) })

  test('a case goes from open to closed by the commands of three people', async () => {
    const { number, id } = fire
    assert.match(await good('case', 'list', '--state', 'assigned', '--severity', '4', '--area', village), new RegExp(`4 特急 ${number} +已派发 +签 `))
    assert.match(await good('case', 'sign', number), /「签收」已生效 done: .* → 已签收 signed/)
    await good('case', 'progress', number, '--note', '出动两车八人', '--attachment', 'a'.repeat(64))
    assert.match(await good('case', 'show', number, '--as', 'desk'), /办理中 in_progress[^]*处置进展 progress +[^]*出动两车八人[^]*可做 allowed: /)
    await good('case', 'resolve', number, '--note', '明火已扑灭')
    assert.match(await good('case', 'verify', id, '--note', '现场无余火', ...officer('bomei-016')), /stored/)
    await until(async () => (await show(number)).state === 'verified', 'verified by another officer')
    assert.match(await good('case', 'close', number, '--json'), /"done": ?true/)
    await good('case', 'rate', number, '--rating', '5')
    const whole = await show(id)
    assert.equal(whole.state, 'closed')
    // other stories' fires may have joined it
    assert.deepEqual(whole.events.map(e => e.what).filter(what => what !== 'joined'), ['opened', 'signed', 'progress', 'resolved', 'verified', 'closed', 'rated'])
    assert.match(await good('case', 'show', number), /已结案 closed[^]*结果 result +明火已扑灭[^]*评价 rating +5\/5/)
  })

  test('the officer who reported verifies by the number and sees it change', async () => {
    const { number } = await opened('bomei-001', '作坊电线短路起火', { area: '441581105203', kind: 'fire_safety.house_fire' })
    await good('case', 'sign', number)
    await good('case', 'resolve', number, '--note', '已处置')
    assert.match(await good('case', 'verify', number, '--note', '仍有余烟', '--failed'), /已核查 done: → 已派发 assigned/)
    assert.match(await good('case', 'show', number, '--as', 'device'), /已派发 assigned/)
    assert.match(await good('case', 'list', '--as', 'device'), new RegExp(number))
    assert.match(await bad(1, 'case', 'verify', number, '--note', '仍有余烟'), /没有变化/)
  })

  test('a refusal says why, how it stands, and what can be done', async () => {
    const { number } = await opened('bomei-011', '果林边烧荒冒烟', { area: '441581105204', kind: 'fire_safety.hill_fire' })
    const early = await bad(1, 'case', 'close', number)
    assert.match(early, /未被接受 refused: /)
    assert.match(early, /现状 state: 已派发 assigned; 可做 allowed: .*改派 reassign/)
    assert.match(await bad(4, 'case', 'sign', number, '--as', 'operator'), /指挥席 operator/)
    assert.match(await bad(4, 'case', 'close', number, '--as', 'desk'), /部门席 desk/)
    assert.match(await bad(1, 'case', 'show', '博美-0101-999'), /没有结果/)
    assert.match(await bad(2, 'case', 'return', number), /--reason/)
    assert.match(await bad(4, 'case', 'show', number, '-u', 'bomei-fire', '-P', 'wrong'), /不接受账号/)
    assert.match(await bad(3, 'case', 'list', '-p', '1'), /连接不上/)
    const refused = await minqing('case', 'close', number, '--json')
    assert.equal(refused.status, 1)
    assert.equal(JSON.parse(refused.stdout).done, false)
  })

  test('what a desk asks for waits for the command centre; each act names the version that was seen', async () => {
    const { number } = await opened('bomei-012', '仓库电线冒火花起火', { area: '441581105205', kind: 'fire_safety.house_fire' })
    const ear = await (await system.connect('dispatcher')).subscribe('minqing/department/+/+/+/action/+', 'minqing/command/+/+/action/+')
    const { state_version: seen } = await show(number)
    await good('case', 'sign', number)
    const sign = await ear.next(m => m.topic === `minqing/department/fire/441581/${town}/action/bomei-fire`, 'the action')
    assert.equal(json(sign).state_version, seen)
    await good('case', 'extend', number, '--reason', '道路中断', '--until', '+2d')
    assert.match(await good('case', 'list', '--department', 'fire'), new RegExp(number))
    assert.match(await good('case', 'show', number), /待批 pending +申请延期至 .*道路中断/)
    const desk = await minqing('desk', 'watch', 'fire', '--timeout', '1')
    assert.match(desk.stdout, new RegExp(`${number}.*〔待批：申请延期至 `))
    await good('case', 'approve', number, '--any-version')
    const approve = await ear.next(m => json(m).action === 'approve', 'the approval')
    assert.equal(approve.topic, `minqing/command/441581/${town}/action/bomei-command`)
    assert.equal('state_version' in json(approve), false)
    await good('case', 'suspend', number, '--reason', '等待鉴定', '--until', '+5d')
    await good('case', 'deny', number, '--reason', '特急不挂账')
    await good('case', 'support', number, '--department', 'power', '--as', 'desk')
    await good('case', 'supervise', number, '--note', '抓紧')
  })

  test('a case is merged into another, and what was merged wrongly is split off again', async () => {
    const one = await opened('bomei-013', '水库大坝坝脚渗水', { area: '441581105206', kind: 'disaster_prevention.dam_seepage' })
    const two = await opened('bomei-014', '集市有人打架动刀', { area: '441581105208', kind: 'public_security.fight' })
    await good('case', 'merge', two.number, '--into', one.number)
    assert.equal((await show(two.number)).state, 'merged')
    const split = JSON.parse(await good('case', 'split', one.number, two.report, '--json'))
    assert.notEqual(split.number, one.number)
    await good('case', 'correct', split.number, '--severity', '3')
    assert.match(await good('case', 'show', split.number), /3 紧急/)
    await good('case', 'refuse', split.number, '--reason', '重复')
    await good('case', 'reopen', split.number, '--reason', '另有一处')
  })

  test('a team is called, seen on the way, and sent home', async () => {
    const { number, id } = await opened('bomei-015', '后山山火往林场蔓延', { area: '441581105209', kind: 'fire_safety.hill_fire' })
    const device = await (await system.connect('bomei-002')).subscribe('minqing/field/bomei-002/task')
    await good('mobilise', number, '--unit', 'bomei-1-1', '--note', '带灭火工具', '--exercise')
    const task = json(await device.next(m => m.payload.includes(id), 'the task'))
    assert.equal(task.exercise, true)
    const { length } = await system.sql('select from minqing.tasks where "case" = $1', id)
    assert.match(await good('case', 'show', number), new RegExp(`动员 mobilised +〔演练〕.* 0/${length} 已收到, 0 到场`))
    assert.match(await good('officers', '--all'), new RegExp(`bomei-002 .*〔演练〕动员 已呼叫 ${number}`))
    assert.match(await bad(1, 'mobilise', number, '--unit', 'bomei-1-1'), /已在动员/)
    const answer = { id: randomUUID(), task: task.task, answer: 'acknowledged', at: new Date().toISOString() }
    await device.publish('minqing/field/bomei-002/answer', JSON.stringify(answer))
    await until(async () => (await good('case', 'show', number)).includes(` 1/${length} 已收到`), 'on the way')
    await good('stand-down', number)
    assert.match(await good('case', 'show', number), /已解除/)
  })

  test('personal data are shown for a reason, and the audit says so', async () => {
    const subject = { name: '林阿姨', phone: '13800138000' }
    const sick = await opened('bomei-017', '独居老人家中失火受伤', { area: '441581105210', kind: 'fire_safety.house_fire', subject })
    assert.match(await bad(2, 'subject', 'show', sick.number), /--reason/)
    const reason = `联系家属 ${randomUUID()}`
    assert.match(await good('subject', 'show', sick.number, '--reason', reason), /林阿姨 +13800138000/)
    assert.match(await bad(1, 'subject', 'show', sick.number, '--reason', reason, '-u', 'bomei-command', '-P', system.secret('bomei-command')), /desk/)
    assert.match(await good('audit', sick.number), new RegExp(`bomei-fire .*${sick.number} +${reason}`))
    assert.match(await good('audit', '--all', '--limit', '1'), new RegExp(reason))
    assert.doesNotMatch(await good('audit', '--to', '2020-01-01'), new RegExp(reason))
  })

  test('lists go on page by page, and each case is there once', async () => {
    const total = JSON.parse(await good('case', 'list', '--limit', '1', '--json')).total
    assert.ok(total > 3)
    const pages = (await good('case', 'list', '--limit', '2', '--all', '--json')).trim().split('\n').map(JSON.parse)
    const numbers = pages.flatMap(p => p.cases.map(c => c.number))
    assert.equal(new Set(numbers).size, total)
    assert.equal(numbers.length, total)
    const one = await minqing('case', 'list', '--limit', '1')
    assert.equal(one.stdout.trim().split('\n').length, 1)
    assert.match(one.stderr, /--all/)
    assert.match(await good('case', 'list', '--text', '柴房起火'), new RegExp(fire.number))
    assert.match(await good('case', 'list', '--from', '2099-01-01'), /没有这样的事件/)
  })

  test('figures as a table, as CSV, and with their formulas', async () => {
    assert.match(await good('stats'), /单位 .*按期结案率[^]*合计/)
    const csv = (await good('stats', '--by', 'department', '--csv')).trim().split('\r\n')
    assert.match(csv[0], /^"name","rank","admitted"/)
    assert.ok(csv.every(line => line.split('","').length === csv[0].split('","').length))
    const answer = JSON.parse(await good('stats', '--month', '2026-11', '--json'))
    assert.equal(answer.from, '2026-11-01T00:00:00.000+08:00')
    assert.equal(answer.to, '2026-12-01T00:00:00.000+08:00')
    assert.match(await bad(2, 'stats', '--by', 'weather'), /department town village/)
    assert.match(await bad(2, 'stats', '--month', '2026-11', '--from', '2026-11-01'), /--month/)
  })

  test('the stream tells each act in its own word', async () => {
    const { number } = await opened('bomei-018', '酒楼厨房起火冒烟', { area: '441581105211', kind: 'fire_safety.house_fire' })
    const watching = minqing('watch', town, '--count', '2', '--timeout', '20')
    await new Promise(resolve => setTimeout(resolve, 1500))
    await good('case', 'sign', number)
    await good('case', 'supervise', number, '--note', '抓紧')
    const { stdout } = await watching
    assert.match(stdout, new RegExp(`${number} .* 已签收 `))
    assert.match(stdout, new RegExp(`${number} .* 督办 `))
  })

  test('a waiting report is accepted for handling, and decided later', async () => {
    const device = await (await system.connect('bomei-019')).subscribe('minqing/field/bomei-019/status')
    const message = report('你好，今天天气不错，哈哈哈哈')
    await device.publish('minqing/field/bomei-019/report', JSON.stringify(message))
    await until(async () => (await good('review', 'list', '--json')).includes(message.id), 'it waits')
    await good('review', 'admit', message.id)
    assert.equal(json(await device.next(m => m.payload.includes(message.id), 'told')).state, 'admitted')
    assert.match(await bad(1, 'review', 'admit', message.id), /已受理/)
    const file = `${system.folder}/secret-of-command`
    writeFileSync(file, system.secret('bomei-command'), { mode: 0o600 })
    await good('review', 'decide', message.id, '--none', '--note', '闲聊', '-u', 'bomei-command', '--password-file', file)
  })
}
