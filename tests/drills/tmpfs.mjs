// SPDX-License-Identifier: Apache-2.0
// A small disk of its own that can be filled up.
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import path from 'node:path'

const asRoot = (...command) => process.getuid() === 0 ? execFileSync(command[0], command.slice(1)) : execFileSync('sudo', ['-n', ...command])

export class Disk {
  /** Mounts so many MiB on a new folder that belongs to whoever owns the folder above. */
  static at(folder, mib) {
    mkdirSync(folder, { mode: 0o700 })
    const { uid, gid } = statSync(path.dirname(folder))
    asRoot('mount', '-t', 'tmpfs', '-o', `size=${mib}m,mode=0700,uid=${uid},gid=${gid}`, 'minqing-drill', folder)
    return new Disk(folder)
  }

  constructor(folder) {
    this.folder = folder
    this.filler = path.join(folder, 'filler')
  }

  /** Leaves not one byte, or takes so many MiB. */
  fill(mib = Infinity) {
    const file = openSync(this.filler, 'w')
    if (mib < Infinity) {
      writeSync(file, Buffer.alloc(mib << 20))
      closeSync(file)
      return
    }
    for (const size of [1 << 20, 4096, 1]) {
      const block = Buffer.alloc(size)
      try {
        while (writeSync(file, block) === size);
      } catch (error) {
        if (error.code !== 'ENOSPC') throw error
      }
    }
    closeSync(file)
  }

  free() {
    rmSync(this.filler, { force: true })
  }

  unmount() {
    asRoot('umount', this.folder)
  }
}
