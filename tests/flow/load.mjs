// SPDX-License-Identifier: Apache-2.0
// All 84 officers of Bomei at 500 reports a second for half a minute.
import assert from 'node:assert/strict'
import { test } from 'node:test'

export function stories(system) {
  test('84 officers at 500 reports a second for 30 s: every report is stored and reaches a department or the review queue', async () => {
    const [{ before }] = await system.sql('select count(*)::int as before from minqing.reports')
    const { status, stdout, stderr } = await system.run('minqing-field', 'simulate', '--officers', '84', '--rate', '500', '--seconds', '30',
      '--settle', '60', '--json', '--seed', '42')
    assert.equal(status, 0, stdout + stderr)
    const result = JSON.parse(stdout.trim().split('\n').at(-1))
    assert.equal(result.missing, 0, stdout)
    const [{ after }] = await system.sql('select count(*)::int as after from minqing.reports')
    assert.equal(after - before, result.sent, stdout)
    // timings are printed for people, and judged by tests/bench
    console.log(`# ${stdout.trim().split('\n').at(-1)}`)
  })
}
