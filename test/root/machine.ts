import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

/**
 * A machine that systemd has booted: the host's files under an overlay, processes and network of
 * its own.
 */
export interface Machine {
  /** Runs a shell command in it as root. */
  run(command: string, options?: { ms?: number; input?: string }): Promise<Ran>
  /** The same; @returns its stdout. @throws when it ends with another code than 0 */
  must(command: string, options?: { ms?: number; input?: string }): Promise<string>
  /** Resolves with the first line of the journal, past or to come, that fits. */
  journal(fits: RegExp, options?: { ms?: number; unit?: string }): Promise<string>
  /** Properties of a unit, as `systemctl show` has them. */
  show(unit: string, ...properties: string[]): Promise<Record<string, string>>
  /** Where a path of the machine's is on the host. */
  path(inside: string): string
}

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
}

const namespaces = ['--mount', '--pid', '--uts', '--ipc', '--net'] // boot adds that of cgroups
const bootMs = 90_000

/** The only child of a process, once it has one. */
const childOf = async (pid: number): Promise<number> => {
  for (const end = Date.now() + 10_000; Date.now() < end; await delay(20)) {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
    if (child) return Number(child)
  }
  throw new Error('unshare started nothing')
}

/**
 * Boots a machine, which ends with the test. One in which a unit of the host's failed is given up
 * for another, twice. Needs root.
 */
export const bootMachine = async (t: Test): Promise<Machine> => {
  for (let attempt = 1; ; attempt += 1) {
    const { machine, state, end } = await boot(t)
    if (state === 'running') return machine
    const failed = await machine.run('systemctl --failed --no-legend --no-pager')
    await end()
    const text = `boot ${attempt}: the machine is ${state} ${failed.stdout}`
    if (attempt === 3) throw new Error(text)
    t.comment(text)
  }
}

const boot = async (
  t: Test
): Promise<{ machine: Machine; state: string; end: () => Promise<void> }> => {
  const work = mkdtempSync(join(tmpdir(), 'lm-machine-'))
  const program = fileURLToPath(new URL('boot', import.meta.url))
  const unshare = spawn(
    'unshare',
    [...namespaces, '--fork', '--kill-child=SIGKILL', program, work],
    { stdio: ['ignore', 'ignore', 'pipe'] }
  )
  let said = ''
  unshare.stderr.on('data', (text: Buffer) => (said += String(text)))
  const ended = once(unshare, 'close')
  let over = false
  const end = async (): Promise<void> => {
    if (over) return
    over = true
    unshare.kill('SIGKILL')
    await ended
    spawnSync('unshare', ['--mount', program, '--end', work], { stdio: 'inherit' })
    rmSync(work, { recursive: true, force: true, maxRetries: 5 })
  }
  t.teardown(end)
  const pid = await childOf(unshare.pid as number)
  const root = `/proc/${pid}/root`
  // what is outside cannot be told by an event that systemd is there to be asked
  for (
    const end = Date.now() + bootMs;
    !existsSync(`${root}/run/systemd/private`);
    await delay(50)
  ) {
    if (unshare.exitCode !== null || Date.now() > end)
      throw new Error(`the machine did not boot: ${said}`)
  }
  const enter = [
    '-t',
    String(pid),
    '-m',
    '-p',
    '-u',
    '-i',
    '-C',
    '-n',
    'env',
    '-i',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'HOME=/root',
    'LANG=C.UTF-8',
    'TERM=dumb'
  ]

  const run: Machine['run'] = async (command, { ms = 120_000, input } = {}) => {
    // With a socket as its input bash takes itself for a remote shell, and reads root's .bashrc.
    const child = spawn('nsenter', [...enter, 'bash', '--norc', '-c', command], {
      stdio: ['pipe', 'pipe', 'pipe']
    })
    const [out, err]: [Buffer[], Buffer[]] = [[], []]
    child.stdout.on('data', (part: Buffer) => out.push(part))
    child.stderr.on('data', (part: Buffer) => err.push(part))
    child.stdin.on('error', () => undefined).end(input)
    const late = setTimeout(() => child.kill('SIGKILL'), ms)
    const [code] = (await once(child, 'close')) as [number | null]
    clearTimeout(late)
    return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }
  }
  const must: Machine['must'] = async (command, options) => {
    const { code, stdout, stderr } = await run(command, options)
    if (code !== 0)
      throw new Error(`in the machine, ${command}\nended with ${code}:\n${stdout}\n${stderr}`)
    return stdout
  }
  const { stdout: state } = await run('systemctl is-system-running --wait', { ms: bootMs })
  const machine: Machine = {
    run,
    must,
    journal: async (fits, { ms = 30_000, unit = 'leadmaster-*' } = {}) => {
      const child = spawn(
        'nsenter',
        [...enter, 'journalctl', '-u', unit, '-f', '-n', 'all', '-o', 'cat'],
        { stdio: ['ignore', 'pipe', 'ignore'] }
      )
      const late = setTimeout(() => child.kill('SIGKILL'), ms)
      try {
        for await (const line of createInterface({ input: child.stdout }))
          if (fits.test(line)) return line
      } finally {
        clearTimeout(late)
        child.kill('SIGKILL')
      }
      throw new Error(
        `no line of ${unit} fits ${fits} within ${ms} ms; the last are:\n${(await run(`journalctl -u '${unit}' -n 20 -o cat`)).stdout}`
      )
    },
    show: async (unit, ...properties) => {
      const shown = await must(
        `systemctl show ${unit} ${properties.map((name) => `-p ${name}`).join(' ')}`
      )
      return Object.fromEntries(
        shown
          .trim()
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
      )
    },
    path: (inside) => join(root, inside)
  }
  return { machine, state: state.trim(), end }
}
