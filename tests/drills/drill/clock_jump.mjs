// SPDX-License-Identifier: Apache-2.0
// The clock of the machine, as all programs see it, jumps by an hour forwards and back; what measures time must not care.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

export const name = 'the clock jumps by an hour, forwards and back'

const folder = mkdtempSync(path.join(tmpdir(), 'minqing-clock-'))
const clock = path.join(folder, 'clock')
writeFileSync(clock, '+0')
const library = execFileSync('bash', ['-c', 'dpkg -L libfaketime | grep libfaketime.so']).toString().trim()
export const settings = { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1',
  FAKETIME_DISABLE_SHM: '1' } // what one user's process shares another's may not open

export const finish = () => rmSync(folder, { recursive: true })

export async function run(world) {
  const load = world.load({ rate: 40, seconds: world.long ? 40 : 10 })
  for (const jump of ['+3600', '-3600', '+0']) {
    await load.flows(60)
    world.faults++
    writeFileSync(clock, jump)
  }
}
