import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readlinkSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Hosts as network namespaces in one of our own, so that nothing of this is in the machine's
 * network and all of it goes with the processes. Each is in two networks: `lan` is the hosts' own;
 * `wan` stands for the Internet, in which are WhatsApp, the frontends and this process.
 */

export type Network = 'lan' | 'wan'

export interface Host {
  name: string
  lan: string
  wan: string
  /** What a command is put behind to run there. */
  inside: readonly string[]
  /** Takes its cable out of these networks: what is sent is lost, and nobody is told. */
  cut(...networks: Network[]): void
  mend(): void
}

const subnets = { lan: '10.77.0', wan: '10.78.0' } as const
const networks = ['lan', 'wan'] as const

/** This process's own address, in the Internet. */
export const outside = `${subnets.wan}.254`

const ip = (...args: string[]): void =>
  void execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] })

/** A process that holds a network namespace open. @returns its id, once the namespace is there */
const holdNamespace = async (): Promise<number> => {
  const holder = spawn('unshare', ['--net', 'sleep', 'infinity'], { stdio: 'ignore' })
  await once(holder, 'spawn')
  const namespace = (pid: number | string): string => readlinkSync(`/proc/${pid}/ns/net`)
  for (
    const end = Date.now() + 10_000;
    namespace(holder.pid as number) === namespace('self');
    await delay(10)
  ) {
    if (Date.now() > end) throw new Error('unshare made no network namespace')
  }
  return holder.pid as number
}

const makeHost = async (name: string, number: number): Promise<Host> => {
  const inside = ['nsenter', `--net=/proc/${await holdNamespace()}/ns/net`, '--']
  const within = (...args: string[]): void =>
    void execFileSync('nsenter', [...inside.slice(1), 'ip', ...args], {
      stdio: ['ignore', 'ignore', 'inherit']
    })
  const pid = (inside[1] as string).split('/')[2] as string
  within('link', 'set', 'lo', 'up')
  // a connection to a host that is cut off is given up after 13 s, not a quarter of an hour: as on
  // hosts that stand by for each other
  execFileSync('nsenter', [
    ...inside.slice(1),
    'sh',
    '-c',
    'echo 5 >/proc/sys/net/ipv4/tcp_retries2'
  ])
  for (const network of networks) {
    const cable = `${network}-${number}`
    ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', network, 'netns', pid)
    ip('link', 'set', cable, 'master', network, 'up')
    within('addr', 'add', `${subnets[network]}.${number}/24`, 'dev', network)
    within('link', 'set', network, 'up')
  }
  return {
    name,
    inside,
    lan: `${subnets.lan}.${number}`,
    wan: `${subnets.wan}.${number}`,
    cut: (...which) => {
      for (const network of which) ip('link', 'set', `${network}-${number}`, 'nomaster')
    },
    mend: () => {
      for (const network of networks) ip('link', 'set', `${network}-${number}`, 'master', network)
    }
  }
}

/**
 * Makes the networks and the hosts. To be called once, by root, in a network namespace that holds
 * nothing else.
 */
export const makeHosts = async <Name extends string>(
  ...names: Name[]
): Promise<Record<Name, Host>> => {
  ip('link', 'set', 'lo', 'up')
  for (const network of networks) {
    ip('link', 'add', network, 'type', 'bridge')
    ip('link', 'set', network, 'up')
  }
  ip('addr', 'add', `${outside}/24`, 'dev', 'wan')
  const hosts = {} as Record<Name, Host>
  for (const [index, name] of names.entries()) hosts[name] = await makeHost(name, index + 1)
  return hosts
}
