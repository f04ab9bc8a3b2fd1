// SPDX-License-Identifier: Apache-2.0
// The judge is judged: with a defence taken out, it must notice.
import { judge } from './judge.mjs'

const PATIENCE = 12

/**
 * Tells a story without a defence and lets the judge look; afterwards the defence is back, and what can be mended is.
 * @param {import('./world.mjs').World} world
 * @param {string} defence as common/drill.h names it
 * @param {RegExp} finding what the judge must have found
 * @param {() => Promise<void>} story
 * @returns the verdict, whose findings are empty if the judge noticed
 */
export async function caught(world, defence, finding, story) {
  const { patience } = world
  world.patience = PATIENCE
  try {
    const verdict = await world.without(defence, async () => {
      await story()
      await world.gather()
      return judge(world, PATIENCE)
    })
    const noticed = verdict.findings.some(f => finding.test(f))
    console.log(`# without ${defence}: ${verdict.findings.join('; ') || 'nothing was found'}`)
    return { ...verdict, findings: noticed ? [] : [`without ${defence} the judge did not find ${finding}`] }
  } finally {
    world.patience = patience
  }
}
