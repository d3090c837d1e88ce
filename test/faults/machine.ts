import { execFileSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The machine as a cell has it: disks of its own, a clock that can be wrong, little memory. All of
 * it is in the cell's own namespaces, or goes with `close`. Needs root.
 */
export interface Machine {
  /** The directory that both services have their state below; each has a disk of its own there. */
  state: string
  /** Adds to the time of day of every program started after this one, s. */
  clock(seconds: number): void
  /** Each fsync takes this much longer, each write a tenth of it, ms. */
  slow(ms: number): void
  readOnly(on: boolean): void
  /** Fills the disks, and keeps them full; `false` empties them. */
  full(on: boolean): void
  /**
   * Lets a process and those that it starts from now on have no more memory than they have, and
   * takes some of it away; resolves with the way to end this.
   */
  squeeze(pids: readonly number[]): () => void
  close(): void
}

/** Whom scripts/unprivileged runs the daemons as. */
export const user = 'leadmaster'

const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

/** What the rig needs that is not there, in words. */
export const missing = (): string[] => [
  ...(process.getuid?.() === 0 ? [] : ['root: namespaces, mounts and prlimit need it']),
  ...['gcc', 'prlimit', 'unshare', 'ip', 'python3'].filter(
    (program) =>
      !process.env['PATH']?.split(':').some((directory) => existsSync(join(directory, program)))
  ),
  ...(existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes')
    ? []
    : [
        'a memory controller of cgroups v1 at /sys/fs/cgroup/memory: without it there is no memory pressure'
      ])
]

/** struct control of machine.c. */
const controlBytes = 256
const diskSizes = { 'session-manager': '192m', hub: '48m' } as const

export const makeMachine = (directory: string, owner: number): Machine => {
  const state = join(directory, 'disk')
  const control = join(directory, 'control')
  const library = join(directory, 'machine.so')
  const fillers: number[] = []
  let filling: NodeJS.Timeout | undefined
  let group: string | undefined

  const told = Buffer.alloc(controlBytes)
  told.write(state, 24)
  const file = openSync(control, 'w', 0o644)
  const tell = (offset: number, value: number): void => {
    told.writeBigInt64LE(BigInt(value), offset)
    writeSync(file, told, 0, controlBytes, 0)
  }
  tell(0, 0)
  run(
    'gcc',
    '-O2',
    '-shared',
    '-fPIC',
    `-DCONTROL="${control}"`,
    '-o',
    library,
    fileURLToPath(new URL('machine.c', import.meta.url)),
    '-ldl'
  )
  // /etc is this cell's own from now on: what is mounted here is in its mount namespace
  const etc = join(directory, 'etc')
  mkdirSync(etc)
  run('mount', '-t', 'tmpfs', 'faults-etc', etc)
  for (const name of ['upper', 'work']) mkdirSync(join(etc, name))
  run(
    'mount',
    '-t',
    'overlay',
    'faults-etc',
    '-o',
    `lowerdir=/etc,upperdir=${etc}/upper,workdir=${etc}/work`,
    '/etc'
  )
  for (const [name, size] of Object.entries(diskSizes)) {
    mkdirSync(join(state, name), { recursive: true })
    run(
      'mount',
      '-t',
      'tmpfs',
      '-o',
      `size=${size},mode=700,uid=${owner},gid=${owner}`,
      'faults-disk',
      join(state, name)
    )
  }
  writeFileSync('/etc/ld.so.preload', library)

  const fill = (): void => {
    const much = Buffer.alloc(256 * 1024)
    for (const filler of fillers) {
      for (let size = much.length; size >= 4_096; ) {
        try {
          writeSync(filler, much, 0, size)
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
          size = size / 4
        }
      }
    }
  }
  const squeeze: Machine['squeeze'] = (pids) => {
    const mine = (group = `/sys/fs/cgroup/memory/leadmaster-faults-${process.ppid}-${Date.now()}`)
    mkdirSync(mine)
    for (const pid of pids) {
      try {
        writeFileSync(join(mine, 'cgroup.procs'), String(pid))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
    // pages stay charged to where they were first touched: this is what they take from now on
    writeFileSync(join(mine, 'memory.limit_in_bytes'), String(4 * 1024 ** 2))
    return () => {
      writeFileSync(join(mine, 'memory.limit_in_bytes'), '-1')
      release(mine)
    }
  }
  return {
    state,
    clock: (seconds) => tell(0, seconds),
    slow: (ms) => tell(8, ms),
    readOnly: (on) => tell(16, Number(on)),
    full: (on) => {
      clearInterval(filling)
      if (on) {
        fillers.push(
          ...Object.keys(diskSizes).map((name) => openSync(join(state, name, 'filler'), 'w'))
        )
        fill()
        // what the services give up is taken, too
        filling = setInterval(fill, 100)
        return
      }
      for (const filler of fillers.splice(0)) closeSync(filler)
      for (const name of Object.keys(diskSizes)) writeFileSync(join(state, name, 'filler'), '')
    },
    squeeze,
    close: () => {
      clearInterval(filling)
      if (group !== undefined && existsSync(group)) release(group)
      closeSync(file)
    }
  }
}

/** Moves what is left in a cgroup to the one that this process is in, and removes it. */
const release = (group: string): void => {
  const [, path = '/'] = /^\d+:memory:(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8')) ?? []
  const before = join('/sys/fs/cgroup/memory', path)
  for (const pid of readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
    try {
      writeFileSync(join(before, 'cgroup.procs'), pid)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
  run('rmdir', group)
}

/** The lowest number that no file of a process has: with that as its limit it can open none. */
export const lowestFree = (pid: number): number => {
  const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number))
  for (let number = 0; ; number += 1) if (!open.has(number)) return number
}

/**
 * Done as the process's own user: root without CAP_SYS_RESOURCE may not. `undefined`: as many as it
 * ever may.
 */
export const limitFiles = (pid: number, most: number | undefined): void => {
  const [, hard = '65536'] =
    /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8')) ?? []
  // one that is just being started is still root's
  const asOwner =
    statSync(`/proc/${pid}`).uid === 0
      ? []
      : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups', '--']
  const [program = '', ...args] = [
    ...asOwner,
    'prlimit',
    '--pid',
    String(pid),
    `--nofile=${most ?? hard}:${hard}`
  ]
  run(program, ...args)
}
